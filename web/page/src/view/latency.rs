//! How long windows take, over the last of them.

use std::collections::{BTreeMap, VecDeque};

use mesm_protocol::Outcome;
use web_sys::Element;

use crate::browser::{add, by_id};
use crate::capture::rate_hz;
use crate::english;
use crate::error::PageError;

/// Windows that the figures are over.
const OVER: usize = 60;
/// The steps in their order, and their names.
const STEPS: [(&str, &str); 5] = [
    ("faces", english::latency::FACES),
    ("mel", english::latency::SPECTROGRAM),
    ("text", english::latency::WORDS),
    ("model", english::latency::MODEL),
    ("total", english::latency::ALL),
];

/// The table of latencies.
pub(crate) struct LatencyView {
    card: Element,
    by_step: BTreeMap<String, VecDeque<f64>>,
    shown_ms: VecDeque<f64>,
}

impl LatencyView {
    pub(crate) fn find() -> Result<Self, PageError> {
        Ok(Self {
            card: by_id("latency")?,
            by_step: BTreeMap::new(),
            shown_ms: VecDeque::new(),
        })
    }

    /// Counts a window that was judged at `now_ms`, and shows the figures.
    pub(crate) fn add(&mut self, outcome: &Outcome, now_ms: f64) -> Result<(), PageError> {
        let keep = |values: &mut VecDeque<f64>, value: f64| {
            values.push_back(value);
            if values.len() > OVER {
                values.pop_front();
            }
        };
        for (step, ms) in &outcome.timings_ms {
            keep(self.by_step.entry(step.clone()).or_default(), *ms);
        }
        keep(&mut self.shown_ms, now_ms);
        self.card.set_text_content(None);
        let table = add(&self.card, "table", "points", "")?;
        let head = add(&add(&table, "thead", "", "")?, "tr", "", "")?;
        for title in english::latency::HEADS {
            let cell = add(&head, "th", "", title)?;
            cell.set_attribute("scope", "col")
                .map_err(PageError::browser(english::failed::SHOWING_FIGURES))?;
        }
        let body = add(&table, "tbody", "", "")?;
        for (step, name) in STEPS {
            let Some(values) = self.by_step.get(step) else {
                continue;
            };
            let line = add(&body, "tr", "", "")?;
            add(&line, "th", "", name)?
                .set_attribute("scope", "row")
                .map_err(PageError::browser(english::failed::SHOWING_FIGURES))?;
            let last = values.back().copied().unwrap_or_default();
            for ms in [last, quantile(values, 0.5), quantile(values, 0.95)] {
                add(&line, "td", "", &english::latency::milliseconds(ms))?;
            }
        }
        let about = english::latency::about(
            self.shown_ms.len(),
            outcome.memory_bytes as f64 / 1e6,
            rate_hz(&self.shown_ms),
        );
        add(&self.card, "p", "small", &about).map(drop)
    }
}

/// The value below which the share `q` of the values lies; the larger of two neighbours.
fn quantile(values: &VecDeque<f64>, q: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let place = (q * sorted.len() as f64) as usize;
    let place = place.min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: VecDeque<f64> = (1..=20).map(f64::from).collect();
        assert!((quantile(&values, 0.5) - 11.0).abs() < 1e-9);
        assert!((quantile(&values, 0.95) - 20.0).abs() < 1e-9);
        assert!(quantile(&VecDeque::new(), 0.5).abs() < 1e-9);
    }
}
