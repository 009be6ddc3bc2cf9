//! Everything that is drawn from a result.

mod attention;
mod bars;
mod colours;
mod cost;
mod face_box;
mod lines;
pub(crate) mod theme;

use js_sys::ArrayBuffer;
use mesm_protocol::{DeviceReport, Modality, ModelReport, Outcome};

use crate::error::PageError;
use attention::AttentionView;
use bars::BarsView;
use cost::CostView;

pub(crate) use face_box::place_face_box;
pub(crate) use lines::{device_name, done_line, ready_line};

/// The cards that show results.
pub(crate) struct Views {
    bars: BarsView,
    face: AttentionView,
    voice: AttentionView,
    cost: CostView,
}

impl Views {
    /// Finds their places in the document.
    pub(crate) fn find() -> Result<Self, PageError> {
        Ok(Self {
            bars: BarsView::find()?,
            face: AttentionView::face()?,
            voice: AttentionView::voice()?,
            cost: CostView::find()?,
        })
    }

    /// Shows what is known before the first result.
    pub(crate) fn prepare(
        &mut self,
        device: &DeviceReport,
        model: &ModelReport,
    ) -> Result<(), PageError> {
        self.bars.prepare(model)?;
        self.cost.prepare(device, model);
        Ok(())
    }

    /// Shows a result whose buffers were checked.
    pub(crate) fn show(
        &mut self,
        outcome: &Outcome,
        buffers: &[ArrayBuffer],
    ) -> Result<(), PageError> {
        self.bars.show(outcome)?;
        let layers = |modality| {
            outcome
                .attention
                .get(&modality)
                .map_or(&[][..], Vec::as_slice)
        };
        self.face
            .show(outcome.crops, layers(Modality::Visual), buffers)?;
        self.voice
            .show(outcome.mels, layers(Modality::Acoustic), buffers)?;
        self.cost.show(outcome)
    }
}
