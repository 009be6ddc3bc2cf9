//! Sentiment, a number in -3..3.

use serde::{Deserialize, Serialize};

use super::binary::BinaryCounts;
use super::score::{Degenerate, Score};

/// How well sentiment is told, as the authors' code measures it for CMU-MOSEI.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SentimentScores {
    /// Mean absolute error; 0 of nothing.
    pub mean_absolute_error: Score,
    /// Share of right answers to "is it above 0", in 0..1; 0 of nothing.
    pub accuracy_2: Score,
    /// Share of right answers after rounding to -2..2.
    pub accuracy_5: Score,
    /// Share of right answers after rounding to -3..3.
    pub accuracy_7: Score,
    /// F1 of "above 0" and of "not above 0", weighed by how often each is *told* (the authors pass truth and answer in
    /// this order).
    pub f1: Score,
    /// Pearson's correlation in -1..1; 0 where one side is constant.
    pub correlation: Score,
}

/// What a truth of exactly 0 is, where only the sign of sentiment is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZeroSign {
    /// At least 0 is positive, in the answer too.
    Positive,
    /// Only above 0 is positive.
    Negative,
    /// Such utterances are left out; among the others, above 0 is positive.
    LeftOut,
}

/// How well the sign of sentiment is told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SignScores {
    /// Share of right answers, in 0..1; 0 of nothing.
    pub accuracy: Score,
    /// F1 of both signs, weighed by how often each is *told*, as [`SentimentScores::f1`].
    pub f1: Score,
}

/// How well the sign is told, under one of the three conventions that MMLatch's authors report side by side. Values are
/// left out as [`sentiment`] does.
#[must_use]
pub fn sentiment_signs(told: &[f32], truth: &[f32], zero: ZeroSign) -> SignScores {
    let signs = signs(&finite_pairs(told, truth), zero);
    SignScores {
        accuracy: signs.accuracy(),
        f1: signs.weighted_f1(),
    }
}

fn finite_pairs(told: &[f32], truth: &[f32]) -> Vec<(f64, f64)> {
    told.iter()
        .zip(truth)
        .map(|(told, truth)| (f64::from(*told), f64::from(*truth)))
        .filter(|(told, truth)| told.is_finite() && truth.is_finite())
        .collect()
}

fn signs(pairs: &[(f64, f64)], zero: ZeroSign) -> BinaryCounts {
    let positive = |value: f64| match zero {
        ZeroSign::Positive => value >= 0.0,
        ZeroSign::Negative | ZeroSign::LeftOut => value > 0.0,
    };
    BinaryCounts::from_pairs(
        pairs
            .iter()
            .filter(|(_, truth)| !(zero == ZeroSign::LeftOut && *truth == 0.0))
            // Exchanged: see `SentimentScores::f1`.
            .map(|(told, truth)| (positive(*told), positive(*truth))),
    )
}

/// Compares what is told with the truth, both about -3..3; rounding is half to even, as numpy's.
///
/// With `without_zeros`, utterances whose truth is 0 are left out of the two figures about the sign. Values that have no
/// counterpart, or are not finite on either side, are not looked at.
#[must_use]
pub fn sentiment(told: &[f32], truth: &[f32], without_zeros: bool) -> SentimentScores {
    let pairs = finite_pairs(told, truth);
    let zero = if without_zeros {
        ZeroSign::LeftOut
    } else {
        ZeroSign::Negative
    };
    let signs = signs(&pairs, zero);
    SentimentScores {
        mean_absolute_error: mean(pairs.iter().map(|(told, truth)| (told - truth).abs())),
        accuracy_2: signs.accuracy(),
        accuracy_5: within(&pairs, 2.0),
        accuracy_7: within(&pairs, 3.0),
        f1: signs.weighted_f1(),
        correlation: correlation(&pairs),
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> Score {
    match values.len() {
        0 => Score::agreed(0.0, Degenerate::Nothing),
        n => Score::measured(values.sum::<f64>() / n as f64),
    }
}

/// Share of pairs that are the same class of `-limit..limit`.
fn within(pairs: &[(f64, f64)], limit: f64) -> Score {
    let class = |value: f64| value.clamp(-limit, limit).round_ties_even();
    let right = pairs.iter().map(|(told, truth)| {
        let same = class(*told) - class(*truth) == 0.0;
        f64::from(u8::from(same))
    });
    mean(right)
}

fn correlation(pairs: &[(f64, f64)]) -> Score {
    let of_told = mean(pairs.iter().map(|pair| pair.0)).value;
    let of_truth = mean(pairs.iter().map(|pair| pair.1)).value;
    let (mut both, mut told_sq, mut truth_sq) = (0.0, 0.0, 0.0);
    for (told, truth) in pairs {
        let (a, b) = (told - of_told, truth - of_truth);
        both += a * b;
        told_sq += a * a;
        truth_sq += b * b;
    }
    let scale = (told_sq * truth_sq).sqrt();
    if scale > 0.0 {
        Score::measured((both / scale).clamp(-1.0, 1.0))
    } else {
        Score::agreed(0.0, Degenerate::Constant)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_number() {
        let scores = sentiment(&[0.5, 1.5], &[0.0, 2.0], false);
        assert_eq!(scores.accuracy_7.value, 1.0);
    }

    #[test]
    fn the_ends_are_one_class() {
        let scores = sentiment(&[-9.0, 2.6], &[-3.0, 2.0], false);
        assert_eq!(scores.accuracy_7.value, 0.5);
        assert_eq!(scores.accuracy_5.value, 1.0);
    }

    #[test]
    fn a_constant_correlates_with_nothing() {
        let scores = sentiment(&[1.0, 1.0], &[0.0, 2.0], true);
        assert_eq!(scores.correlation, Score::agreed(0.0, Degenerate::Constant));
        assert_eq!(scores.accuracy_2.value, 1.0);
        let nothing = sentiment(&[], &[], false);
        assert_eq!(nothing.mean_absolute_error.note, Some(Degenerate::Nothing));
        assert_eq!(nothing.f1.value, 0.0);
        assert_eq!(sentiment(&[f32::NAN], &[1.0], false), nothing);
    }
}
