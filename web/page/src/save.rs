//! Results that are taken away: tables, lines and a picture, written by the page and saved by the person.

use std::collections::BTreeMap;

use js_sys::Array;
use mesm_protocol::{DeviceKind, Macs, Modality};
use serde::Serialize;
use wasm_bindgen::JsCast;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, HtmlCanvasElement, Url};

use crate::browser::{by_id, make};
use crate::english;
use crate::error::PageError;
use crate::history::{History, Moment};

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A line a window, probabilities, shares, cost.
    Csv,
    /// A JSON object a line, everything but pictures and maps.
    JsonLines,
    /// The time line as it is drawn.
    Png,
}

/// Offers the file to the person.
pub(crate) fn save(history: &History, format: Format) -> Result<(), PageError> {
    match format {
        Format::Csv => offer("mesm.csv", "text/csv", &csv(history.moments())),
        Format::JsonLines => {
            let lines = json_lines(history.moments())?;
            offer("mesm.jsonl", "application/jsonl", &lines)
        }
        Format::Png => {
            let canvas: HtmlCanvasElement = by_id("timeline-map")?;
            let address = canvas
                .to_data_url_with_type("image/png")
                .map_err(PageError::browser(english::failed::WRITING_PICTURE))?;
            click("mesm.png", &address)
        }
    }
}

fn offer(name: &str, kind: &str, text: &str) -> Result<(), PageError> {
    let failed = PageError::browser(english::failed::WRITING_FILE);
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)
        .map_err(&failed)?;
    let address = Url::create_object_url_with_blob(&blob).map_err(&failed)?;
    let clicked = click(name, &address);
    // The download has begun and holds the bytes itself.
    let _ = Url::revoke_object_url(&address);
    clicked
}

fn click(name: &str, address: &str) -> Result<(), PageError> {
    let link: HtmlAnchorElement = make("a", "")?;
    link.set_href(address);
    link.set_download(name);
    link.unchecked_ref::<web_sys::HtmlElement>().click();
    Ok(())
}

fn csv<'a>(moments: impl Iterator<Item = &'a Moment>) -> String {
    let mut text = String::new();
    for (index, moment) in moments.enumerate() {
        let outcome = &moment.outcome;
        if index == 0 {
            let mut head = ["end_s", "model", "top_p"].map(str::to_owned).to_vec();
            head.extend(outcome.classes.iter().map(|class| format!("p_{class}")));
            for modality in Modality::ALL {
                let share = |class| format!("share_{}_{class}", modality.letter());
                head.extend(outcome.classes.iter().map(share));
            }
            head.extend(["macs_pairs", "macs_dense", "total_ms", "words"].map(str::to_owned));
            text += &(head.join(",") + "\n");
        }
        let mut line = vec![
            format!("{:.3}", moment.end_ms / 1000.0),
            model(moment).to_owned(),
            moment.top_p.to_string(),
        ];
        line.extend(outcome.probabilities.iter().map(f32::to_string));
        for modality in Modality::ALL {
            let shares = outcome.shares.get(&modality);
            line.extend((0..outcome.classes.len()).map(|class| {
                let share = shares.and_then(|shares| shares.get(class));
                share.map_or_else(String::new, f32::to_string)
            }));
        }
        let macs = outcome.all_macs();
        line.push(macs.pairs.to_string());
        line.push(macs.dense.to_string());
        line.push(format!("{:.1}", outcome.total_ms()));
        line.push(quoted(&moment.words));
        text += &(line.join(",") + "\n");
    }
    text
}

/// Which model judged a moment, by the native program's names.
fn model(moment: &Moment) -> &'static str {
    if moment.every_point { "fe2e" } else { "mesm" }
}

/// A field of a table: in quotation marks, as words have commas and lines; and no program takes it for a formula.
fn quoted(words: &str) -> String {
    let safe = if words.starts_with(['=', '+', '-', '@']) {
        format!("'{words}")
    } else {
        words.to_owned()
    };
    format!("\"{}\"", safe.replace('"', "\"\""))
}

/// What a line of JSON says about a moment, under the names that the native program's files have; pictures and maps are
/// left out.
#[derive(Serialize)]
struct Line<'a> {
    end_s: f64,
    model: &'static str,
    top_p: f32,
    words: &'a str,
    classes: &'a [String],
    probabilities: &'a [f32],
    logits: &'a [f32],
    shares: &'a BTreeMap<Modality, Vec<f32>>,
    frames: usize,
    faces_found: usize,
    chunks: usize,
    active_points: &'a BTreeMap<Modality, Vec<usize>>,
    macs: &'a BTreeMap<Modality, Macs>,
    device: DeviceKind,
    timings_ms: &'a BTreeMap<String, f64>,
    notes: &'a [String],
}

fn json_lines<'a>(moments: impl Iterator<Item = &'a Moment>) -> Result<String, PageError> {
    let mut text = String::new();
    for moment in moments {
        let outcome = &moment.outcome;
        let line = Line {
            end_s: moment.end_ms / 1000.0,
            model: model(moment),
            top_p: moment.top_p,
            words: &moment.words,
            classes: &outcome.classes,
            probabilities: &outcome.probabilities,
            logits: &outcome.logits,
            shares: &outcome.shares,
            frames: outcome.frames,
            faces_found: outcome.faces_found,
            chunks: outcome.chunks,
            active_points: &outcome.active_points,
            macs: &outcome.macs,
            device: outcome.device,
            timings_ms: &outcome.timings_ms,
            notes: &outcome.notes,
        };
        let json = serde_json::to_string(&line).map_err(|e| PageError::Input(e.to_string()))?;
        text += &json;
        text.push('\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_stay_one_field() {
        assert_eq!(quoted("so, \"it\"\nis"), "\"so, \"\"it\"\"\nis\"");
        assert_eq!(quoted("=1+1"), "\"'=1+1\"");
    }
}
