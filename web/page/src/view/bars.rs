//! A bar for each class, and under it what each modality adds or takes.

use mesm_protocol::{Modality, ModelReport, Outcome};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::browser::{add, by_id};
use crate::english;
use crate::error::PageError;

/// Style class of a modality.
fn style(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "words",
        Modality::Visual => "face",
        Modality::Acoustic => "voice",
    }
}

struct Row {
    bar: HtmlElement,
    value: Element,
    share: Element,
    parts: [HtmlElement; 3],
}

/// The list of classes.
pub(crate) struct BarsView {
    list: Element,
    percentages: Element,
    notes: HtmlElement,
    facts: Element,
    rows: Vec<Row>,
    smooth: Smooth,
}

impl BarsView {
    pub(crate) fn find() -> Result<Self, PageError> {
        Ok(Self {
            list: by_id("bars")?,
            percentages: by_id("percentages")?,
            notes: by_id("notes")?,
            facts: by_id("facts")?,
            rows: Vec::new(),
            smooth: Smooth::default(),
        })
    }

    /// Draws an empty bar for every class.
    pub(crate) fn prepare(&mut self, model: &ModelReport) -> Result<(), PageError> {
        self.percentages.set_text_content(Some(if model.one_of_all {
            english::bars::ONE_OF_ALL
        } else {
            english::bars::EACH_BY_ITSELF
        }));
        self.list.set_text_content(None);
        self.rows.clear();
        for class in &model.classes {
            let item = add(&self.list, "li", "", "")?;
            add(&item, "span", "name", &capitalised(class))?;
            let frame = add(&item, "span", "bar", "")?;
            let bar = add(&frame, "i", "", "")?.unchecked_into();
            let value = add(&item, "span", "value", "–")?;
            let share = add(&item, "span", "share", "")?;
            let mut parts = Vec::with_capacity(3);
            for modality in Modality::ALL {
                parts.push(add(&share, "i", style(modality), "")?.unchecked_into());
            }
            let parts = parts
                .try_into()
                .map_err(|_| PageError::Missing(english::missing::SHARES))?;
            let row = Row {
                bar,
                value,
                share,
                parts,
            };
            set(&row.bar, "width", 0.0)?;
            self.rows.push(row);
        }
        Ok(())
    }

    /// Lets the next result stand alone.
    pub(crate) fn forget(&mut self) {
        self.smooth = Smooth::default();
    }

    /// Shows a result of the time `t_ms`; the bars follow it within `smoothing_ms`, at once where that is 0.
    pub(crate) fn show(
        &mut self,
        outcome: &Outcome,
        t_ms: f64,
        smoothing_ms: f64,
    ) -> Result<(), PageError> {
        let scale = share_scale(outcome);
        let shown = self
            .smooth
            .follow(&outcome.probabilities, t_ms, smoothing_ms);
        for (class, row) in self.rows.iter().enumerate() {
            let probability = shown.get(class).copied().unwrap_or(0.0);
            set(&row.bar, "width", f64::from(probability) * 100.0)?;
            row.value
                .set_text_content(Some(&english::percent(probability * 100.0)));
            let shares = Modality::ALL.map(|modality| share_of(outcome, modality, class));
            for (part, (left, width)) in row.parts.iter().zip(segments(shares, scale)) {
                set(part, "left", left)?;
                set(part, "width", width)?;
            }
            let text: Vec<String> = Modality::ALL
                .into_iter()
                .zip(shares)
                .map(|(modality, share)| english::bars::share(modality, share))
                .collect();
            row.share
                .set_attribute("title", &english::list(&text))
                .map_err(PageError::browser(english::failed::DRAWING_RESULT))?;
        }
        self.show_notes(&outcome.notes)?;
        self.show_facts(outcome)
    }

    fn show_notes(&self, notes: &[String]) -> Result<(), PageError> {
        self.notes.set_text_content(None);
        self.notes.set_hidden(notes.is_empty());
        for note in notes {
            add(&self.notes, "li", "", note)?;
        }
        Ok(())
    }

    fn show_facts(&self, outcome: &Outcome) -> Result<(), PageError> {
        self.facts.set_text_content(None);
        let facts = [
            (
                english::bars::FACES_FOUND,
                english::part_of(outcome.faces_found, outcome.frames),
            ),
            (english::bars::SOUND_CHUNKS, outcome.chunks.to_string()),
            (
                english::bars::TIME,
                english::bars::seconds(outcome.total_ms() / 1000.0),
            ),
            (
                english::bars::DEVICE,
                english::device::kind(outcome.device).to_owned(),
            ),
        ];
        for (name, value) in facts {
            let fact = add(&self.facts, "div", "", "")?;
            add(&fact, "dt", "", name)?;
            add(&fact, "dd", "", &value)?;
        }
        Ok(())
    }
}

/// Probabilities that follow the newest ones with the distance of `exp(-elapsed / time)`.
#[derive(Debug, Default)]
struct Smooth {
    values: Vec<f32>,
    t_ms: f64,
}

impl Smooth {
    fn follow(&mut self, newest: &[f32], t_ms: f64, time_ms: f64) -> Vec<f32> {
        let elapsed_ms = (t_ms - self.t_ms).max(0.0);
        self.t_ms = t_ms;
        if time_ms <= 0.0 || self.values.len() != newest.len() {
            self.values = newest.to_vec();
        } else {
            let keep = (-elapsed_ms / time_ms).exp() as f32;
            for (value, newest) in self.values.iter_mut().zip(newest) {
                *value = newest + (*value - newest) * keep;
            }
        }
        self.values.clone()
    }
}

fn share_of(outcome: &Outcome, modality: Modality, class: usize) -> f32 {
    outcome
        .shares
        .get(&modality)
        .and_then(|shares| shares.get(class))
        .copied()
        .unwrap_or(0.0)
}

/// The longest side that any class needs, so that lines of different classes can be compared.
fn share_scale(outcome: &Outcome) -> f32 {
    (0..outcome.classes.len())
        .flat_map(|class| {
            let shares = Modality::ALL.map(|modality| share_of(outcome, modality, class));
            let side = |sign: f32| shares.iter().map(|s| (s * sign).max(0.0)).sum::<f32>();
            [side(1.0), side(-1.0)]
        })
        .fold(1e-6, f32::max)
}

/// Left edge and width in percent of each share's segment: positive ones to the right of the middle, negative ones to
/// the left, one after the other.
fn segments(shares: [f32; 3], scale: f32) -> [(f64, f64); 3] {
    let (mut right, mut left) = (50.0, 50.0);
    shares.map(|share| {
        let width = f64::from(share.abs() / scale) * 50.0;
        if share >= 0.0 {
            right += width;
            (right - width, width)
        } else {
            left -= width;
            (left, width)
        }
    })
}

fn set(element: &HtmlElement, property: &str, percent: f64) -> Result<(), PageError> {
    element
        .style()
        .set_property(property, &format!("{percent:.2}%"))
        .map_err(PageError::browser(english::failed::DRAWING_RESULT))
}

fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_leave_the_middle_in_both_directions() {
        let [words, face, voice] = segments([1.0, -0.5, 1.0], 2.0);
        assert_eq!(words, (50.0, 25.0));
        assert_eq!(face, (37.5, 12.5));
        assert_eq!(voice, (75.0, 25.0));
    }

    #[test]
    fn smoothing_is_by_time_and_may_be_off() {
        let mut smooth = Smooth::default();
        assert_eq!(smooth.follow(&[1.0], 0.0, 1000.0), [1.0]);
        let half_ms = 1000.0 * std::f64::consts::LN_2;
        let followed = smooth.follow(&[0.0], half_ms, 1000.0);
        assert!((followed[0] - 0.5).abs() < 1e-6, "{followed:?}");
        assert_eq!(smooth.follow(&[0.25], 900.0, 0.0), [0.25]);
    }

    #[test]
    fn names_begin_with_a_capital() {
        assert_eq!(capitalised("surprise"), "Surprise");
        assert_eq!(capitalised(""), "");
    }
}
