//! Utterances of one class each: which class was taken for which.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where the largest logit is: the class that is answered. The first of several; a logit that is no number is never the
/// largest; 0 where there is none at all.
#[must_use]
pub fn largest(logits: &[f32]) -> usize {
    let mut best: Option<(usize, f32)> = None;
    for (class, logit) in logits.iter().copied().enumerate() {
        if !logit.is_nan() && best.is_none_or(|(_, most)| logit > most) {
            best = Some((class, logit));
        }
    }
    best.map_or(0, |(class, _)| class)
}

/// How one class fares among the others.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ClassScores {
    /// Share of the answers "this class" that are right, in 0..1; 0 where there is no such answer.
    pub precision: f64,
    /// Share of its utterances that were found, in 0..1; 0 where it has none.
    pub recall: f64,
    /// Harmonic mean of both, in 0..1; 0 where the class is neither there nor answered.
    pub f1: f64,
    /// Utterances of the class.
    pub support: u64,
    /// Answers "this class".
    pub answered: u64,
}

/// Rows of a confusion matrix are not as many as its columns.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "confusion matrix: expected {rows} columns as there are {rows} rows, found {found} in row {row}"
)]
pub struct NotSquare {
    rows: usize,
    row: usize,
    found: usize,
}

/// How often each class was taken for each: `[class that is true][class that was answered]`. In JSON, its rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "Vec<Vec<u64>>", try_from = "Vec<Vec<u64>>")]
pub struct Confusion {
    rows: Vec<Vec<u64>>,
    outside: u64,
}

impl Confusion {
    /// Counts `(truth, answer)`, each below `classes`. A pair with a class that does not exist is not counted but
    /// remembered in [`outside`](Self::outside).
    pub fn from_pairs(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut confusion = Self {
            rows: vec![vec![0; classes]; classes],
            outside: 0,
        };
        for pair in pairs {
            confusion.add(pair);
        }
        confusion
    }

    fn add(&mut self, (truth, answer): (usize, usize)) {
        match self.rows.get_mut(truth).and_then(|row| row.get_mut(answer)) {
            Some(cell) => *cell += 1,
            None => self.outside += 1,
        }
    }

    /// The counts, a row for each class that is true.
    #[must_use]
    pub fn rows(&self) -> &[Vec<u64>] {
        &self.rows
    }

    /// Pairs that named a class that does not exist.
    #[must_use]
    pub fn outside(&self) -> u64 {
        self.outside
    }

    /// How many classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.rows.len()
    }

    /// How many utterances.
    #[must_use]
    pub fn n(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }

    /// Utterances of a class that exists.
    fn support(&self, class: usize) -> u64 {
        self.rows[class].iter().sum()
    }

    /// Answers with a class that exists.
    fn answered(&self, class: usize) -> u64 {
        self.rows.iter().map(|row| row[class]).sum()
    }

    /// Share of utterances whose class was found, in 0..1; 0 of nothing.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.classes())
            .map(|class| self.rows[class][class])
            .sum();
        share(right, self.n())
    }

    /// Unweighted average recall: the mean recall of the classes that occur, in 0..1; 0 of nothing. scikit-learn calls
    /// it balanced accuracy.
    #[must_use]
    pub fn uar(&self) -> f64 {
        let occurring = self
            .per_class()
            .into_iter()
            .filter(|class| class.support > 0);
        mean(occurring.map(|class| class.recall))
    }

    /// Mean F1 of the classes that occur or were answered, in 0..1, as scikit-learn's; 0 of nothing.
    #[must_use]
    pub fn macro_f1(&self) -> f64 {
        mean(self.seen().map(|class| class.f1))
    }

    /// Mean precision of the classes that occur or were answered, in 0..1, as scikit-learn's; 0 of nothing.
    #[must_use]
    pub fn macro_precision(&self) -> f64 {
        mean(self.seen().map(|class| class.precision))
    }

    /// Mean recall of the classes that occur or were answered, in 0..1, as scikit-learn's; 0 of nothing. Below
    /// [`uar`](Self::uar) where a class was answered that does not occur.
    #[must_use]
    pub fn macro_recall(&self) -> f64 {
        mean(self.seen().map(|class| class.recall))
    }

    fn seen(&self) -> impl Iterator<Item = ClassScores> {
        let all = self.per_class().into_iter();
        all.filter(|class| class.support + class.answered > 0)
    }

    /// The figures of each class, in their order.
    #[must_use]
    pub fn per_class(&self) -> Vec<ClassScores> {
        (0..self.classes())
            .map(|class| {
                let right = self.rows[class][class];
                let (support, answered) = (self.support(class), self.answered(class));
                ClassScores {
                    precision: share(right, answered),
                    recall: share(right, support),
                    f1: share(2 * right, support + answered),
                    support,
                    answered,
                }
            })
            .collect()
    }
}

impl From<Confusion> for Vec<Vec<u64>> {
    fn from(confusion: Confusion) -> Self {
        confusion.rows
    }
}

impl TryFrom<Vec<Vec<u64>>> for Confusion {
    type Error = NotSquare;

    fn try_from(rows: Vec<Vec<u64>>) -> Result<Self, NotSquare> {
        for (row, cells) in rows.iter().enumerate() {
            if cells.len() != rows.len() {
                return Err(NotSquare {
                    rows: rows.len(),
                    row,
                    found: cells.len(),
                });
            }
        }
        Ok(Self { rows, outside: 0 })
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    /// Class 2 does not occur but is answered once, class 3 neither.
    fn confusion() -> Confusion {
        let pairs = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 2), (0, 0)];
        Confusion::from_pairs(4, pairs)
    }

    #[test]
    fn figures_by_hand() {
        let confusion = confusion();
        assert_eq!(confusion.rows()[0], [3, 1, 0, 0]);
        near(confusion.accuracy(), 4.0 / 6.0);
        near(confusion.uar(), f64::midpoint(0.75, 0.5));
        near(confusion.macro_recall(), (0.75 + 0.5) / 3.0);
        near(confusion.macro_precision(), (1.0 + 0.5) / 3.0);
        near(confusion.macro_f1(), (6.0 / 7.0 + 0.5) / 3.0);
        let classes = confusion.per_class();
        assert_eq!((classes[2].support, classes[2].answered), (0, 1));
        assert_eq!(classes[3], ClassScores::default());
    }

    #[test]
    fn nothing_is_zero() {
        for classes in [0, 7] {
            let nothing = Confusion::from_pairs(classes, []);
            near(nothing.accuracy(), 0.0);
            near(nothing.uar(), 0.0);
            near(nothing.macro_f1(), 0.0);
        }
    }

    #[test]
    fn a_class_that_does_not_exist_is_set_apart() {
        let confusion = Confusion::from_pairs(2, [(0, 0), (2, 0), (1, 9)]);
        assert_eq!((confusion.n(), confusion.outside()), (1, 2));
    }

    #[test]
    fn the_largest_is_the_first_of_equals_and_a_number() {
        assert_eq!(largest(&[0.0, 2.0, 2.0]), 1);
        assert_eq!(largest(&[f32::NAN, -3.0, -4.0]), 1);
        assert_eq!(largest(&[f32::NAN, f32::NEG_INFINITY]), 1);
        assert_eq!(largest(&[f32::NAN]), 0);
        assert_eq!(largest(&[]), 0);
    }

    #[test]
    fn json_is_the_rows() {
        let json = serde_json::to_string(&confusion()).unwrap();
        assert_eq!(json, "[[3,1,0,0],[0,1,1,0],[0,0,0,0],[0,0,0,0]]");
        assert_eq!(
            serde_json::from_str::<Confusion>(&json).unwrap(),
            confusion()
        );
        let error = serde_json::from_str::<Confusion>("[[1,2],[3]]").unwrap_err();
        assert!(error.to_string().contains("found 1 in row 1"), "{error}");
    }
}
