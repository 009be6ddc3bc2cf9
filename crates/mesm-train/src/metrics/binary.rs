//! One class asked as a yes-or-no question.

use serde::{Deserialize, Serialize};

use super::score::{Degenerate, Score};

/// The four outcomes of a yes-or-no question.
///
/// Where scikit-learn has a value for a degenerate case (0 for precision, recall and F1) it is used here too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BinaryCounts {
    /// It is so, and was found.
    pub true_positives: u64,
    /// It is not so, but was found.
    pub false_positives: u64,
    /// It is so, but was not found.
    pub false_negatives: u64,
    /// It is not so, and was not found.
    pub true_negatives: u64,
}

impl BinaryCounts {
    /// Counts `(truth, answer)`.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (bool, bool)>) -> Self {
        let mut counts = Self::default();
        for pair in pairs {
            *match pair {
                (true, true) => &mut counts.true_positives,
                (false, true) => &mut counts.false_positives,
                (true, false) => &mut counts.false_negatives,
                (false, false) => &mut counts.true_negatives,
            } += 1;
        }
        counts
    }

    /// Counts answers at a threshold: an answer is yes where the probability is above `threshold`, strictly, compared
    /// in `f32` as the authors do.
    #[must_use]
    pub fn at(probabilities: &[f32], truth: &[bool], threshold: f64) -> Self {
        let threshold = threshold as f32;
        let answers = probabilities.iter().map(|p| *p > threshold);
        Self::from_pairs(truth.iter().copied().zip(answers))
    }

    /// How many there are.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.positives() + self.negatives()
    }

    /// How many are so.
    #[must_use]
    pub fn positives(&self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// How many are not so.
    #[must_use]
    pub fn negatives(&self) -> u64 {
        self.true_negatives + self.false_positives
    }

    /// The same with yes and no exchanged.
    fn swapped(self) -> Self {
        Self {
            true_positives: self.true_negatives,
            false_positives: self.false_negatives,
            false_negatives: self.false_positives,
            true_negatives: self.true_positives,
        }
    }

    /// Share of right answers, in 0..1; 0 of nothing.
    #[must_use]
    pub fn accuracy(&self) -> Score {
        let right = self.true_positives + self.true_negatives;
        Score::share(right, self.n(), 0.0, Degenerate::Nothing)
    }

    /// The paper's weighted accuracy `(TP * N / P + TN) / 2N`, the mean of the recalls of yes and no, in 0..1.
    ///
    /// The authors' code fails where `P` or `N` is 0; here it is the recall of the side there is, with a note; 0 of
    /// nothing.
    #[must_use]
    pub fn weighted_accuracy(&self) -> Score {
        let recall = |right: u64, of: u64| right as f64 / of as f64;
        match (self.positives(), self.negatives()) {
            (0, 0) => Score::agreed(0.0, Degenerate::Nothing),
            (0, n) => Score::agreed(recall(self.true_negatives, n), Degenerate::NoPositives),
            (p, 0) => Score::agreed(recall(self.true_positives, p), Degenerate::NoNegatives),
            (p, n) => Score::measured(f64::midpoint(
                recall(self.true_positives, p),
                recall(self.true_negatives, n),
            )),
        }
    }

    /// Share of what was found that is so, in 0..1; 0 where nothing was found.
    #[must_use]
    pub fn precision(&self) -> Score {
        let found = self.true_positives + self.false_positives;
        Score::share(self.true_positives, found, 0.0, Degenerate::NoneFound)
    }

    /// Share of what is so that was found, in 0..1; 0 where nothing is so.
    #[must_use]
    pub fn recall(&self) -> Score {
        let so = self.positives();
        Score::share(self.true_positives, so, 0.0, Degenerate::NoPositives)
    }

    /// Harmonic mean of precision and recall, `2TP / (2TP + FP + FN)`, in 0..1; 0 where nothing is so and nothing was
    /// found.
    #[must_use]
    pub fn f1(&self) -> Score {
        let twice = 2 * self.true_positives;
        let whole = twice + self.false_positives + self.false_negatives;
        Score::share(twice, whole, 0.0, Degenerate::NoPositives)
    }

    /// F1 of yes and of no, weighed by how often each is true, in 0..1; 0 of nothing. The authors' code reports this
    /// one for CMU-MOSEI, the paper means [`f1`](Self::f1).
    #[must_use]
    pub fn weighted_f1(&self) -> Score {
        if self.n() == 0 {
            return Score::agreed(0.0, Degenerate::Nothing);
        }
        let yes = self.f1().value * self.positives() as f64;
        let no = self.swapped().f1().value * self.negatives() as f64;
        Score::measured((yes + no) / self.n() as f64)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    const COUNTS: BinaryCounts = BinaryCounts {
        true_positives: 6,
        false_positives: 4,
        false_negatives: 2,
        true_negatives: 28,
    };

    fn assert_near(score: Score, expected: f64) {
        assert!(
            (score.value - expected).abs() < 1e-12,
            "{score:?} {expected}"
        );
        assert_eq!(score.note, None);
    }

    #[test]
    fn figures_by_hand() {
        assert_near(COUNTS.accuracy(), 34.0 / 40.0);
        assert_near(COUNTS.weighted_accuracy(), (6.0 * 32.0 / 8.0 + 28.0) / 64.0);
        assert_near(COUNTS.precision(), 0.6);
        assert_near(COUNTS.recall(), 0.75);
        assert_near(COUNTS.f1(), 2.0 / 3.0);
        assert_near(
            COUNTS.weighted_f1(),
            (8.0 * 2.0 / 3.0 + 32.0 * 56.0 / 62.0) / 40.0,
        );
    }

    #[test]
    fn what_is_not_defined_has_a_value_and_a_reason() {
        let nothing = BinaryCounts::default();
        for score in [
            nothing.accuracy(),
            nothing.weighted_accuracy(),
            nothing.precision(),
            nothing.recall(),
            nothing.f1(),
            nothing.weighted_f1(),
        ] {
            assert_eq!(score.value, 0.0);
            assert!(score.note.is_some());
        }
        let all_so = BinaryCounts::from_pairs([(true, true), (true, false)]);
        assert_eq!(
            all_so.weighted_accuracy(),
            Score::agreed(0.5, Degenerate::NoNegatives)
        );
        let none_so = BinaryCounts::from_pairs([(false, false)]);
        assert_eq!(
            none_so.weighted_accuracy(),
            Score::agreed(1.0, Degenerate::NoPositives)
        );
        assert_eq!(none_so.recall().note, Some(Degenerate::NoPositives));
        assert_eq!(none_so.precision().note, Some(Degenerate::NoneFound));
    }

    #[test]
    fn an_answer_at_the_threshold_is_no() {
        let counts = BinaryCounts::at(&[0.3, 0.300_000_1], &[true, true], 0.3);
        assert_eq!((counts.true_positives, counts.false_negatives), (1, 1));
    }
}
