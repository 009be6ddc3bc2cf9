//! Multiply-accumulates and kept points.

use mesm_protocol::{DeviceReport, Macs, Modality, ModelReport, Outcome};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::lines::device_details;
use crate::browser::{add, by_id};
use crate::error::PageError;

/// The card of costs.
pub(crate) struct CostView {
    card: Element,
    about: String,
}

impl CostView {
    pub(crate) fn find() -> Result<Self, PageError> {
        Ok(Self {
            card: by_id("cost")?,
            about: String::new(),
        })
    }

    /// Remembers what the numbers were computed by.
    pub(crate) fn prepare(&mut self, device: &DeviceReport, model: &ModelReport) {
        self.about = device_details(device, model);
    }

    /// Shows a result.
    pub(crate) fn show(&self, outcome: &Outcome) -> Result<(), PageError> {
        self.card.set_text_content(None);
        self.show_macs(outcome)?;
        self.show_points(outcome)
    }

    fn show_macs(&self, outcome: &Outcome) -> Result<(), PageError> {
        let Macs {
            pairs,
            sites,
            dense,
        } = outcome.all_macs();
        let side = add(&self.card, "div", "", "")?;
        let lines = [
            ("Dense twin", dense, "bar"),
            ("Sparse, per active point", sites, "bar sparse"),
            ("Sparse, per active pair", pairs, "bar sparse"),
        ];
        for (name, macs, style) in lines {
            let line = add(&side, "div", "cost-line", "")?;
            add(&line, "span", "", name)?;
            let part = if dense == 0 {
                0.0
            } else {
                macs as f64 / dense as f64
            };
            let text = format!("{} ({:.0} %)", readable(macs), part * 100.0);
            add(&line, "span", "value", &text)?;
            let frame = add(&line, "span", style, "")?;
            let bar: HtmlElement = add(&frame, "i", "", "")?.unchecked_into();
            bar.style()
                .set_property("width", &format!("{:.2}%", (part * 100.0).min(100.0)))
                .map_err(PageError::browser("the cost could not be drawn"))?;
        }
        let explanation = "Multiply-accumulates of convolutions and attention in this window. A pair is an active point with an active neighbour, as the sparse library counts; per point, every active point pays for nine neighbours.";
        add(&side, "p", "small", explanation)?;
        add(&side, "p", "small", &self.about)?;
        Ok(())
    }

    fn show_points(&self, outcome: &Outcome) -> Result<(), PageError> {
        let side = add(&self.card, "div", "", "")?;
        let table = add(&side, "table", "points", "")?;
        let head = add(&table, "thead", "", "")?;
        let line = add(&head, "tr", "", "")?;
        for title in ["Active points", "Layer 1", "Layer 2", "Layer 3"] {
            let cell = add(&line, "th", "", title)?;
            cell.set_attribute("scope", "col")
                .map_err(PageError::browser("the cost could not be drawn"))?;
        }
        let body = add(&table, "tbody", "", "")?;
        for (modality, name) in [(Modality::Visual, "Face"), (Modality::Acoustic, "Voice")] {
            let Some(counts) = outcome.active_points.get(&modality) else {
                continue;
            };
            let line = add(&body, "tr", "", "")?;
            let cell = add(&line, "th", "", name)?;
            cell.set_attribute("scope", "row")
                .map_err(PageError::browser("the cost could not be drawn"))?;
            let layers = outcome.attention.get(&modality);
            for (index, kept) in counts.iter().enumerate() {
                let all = layers
                    .and_then(|layers| layers.get(index))
                    .map(|layer| layer.height * layer.width * layer.weights.rows);
                let cell = add(&line, "td", "", &kept.to_string())?;
                if let Some(all) = all {
                    add(&cell, "small", "", &format!("of {all}"))?;
                }
            }
        }
        Ok(())
    }
}

/// A count in thousands, millions or billions.
fn readable(count: u64) -> String {
    let count = count as f64;
    match count {
        c if c >= 1e9 => format!("{:.2} G", c / 1e9),
        c if c >= 1e6 => format!("{:.1} M", c / 1e6),
        c if c >= 1e3 => format!("{:.1} k", c / 1e3),
        c => format!("{c:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn counts_are_short() {
        assert_eq!(readable(8_728_000_000), "8.73 G");
        assert_eq!(readable(478_200_000), "478.2 M");
        assert_eq!(readable(12), "12");
    }
}
