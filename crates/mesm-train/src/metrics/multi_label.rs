//! Utterances that may have several emotions: each class is a question of its own, as in the paper.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::auc::auc;
use super::binary::BinaryCounts;
use super::score::Score;
use super::threshold::{best_threshold, sigmoid};

/// Values do not make a table of utterances and classes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}: expected {expected}, found {found}")]
pub struct NotATable {
    what: &'static str,
    expected: String,
    found: usize,
}

/// Answers and truth about every class of every utterance.
#[derive(Debug, Clone)]
pub struct MultiLabel {
    /// `[class][utterance]`, in 0..1.
    probabilities: Vec<Vec<f32>>,
    /// `[class][utterance]`.
    truth: Vec<Vec<bool>>,
}

/// How one class is answered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassAnswers {
    /// Utterances that have the class.
    pub positives: u64,
    /// An answer is yes where the probability is above this.
    pub threshold: f64,
    /// See [`BinaryCounts::accuracy`].
    pub accuracy: Score,
    /// See [`BinaryCounts::weighted_accuracy`].
    pub weighted_accuracy: Score,
    /// See [`BinaryCounts::precision`].
    pub precision: Score,
    /// See [`BinaryCounts::recall`].
    pub recall: Score,
    /// See [`BinaryCounts::f1`].
    pub f1: Score,
    /// See [`BinaryCounts::weighted_f1`].
    pub weighted_f1: Score,
    /// See [`auc`]; does not depend on the threshold.
    pub auc: Score,
}

/// Means over the classes.
///
/// The authors' means fail or are NaN as soon as one class has no weighted accuracy or no AUC; here such a class is left
/// out of the mean of that figure. Precision, recall and F1 of 0 for want of a class do count, as in the authors' code.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanAnswers {
    /// Of [`ClassAnswers::accuracy`].
    pub accuracy: f64,
    /// Of [`ClassAnswers::weighted_accuracy`].
    pub weighted_accuracy: f64,
    /// Of [`ClassAnswers::precision`].
    pub precision: f64,
    /// Of [`ClassAnswers::recall`].
    pub recall: f64,
    /// Of [`ClassAnswers::f1`].
    pub f1: f64,
    /// Of [`ClassAnswers::weighted_f1`].
    pub weighted_f1: f64,
    /// Of [`ClassAnswers::auc`].
    pub auc: f64,
}

/// Everything about a table of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MultiLabelScores {
    /// Utterances.
    pub n: usize,
    /// Each class, in their order.
    pub classes: Vec<ClassAnswers>,
    /// Their means.
    pub mean: MeanAnswers,
    /// Share of utterances with every class right.
    pub exact: f64,
    /// Share of utterances where all classes are right, or some are answered and all of those are there.
    pub subset: f64,
    /// Share of utterances where all classes are right, or the *first* class that is answered is there. The authors mean
    /// "at least one", but their loop ends at the first wrong one, so their figure depends on the order of the classes.
    pub first_right: f64,
}

impl MultiLabel {
    /// `logits` and `truth` are `[utterances, classes]`, row after row.
    ///
    /// # Errors
    /// When the values are not whole rows, or are not as many on both sides.
    pub fn new(classes: usize, logits: &[f32], truth: &[bool]) -> Result<Self, NotATable> {
        if classes == 0 || !logits.len().is_multiple_of(classes) {
            return Err(NotATable {
                what: "logits",
                expected: format!("whole rows of {classes} classes, at least one class"),
                found: logits.len(),
            });
        }
        if truth.len() != logits.len() {
            return Err(NotATable {
                what: "truth",
                expected: format!("{} values as there are logits", logits.len()),
                found: truth.len(),
            });
        }
        let column = |class: usize| (class..logits.len()).step_by(classes);
        Ok(Self {
            probabilities: (0..classes)
                .map(|class| column(class).map(|i| sigmoid(logits[i])).collect())
                .collect(),
            truth: (0..classes)
                .map(|class| column(class).map(|i| truth[i]).collect())
                .collect(),
        })
    }

    /// The threshold of the best F1 for each class ([`best_threshold`]): chosen on the validation split, used on others.
    #[must_use]
    pub fn best_thresholds(&self) -> Vec<f64> {
        let classes = self.probabilities.iter().zip(&self.truth);
        classes
            .map(|(probabilities, truth)| best_threshold(probabilities, truth))
            .collect()
    }

    /// All figures with a threshold in 0..1 for each class.
    ///
    /// # Errors
    /// When there are not as many thresholds as classes.
    pub fn scores(&self, thresholds: &[f64]) -> Result<MultiLabelScores, NotATable> {
        if thresholds.len() != self.probabilities.len() {
            return Err(NotATable {
                what: "thresholds",
                expected: format!("one for each of {} classes", self.probabilities.len()),
                found: thresholds.len(),
            });
        }
        let classes: Vec<ClassAnswers> = (0..thresholds.len())
            .map(|class| self.class(class, thresholds[class]))
            .collect();
        let n = self.truth[0].len();
        let (mut exact, mut subset, mut first_right) = (0_u64, 0_u64, 0_u64);
        for utterance in 0..n {
            let row: Vec<(bool, bool)> = (0..thresholds.len())
                .map(|class| {
                    let answer = self.probabilities[class][utterance] > thresholds[class] as f32;
                    (self.truth[class][utterance], answer)
                })
                .collect();
            let same = row.iter().all(|(so, answer)| so == answer);
            let mut answered = row.iter().filter(|(_, answer)| *answer).map(|(so, _)| *so);
            let first = answered.next().unwrap_or(false);
            exact += u64::from(same);
            first_right += u64::from(same || first);
            subset += u64::from(same || (first && answered.all(|so| so)));
        }
        let share = |count: u64| count as f64 / n.max(1) as f64;
        Ok(MultiLabelScores {
            n,
            mean: MeanAnswers::of(&classes),
            classes,
            exact: share(exact),
            subset: share(subset),
            first_right: share(first_right),
        })
    }

    fn class(&self, class: usize, threshold: f64) -> ClassAnswers {
        let (probabilities, truth) = (&self.probabilities[class], &self.truth[class]);
        let counts = BinaryCounts::at(probabilities, truth, threshold);
        ClassAnswers {
            positives: counts.positives(),
            threshold,
            accuracy: counts.accuracy(),
            weighted_accuracy: counts.weighted_accuracy(),
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            weighted_f1: counts.weighted_f1(),
            auc: auc(probabilities, truth),
        }
    }
}

impl MeanAnswers {
    fn of(classes: &[ClassAnswers]) -> Self {
        let all = |figure: fn(&ClassAnswers) -> Score| -> Vec<Score> {
            classes.iter().map(figure).collect()
        };
        let with_agreed = |figure| Score::mean_with_agreed(&all(figure)).value;
        let measured = |figure| Score::mean(&all(figure)).value;
        Self {
            accuracy: with_agreed(|class| class.accuracy),
            weighted_accuracy: measured(|class| class.weighted_accuracy),
            precision: with_agreed(|class| class.precision),
            recall: with_agreed(|class| class.recall),
            f1: with_agreed(|class| class.f1),
            weighted_f1: with_agreed(|class| class.weighted_f1),
            auc: measured(|class| class.auc),
        }
    }
}

impl MultiLabelScores {
    /// What had to be agreed, a sentence each; `names` are those of the classes.
    #[must_use]
    pub fn notes(&self, names: &[String]) -> Vec<String> {
        let mut notes = Vec::new();
        for (index, class) in self.classes.iter().enumerate() {
            let name = names
                .get(index)
                .map_or_else(|| format!("class {index}"), Clone::clone);
            let figures = [
                ("weighted accuracy", class.weighted_accuracy),
                ("precision", class.precision),
                ("recall", class.recall),
                ("F1", class.f1),
                ("AUC", class.auc),
            ];
            for (figure, score) in figures {
                if let Some(reason) = score.note {
                    notes.push(format!(
                        "{name}: {figure} set to {:.3}, as {reason}",
                        score.value
                    ));
                }
            }
        }
        notes
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    const YES: f32 = 4.0;
    const NO: f32 = -4.0;

    #[test]
    fn shares_of_whole_utterances() {
        let logits = [YES, NO, YES, YES, NO, YES, NO, NO];
        let truth = [true, false, true, false, true, true, true, false];
        // All right; the first right and the second wrong; one of two found; none of one found.
        let scores = MultiLabel::new(2, &logits, &truth)
            .unwrap()
            .scores(&[0.5; 2])
            .unwrap();
        assert_eq!(
            (scores.exact, scores.subset, scores.first_right),
            (0.25, 0.5, 0.75)
        );
    }

    #[test]
    fn a_class_without_utterances_spoils_no_mean() {
        let logits = [YES, YES, NO, NO];
        let truth = [true, false, false, false];
        let scores = MultiLabel::new(2, &logits, &truth)
            .unwrap()
            .scores(&[0.5; 2])
            .unwrap();
        assert_eq!((scores.mean.auc, scores.mean.weighted_accuracy), (1.0, 1.0));
        assert_eq!(scores.mean.f1, 0.5);
        let notes = scores.notes(&["joy".to_owned()]);
        assert!(
            notes
                .iter()
                .any(|note| note == "class 1: AUC set to 0.500, as the class occurs nowhere")
        );
        assert!(notes.iter().all(|note| !note.contains("joy")), "{notes:?}");
    }

    #[test]
    fn nothing_at_all_has_figures() {
        let scores = MultiLabel::new(3, &[], &[])
            .unwrap()
            .scores(&[0.5; 3])
            .unwrap();
        assert_eq!(scores.n, 0);
        let json = serde_json::to_string(&scores).unwrap();
        assert!(!json.contains("null"), "{json}");
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let refused = |classes, logits: &[f32], truth: &[bool]| {
            MultiLabel::new(classes, logits, truth)
                .unwrap_err()
                .to_string()
        };
        assert!(refused(0, &[], &[]).contains("at least one class"));
        assert!(refused(2, &[0.0], &[true]).contains("whole rows of 2 classes"));
        assert!(refused(1, &[0.0], &[]).contains("truth: expected 1 values"));
        let table = MultiLabel::new(1, &[0.0], &[true]).unwrap();
        assert!(table.scores(&[]).is_err());
    }
}
