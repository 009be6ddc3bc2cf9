//! Multiply-accumulates and kept points.

use mesm_protocol::{DeviceReport, Macs, Modality, ModelReport, Outcome};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::browser::{add, by_id};
use crate::english;
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
        self.about = english::device::details(device, model);
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
            (english::cost::DENSE, dense, "bar"),
            (english::cost::BY_POINT, sites, "bar sparse"),
            (english::cost::BY_PAIR, pairs, "bar sparse"),
        ];
        for (name, macs, style) in lines {
            let line = add(&side, "div", "cost-line", "")?;
            add(&line, "span", "", name)?;
            let part = if dense == 0 {
                0.0
            } else {
                macs as f64 / dense as f64
            };
            let text = english::cost::macs(macs, part);
            add(&line, "span", "value", &text)?;
            let frame = add(&line, "span", style, "")?;
            let bar: HtmlElement = add(&frame, "i", "", "")?.unchecked_into();
            bar.style()
                .set_property("width", &format!("{:.2}%", (part * 100.0).min(100.0)))
                .map_err(PageError::browser(english::failed::DRAWING_COST))?;
        }
        add(&side, "p", "small", english::cost::EXPLANATION)?;
        add(&side, "p", "small", &self.about)?;
        Ok(())
    }

    fn show_points(&self, outcome: &Outcome) -> Result<(), PageError> {
        let side = add(&self.card, "div", "", "")?;
        let table = add(&side, "table", "points", "")?;
        let head = add(&table, "thead", "", "")?;
        let line = add(&head, "tr", "", "")?;
        for title in english::cost::HEADS {
            let cell = add(&line, "th", "", title)?;
            cell.set_attribute("scope", "col")
                .map_err(PageError::browser(english::failed::DRAWING_COST))?;
        }
        let body = add(&table, "tbody", "", "")?;
        for (modality, name) in [
            (Modality::Visual, english::cost::FACE),
            (Modality::Acoustic, english::cost::VOICE),
        ] {
            let Some(counts) = outcome.active_points.get(&modality) else {
                continue;
            };
            let line = add(&body, "tr", "", "")?;
            let cell = add(&line, "th", "", name)?;
            cell.set_attribute("scope", "row")
                .map_err(PageError::browser(english::failed::DRAWING_COST))?;
            let layers = outcome.attention.get(&modality);
            for (index, kept) in counts.iter().enumerate() {
                let all = layers
                    .and_then(|layers| layers.get(index))
                    .map(|layer| layer.height * layer.width * layer.weights.rows);
                let cell = add(&line, "td", "", &kept.to_string())?;
                if let Some(all) = all {
                    add(&cell, "small", "", &english::cost::of(all))?;
                }
            }
        }
        Ok(())
    }
}
