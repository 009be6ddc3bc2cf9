//! Whether answers are right as often as they are sure.

use serde::{Deserialize, Serialize};

/// Answers of about the same confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Confidence is at least this, in 0..1 ...
    pub from: f64,
    /// ... and below this, or equal to it if this is 1.
    pub to: f64,
    /// How many answers.
    pub n: u64,
    /// Their mean confidence.
    pub confidence: f64,
    /// Share of them that is right.
    pub accuracy: f64,
}

/// Confidence compared with success.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Calibration {
    /// How many answers.
    pub n: u64,
    /// Expected calibration error: mean distance of confidence and accuracy of a bin, weighed by the answers in it, in
    /// 0..1 (Naeini et al. 2015, bins of equal width); 0 of nothing.
    pub expected_error: f64,
    /// The bins that have answers, from unsure to sure.
    pub bins: Vec<ReliabilityBin>,
}

impl Calibration {
    /// Sorts `(confidence, right)` into `bins` of equal width; 10 to 15 are usual, 0 is taken as 1. A confidence beyond
    /// 0..1 counts as the nearer end, one that is no number as 0.
    pub fn new(bins: usize, answers: impl IntoIterator<Item = (f32, bool)>) -> Self {
        let bins = bins.max(1);
        let mut sums = vec![(0_u64, 0.0_f64, 0_u64); bins];
        for (confidence, right) in answers {
            let confidence = if confidence.is_nan() {
                0.0
            } else {
                f64::from(confidence.clamp(0.0, 1.0))
            };
            let bin = ((confidence * bins as f64) as usize).min(bins - 1);
            let (n, sum, rights) = &mut sums[bin];
            *n += 1;
            *sum += confidence;
            *rights += u64::from(right);
        }
        let n: u64 = sums.iter().map(|(n, ..)| n).sum();
        let bins: Vec<ReliabilityBin> = sums
            .into_iter()
            .enumerate()
            .filter(|(_, (n, ..))| *n > 0)
            .map(|(bin, (n, sum, rights))| ReliabilityBin {
                from: bin as f64 / bins as f64,
                to: (bin + 1) as f64 / bins as f64,
                n,
                confidence: sum / n as f64,
                accuracy: rights as f64 / n as f64,
            })
            .collect();
        let gaps = bins
            .iter()
            .map(|bin| bin.n as f64 * (bin.confidence - bin.accuracy).abs());
        Self {
            n,
            expected_error: gaps.sum::<f64>() / n.max(1) as f64,
            bins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_by_hand() {
        let answers = [(0.25, true), (0.25, false), (0.75, true), (1.0, true)];
        let found = Calibration::new(2, answers);
        assert_eq!(found.bins.len(), 2);
        assert_eq!((found.bins[0].n, found.bins[0].accuracy), (2, 0.5));
        assert_eq!((found.bins[1].n, found.bins[1].confidence), (2, 0.875));
        let expected = (2.0 * 0.25 + 2.0 * 0.125) / 4.0;
        assert!((found.expected_error - expected).abs() < 1e-12);
    }

    #[test]
    fn bins_begin_at_their_lower_end() {
        let found = Calibration::new(4, [(0.5, true), (0.0, false), (1.0, true)]);
        let ends: Vec<(f64, f64)> = found.bins.iter().map(|bin| (bin.from, bin.to)).collect();
        assert_eq!(ends, [(0.0, 0.25), (0.5, 0.75), (0.75, 1.0)]);
    }

    #[test]
    fn nothing_and_nonsense_have_figures() {
        assert_eq!(Calibration::new(10, []), Calibration::default());
        let odd = Calibration::new(0, [(f32::NAN, false), (7.0, true), (-1.0, false)]);
        assert_eq!(odd.bins.len(), 1);
        assert!(odd.expected_error.abs() < 1e-12);
    }
}
