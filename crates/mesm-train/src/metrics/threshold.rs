//! From which probability on an answer is yes.

use super::binary::BinaryCounts;

/// How many thresholds are tried.
pub const THRESHOLDS: usize = 19;

/// The thresholds that are tried: 0.05, 0.10, ... 0.95, made as the authors' `arange` makes them.
#[must_use]
pub fn thresholds() -> [f64; THRESHOLDS] {
    std::array::from_fn(|i| 0.05 + i as f64 * 0.05)
}

/// The probability a logit stands for when each class is a question of its own.
#[must_use]
pub fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The threshold of the highest F1, the lowest one of several, as the authors choose it (on the validation split).
///
/// `probabilities` are in 0..1. 0.05 where no threshold finds anything, so also where the class does not occur.
#[must_use]
pub fn best_threshold(probabilities: &[f32], truth: &[bool]) -> f64 {
    let tried = thresholds().map(|t| (t, BinaryCounts::at(probabilities, truth, t).f1().value));
    let first = tried[0];
    let best = tried
        .into_iter()
        .fold(first, |best, now| if now.1 > best.1 { now } else { best });
    best.0
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_is_taken() {
        let found = best_threshold(&[0.12, 0.42, 0.8, 0.9], &[false, false, true, true]);
        assert!((found - 0.45).abs() < 1e-9, "{found}");
    }

    #[test]
    fn nothing_to_find_gives_the_lowest() {
        assert_eq!(best_threshold(&[0.5], &[false]), 0.05);
        assert_eq!(best_threshold(&[], &[]), 0.05);
        assert_eq!(best_threshold(&[f32::NAN], &[true]), 0.05);
    }

    #[test]
    fn loud_logits_are_probabilities() {
        assert_eq!(sigmoid(-200.0), 0.0);
        assert_eq!(sigmoid(200.0), 1.0);
        assert_eq!(sigmoid(0.0), 0.5);
    }
}
