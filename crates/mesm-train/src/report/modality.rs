//! All figures of one modality.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::intervals::{Intervals, drawn};
use super::notes::{note_classes, note_groups, note_source};
use crate::metrics::{
    Bootstrap, Calibration, ClassScores, Confusion, MultiLabelScores, largest, sigmoid,
};

/// The name of a subject whom nobody knows.
const UNKNOWN: &str = "unknown";

/// One utterance: what is true and what was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answered<'a> {
    /// Its class.
    pub truth: usize,
    /// Logits of all classes.
    pub logits: &'a [f32],
    /// The corpus it comes from.
    pub source: &'a str,
    /// Who is seen or heard; `unknown` or nothing where nobody knows. A name is a person within a source only.
    pub subject: &'a str,
}

/// What the largest logit says about how sure an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Its sigmoid: each class was trained as a question of its own.
    #[default]
    Sigmoid,
    /// Its share of the softmax: the classes were trained against each other.
    Softmax,
}

impl Confidence {
    /// How sure the answer [`largest`] is, in 0..1; 0 where there is no finite logit.
    #[must_use]
    pub fn of(self, logits: &[f32]) -> f32 {
        let Some(most) = logits.get(largest(logits)).filter(|most| most.is_finite()) else {
            return 0.0;
        };
        match self {
            Self::Sigmoid => sigmoid(*most),
            Self::Softmax => {
                let others = logits.iter().filter(|logit| !logit.is_nan());
                1.0 / others.map(|logit| (logit - most).exp()).sum::<f32>()
            }
        }
    }
}

/// How a report is made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reporting {
    /// The intervals.
    pub bootstrap: Bootstrap,
    /// What confidence is.
    pub confidence: Confidence,
    /// Bins of confidence.
    pub bins: usize,
}

impl Default for Reporting {
    /// The default [`Bootstrap`], sigmoids, 10 bins.
    fn default() -> Self {
        Self {
            bootstrap: Bootstrap::default(),
            confidence: Confidence::default(),
            bins: 10,
        }
    }
}

/// Figures of one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceScores {
    /// Utterances.
    pub n: u64,
    /// See [`Confusion::accuracy`].
    pub accuracy: f64,
    /// See [`Confusion::uar`].
    pub uar: f64,
    /// See [`Confusion::macro_f1`].
    pub macro_f1: f64,
    /// How far they may be off; none where there is too little to tell.
    pub intervals: Option<Intervals>,
}

/// Figures of one modality.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ModalityReport {
    /// Utterances.
    pub n: u64,
    /// See [`Confusion::accuracy`].
    pub accuracy: f64,
    /// See [`Confusion::uar`].
    pub uar: f64,
    /// See [`Confusion::macro_f1`].
    pub macro_f1: f64,
    /// Names of the classes in the order of the confusion matrix.
    pub classes: Vec<String>,
    /// Figures of each class by its name.
    pub per_class: BTreeMap<String, ClassScores>,
    /// Figures of each source by its name.
    pub per_source: BTreeMap<String, SourceScores>,
    /// `[class that is true][class that was answered]`.
    pub confusion: Confusion,
    /// How far the figures may be off; none where there is too little to tell.
    pub intervals: Option<Intervals>,
    /// Confidence compared with success.
    pub calibration: Calibration,
    /// Each class as a question of its own, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_label: Option<MultiLabelScores>,
    /// What a reader must know to read the figures rightly.
    pub notes: Vec<String>,
}

impl ModalityReport {
    /// Judges `answered`, whose classes are called `classes`. Nothing to judge gives a report of zeros that says so.
    ///
    /// An utterance of a class that does not exist is left out, with a note; an answer none of whose logits is a number
    /// counts as the first class, with a note.
    #[must_use]
    pub fn new(classes: &[String], answered: &[Answered<'_>], reporting: &Reporting) -> Self {
        let mut notes = Vec::new();
        let judged: Vec<Answered<'_>> = answered
            .iter()
            .copied()
            .filter(|one| one.truth < classes.len())
            .collect();
        if judged.len() < answered.len() {
            let left_out = answered.len() - judged.len();
            notes.push(format!(
                "{left_out} utterances of a class that does not exist are left out"
            ));
        }
        let broken = judged
            .iter()
            .filter(|one| one.logits.iter().any(|l| !l.is_finite()))
            .count();
        if broken > 0 {
            notes.push(format!("{broken} answers have logits that are not finite"));
        }
        let pairs: Vec<(usize, usize)> = judged
            .iter()
            .map(|one| answer(one, classes.len()))
            .collect();
        let groups = groups(&judged);
        let confusion = Confusion::from_pairs(classes.len(), pairs.iter().copied());
        let intervals = drawn(classes.len(), &pairs, &groups, &reporting.bootstrap);
        note_classes(classes, &confusion, &mut notes);
        note_groups(confusion.n(), intervals.as_ref(), &mut notes);

        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, one) in judged.iter().enumerate() {
            places.entry(one.source).or_default().push(place);
        }
        let mut per_source = BTreeMap::new();
        for (source, places) in &places {
            let pairs: Vec<(usize, usize)> = places.iter().map(|place| pairs[*place]).collect();
            let groups: Vec<usize> = places.iter().map(|place| groups[*place]).collect();
            let confusion = Confusion::from_pairs(classes.len(), pairs.iter().copied());
            let intervals = drawn(classes.len(), &pairs, &groups, &reporting.bootstrap);
            note_source(source, classes, &confusion, &mut notes);
            per_source.insert(
                (*source).to_owned(),
                SourceScores {
                    n: confusion.n(),
                    accuracy: confusion.accuracy(),
                    uar: confusion.uar(),
                    macro_f1: confusion.macro_f1(),
                    intervals,
                },
            );
        }
        let sure = judged
            .iter()
            .zip(&pairs)
            .map(|(one, (truth, answer))| (reporting.confidence.of(one.logits), truth == answer));
        Self {
            n: confusion.n(),
            accuracy: confusion.accuracy(),
            uar: confusion.uar(),
            macro_f1: confusion.macro_f1(),
            classes: classes.to_vec(),
            per_class: classes.iter().cloned().zip(confusion.per_class()).collect(),
            per_source,
            calibration: Calibration::new(reporting.bins, sure),
            confusion,
            intervals,
            multi_label: None,
            notes,
        }
    }

    /// Figures of utterances that have several classes, or none: each class is a question of its own, and nothing else
    /// can be told.
    #[must_use]
    pub fn of_several(classes: &[String], scores: MultiLabelScores) -> Self {
        let report = Self {
            classes: classes.to_vec(),
            notes: vec![format!(
                "{} utterances of several classes, or none: no one answer is right, each class is a question of its own",
                scores.n
            )],
            ..Self::default()
        };
        report.with_multi_label(scores)
    }

    /// Adds the figures of each class as a question of its own, with their notes.
    #[must_use]
    pub fn with_multi_label(mut self, scores: MultiLabelScores) -> Self {
        self.notes.extend(scores.notes(&self.classes));
        self.multi_label = Some(scores);
        self
    }
}

/// Truth and answer; logits beyond the classes cannot be answered.
fn answer(one: &Answered<'_>, classes: usize) -> (usize, usize) {
    let logits = one.logits.get(..classes).unwrap_or(one.logits);
    (one.truth, largest(logits))
}

/// A number for each utterance, the same for those of one known subject of one source.
fn groups(judged: &[Answered<'_>]) -> Vec<usize> {
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    judged
        .iter()
        .enumerate()
        .map(|(place, one)| match one.subject {
            "" | UNKNOWN => place,
            subject => *known.entry((one.source, subject)).or_insert(place),
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    const RIGHT: [[f32; 3]; 3] = [[3.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0]];

    fn classes() -> Vec<String> {
        ["joy", "anger", "calm"].map(str::to_owned).to_vec()
    }

    fn said(
        truth: usize,
        answer: usize,
        source: &'static str,
        subject: &'static str,
    ) -> Answered<'static> {
        Answered {
            truth,
            logits: &RIGHT[answer],
            source,
            subject,
        }
    }

    fn report(answered: &[Answered<'_>]) -> ModalityReport {
        ModalityReport::new(&classes(), answered, &Reporting::default())
    }

    #[test]
    fn figures_by_source_and_class() {
        let found = report(&[
            said(0, 0, "a", "unknown"),
            said(0, 1, "a", "unknown"),
            said(1, 1, "b", ""),
            said(2, 2, "b", ""),
        ]);
        assert_eq!((found.n, found.accuracy), (4, 0.75));
        assert!((found.uar - 2.5 / 3.0).abs() < 1e-12);
        assert_eq!(
            (found.per_source["a"].n, found.per_source["a"].accuracy),
            (2, 0.5)
        );
        assert_eq!(found.per_source["b"].uar, 1.0);
        assert_eq!(found.per_class["joy"].recall, 0.5);
        assert_eq!(found.intervals.unwrap().groups, 4);
        assert!(
            found
                .notes
                .iter()
                .any(|note| note == "b has no utterances of: joy")
        );
        let within = found.intervals.unwrap().accuracy;
        assert!(within.low <= 0.75 && 0.75 <= within.high, "{within:?}");
    }

    #[test]
    fn a_subject_is_one_within_its_source() {
        let found = report(&[
            said(0, 0, "a", "01"),
            said(1, 0, "a", "01"),
            said(1, 1, "b", "01"),
            said(2, 2, "b", "unknown"),
        ]);
        let drawn = found.intervals.unwrap();
        assert_eq!(drawn.groups, 3);
        assert!(found.per_source["a"].intervals.is_none(), "one subject");
        assert!(
            found
                .notes
                .iter()
                .any(|note| note.contains("from 3 subjects"))
        );
    }

    #[test]
    fn nothing_to_judge_is_said_and_is_no_failure() {
        let found = report(&[]);
        assert_eq!(
            (found.n, found.accuracy, found.uar, found.macro_f1),
            (0, 0.0, 0.0, 0.0)
        );
        assert_eq!(
            found.notes,
            ["there is nothing to judge: all figures are set to 0"]
        );
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(
            serde_json::from_str::<ModalityReport>(&json).unwrap(),
            found
        );
    }

    #[test]
    fn nonsense_is_counted_and_named() {
        let broken = Answered {
            truth: 1,
            logits: &[f32::NAN; 3],
            source: "a",
            subject: "",
        };
        let found = report(&[broken, said(7, 0, "a", ""), said(0, 0, "a", "")]);
        assert_eq!((found.n, found.accuracy), (2, 0.5));
        assert!(found.notes[0].starts_with("1 utterances of a class"));
        assert!(found.notes[1].starts_with("1 answers have logits"));
    }

    #[test]
    fn confidence_is_a_share() {
        let logits = [1.0, 3.0, f32::NEG_INFINITY];
        let softmax = Confidence::Softmax.of(&logits);
        assert!((softmax - 1.0 / (1.0 + (-2.0_f32).exp())).abs() < 1e-6);
        assert!((Confidence::Sigmoid.of(&logits) - sigmoid(3.0)).abs() < 1e-6);
        assert_eq!(Confidence::Softmax.of(&[f32::INFINITY, 0.0]), 0.0);
        assert_eq!(Confidence::Softmax.of(&[]), 0.0);
    }
}
