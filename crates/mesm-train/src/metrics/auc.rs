//! Area under the ROC curve.

use super::score::{Degenerate, Score};

/// How often a random positive scores above a random negative, ties counting half, in 0..1: the area under the ROC
/// curve, as scikit-learn's.
///
/// `scores` are in any monotone unit and are compared in the order of [`f32::total_cmp`]. Where all of `truth` is alike
/// the area is agreed to be that of guessing, 0.5 (scikit-learn says NaN). Scores without a truth, or the other way
/// round, are not looked at.
#[must_use]
pub fn auc(scores: &[f32], truth: &[bool]) -> Score {
    // 0.0 and -0.0 are the same score.
    let mut ordered: Vec<(f32, bool)> = scores
        .iter()
        .map(|score| score + 0.0)
        .zip(truth.iter().copied())
        .collect();
    ordered.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let positives = ordered.iter().filter(|(_, so)| *so).count();
    let negatives = ordered.len() - positives;
    match (positives, negatives) {
        (0, 0) => return Score::agreed(0.5, Degenerate::Nothing),
        (0, _) => return Score::agreed(0.5, Degenerate::NoPositives),
        (_, 0) => return Score::agreed(0.5, Degenerate::NoNegatives),
        _ => {}
    }
    // Pairs won, counted in halves so that everything stays whole.
    let (mut halves, mut below) = (0_u128, 0_u128);
    for tied in ordered.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let so = tied.iter().filter(|(_, so)| *so).count() as u128;
        let not = tied.len() as u128 - so;
        halves += so * (2 * below + not);
        below += not;
    }
    Score::measured(halves as f64 / 2.0 / (positives as f64 * negatives as f64))
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    /// Every pair, one after the other.
    fn by_pairs(scores: &[f32], truth: &[bool]) -> f64 {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (a, so) in scores.iter().zip(truth) {
            for (b, other) in scores.iter().zip(truth) {
                if *so && !*other {
                    pairs += 1.0;
                    won += if a > b {
                        1.0
                    } else if (a - b).abs() < f32::EPSILON {
                        0.5
                    } else {
                        0.0
                    };
                }
            }
        }
        won / pairs
    }

    #[test]
    fn agrees_with_counting_all_pairs() {
        let scores: Vec<f32> = (0..60).map(|i| ((i * 37 % 23) as f32) / 23.0).collect();
        let truth: Vec<bool> = (0..60).map(|i| i * 29 % 7 < 3).collect();
        let found = auc(&scores, &truth);
        assert!((found.value - by_pairs(&scores, &truth)).abs() < 1e-12);
    }

    #[test]
    fn zeros_of_both_signs_tie() {
        assert_eq!(auc(&[0.0, -0.0], &[true, false]).value, 0.5);
        assert_eq!(auc(&[-0.0, 0.0], &[true, false]).value, 0.5);
    }

    #[test]
    fn one_class_alone_is_guessing() {
        assert_eq!(
            auc(&[0.1, 0.9], &[true, true]),
            Score::agreed(0.5, Degenerate::NoNegatives)
        );
        assert_eq!(auc(&[], &[]).value, 0.5);
        assert!(auc(&[f32::NAN, 0.2], &[true, false]).value.is_finite());
    }
}
