//! Everything that is drawn from a result.

mod attention;
mod bars;
mod colours;
mod cost;
mod curve;
mod latency;
mod maps;
mod stage;
pub(crate) mod theme;
mod timeline;

use std::rc::Rc;

use mesm_protocol::{DeviceReport, ModelReport, Outcome};
use web_sys::{HtmlButtonElement, HtmlInputElement};

use crate::browser::now_ms;
use crate::english;
use crate::error::PageError;
use crate::history::History;
use attention::AttentionView;
use bars::BarsView;
use cost::CostView;
use latency::LatencyView;
use maps::Maps;
use stage::StageView;
use timeline::TimelineView;

pub(crate) use curve::{CurvePoint, show as show_curve};
pub(crate) use maps::Paint;
pub(crate) use stage::Look;

/// Somebody who listens to the page hears what is said at most so often.
const SUMMARY_STEP_MS: f64 = 5000.0;

/// The cards that show results.
pub(crate) struct Views {
    bars: BarsView,
    stage: StageView,
    face: AttentionView,
    voice: AttentionView,
    timeline: TimelineView,
    cost: CostView,
    latency: LatencyView,
    summary_ms: f64,
}

impl Views {
    /// Finds their places in the document.
    pub(crate) fn find() -> Result<Self, PageError> {
        Ok(Self {
            bars: BarsView::find()?,
            stage: StageView::find()?,
            face: AttentionView::face()?,
            voice: AttentionView::voice()?,
            timeline: TimelineView::find()?,
            cost: CostView::find()?,
            latency: LatencyView::find()?,
            summary_ms: f64::NEG_INFINITY,
        })
    }

    /// The controls that go through the moments.
    pub(crate) fn moment_controls(&self) -> (HtmlInputElement, HtmlButtonElement) {
        (self.timeline.slider().clone(), self.timeline.live().clone())
    }

    /// Shows what is known before the first result.
    pub(crate) fn prepare(
        &mut self,
        device: &DeviceReport,
        model: &ModelReport,
    ) -> Result<(), PageError> {
        self.bars.prepare(model)?;
        self.timeline.prepare(&model.classes)?;
        self.cost.prepare(device, model);
        Ok(())
    }

    /// Counts a result among the latencies.
    pub(crate) fn count(&mut self, outcome: &Outcome) -> Result<(), PageError> {
        self.latency.add(outcome, now_ms())
    }

    /// Shows that there is nothing yet.
    pub(crate) fn clear(&mut self, history: &History) -> Result<(), PageError> {
        self.bars.forget();
        self.stage.clear()?;
        self.timeline.show(history)
    }

    /// Shows the moment that is looked at; its buffers were checked. Gives what those are to hear who listen to the
    /// page, where it is time for that.
    pub(crate) fn show(
        &mut self,
        history: &History,
        look: Look,
        smoothing_ms: f64,
    ) -> Result<Option<String>, PageError> {
        let Some(moment) = history.current() else {
            return Ok(None);
        };
        let held = history.is_held();
        let outcome = &moment.outcome;
        let smoothing_ms = if held { 0.0 } else { smoothing_ms };
        self.bars.show(outcome, moment.end_ms, smoothing_ms)?;
        let faces = Rc::new(Maps::of_faces(outcome, &moment.buffers));
        let voice = Rc::new(Maps::of_voice(outcome, &moment.buffers));
        self.stage.show(&moment, (&faces, &voice), look, held)?;
        self.face.show(&faces, look.paint)?;
        self.voice.show(&voice, look.paint)?;
        self.timeline.show(history)?;
        self.cost.show(outcome)?;
        let now = now_ms();
        if now - self.summary_ms < SUMMARY_STEP_MS {
            return Ok(None);
        }
        self.summary_ms = now;
        Ok(Some(english::status::likeliest(outcome)))
    }
}
