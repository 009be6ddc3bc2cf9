//! A figure that is always a number.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a figure was agreed and not measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Degenerate {
    /// There is nothing to judge.
    Nothing,
    /// The class occurs nowhere.
    NoPositives,
    /// The class occurs everywhere.
    NoNegatives,
    /// The class is found nowhere.
    NoneFound,
    /// One of the two series is constant.
    Constant,
}

impl fmt::Display for Degenerate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "there is nothing to judge",
            Self::NoPositives => "the class occurs nowhere",
            Self::NoNegatives => "the class occurs everywhere",
            Self::NoneFound => "the class is found nowhere",
            Self::Constant => "one side never changes",
        })
    }
}

/// A figure, finite whatever it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The figure.
    pub value: f64,
    /// Why it is agreed and not measured, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Degenerate>,
}

impl Score {
    /// A figure that was measured.
    #[must_use]
    pub fn measured(value: f64) -> Self {
        Self { value, note: None }
    }

    /// A figure that was agreed, because of `note`.
    #[must_use]
    pub fn agreed(value: f64, note: Degenerate) -> Self {
        Self {
            value,
            note: Some(note),
        }
    }

    /// `part / whole`, or `agreed` because of `note` where `whole` is 0.
    pub(super) fn share(part: u64, whole: u64, agreed: f64, note: Degenerate) -> Self {
        if whole == 0 {
            Self::agreed(agreed, note)
        } else {
            Self::measured(part as f64 / whole as f64)
        }
    }

    /// Mean of what was measured; of what was agreed where nothing was. 0 without scores.
    #[must_use]
    pub fn mean(scores: &[Self]) -> Self {
        let of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let measured: Vec<f64> = scores
            .iter()
            .filter(|score| score.note.is_none())
            .map(|score| score.value)
            .collect();
        if !measured.is_empty() {
            return Self::measured(of(&measured));
        }
        let all: Vec<f64> = scores.iter().map(|score| score.value).collect();
        match scores.first().and_then(|score| score.note) {
            Some(note) => Self::agreed(of(&all), note),
            None => Self::agreed(0.0, Degenerate::Nothing),
        }
    }

    /// Mean of all values, agreed ones too: scikit-learn's convention for precision, recall and F1, whose agreed value
    /// 0 is meant to count. 0 without scores.
    #[must_use]
    pub fn mean_with_agreed(scores: &[Self]) -> Self {
        if scores.is_empty() {
            return Self::agreed(0.0, Degenerate::Nothing);
        }
        Self::measured(scores.iter().map(|score| score.value).sum::<f64>() / scores.len() as f64)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    #[test]
    fn a_mean_leaves_out_what_was_not_measured() {
        let scores = [
            Score::measured(0.2),
            Score::agreed(0.5, Degenerate::NoPositives),
            Score::measured(0.4),
        ];
        assert!((Score::mean(&scores).value - 0.3).abs() < 1e-12);
        assert!((Score::mean_with_agreed(&scores).value - 1.1 / 3.0).abs() < 1e-12);
        let none = Score::mean(&scores[1..2]);
        assert_eq!(
            (none.value, none.note),
            (0.5, Some(Degenerate::NoPositives))
        );
        assert_eq!(Score::mean(&[]).value, 0.0);
        assert_eq!(Score::mean_with_agreed(&[]).value, 0.0);
    }

    #[test]
    fn only_an_agreed_score_has_a_note_in_json() {
        let json = |score| serde_json::to_string(&score).unwrap();
        assert_eq!(json(Score::measured(0.5)), r#"{"value":0.5}"#);
        let agreed = Score::agreed(0.0, Degenerate::NoneFound);
        assert_eq!(json(agreed), r#"{"value":0.0,"note":"none-found"}"#);
    }
}
