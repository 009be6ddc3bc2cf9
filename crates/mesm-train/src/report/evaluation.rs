//! All modalities together.

use serde::{Deserialize, Serialize};

use super::modality::ModalityReport;
use crate::judge::Answers;
use crate::metrics::{SentimentScores, sentiment};

/// What goes with every composed figure.
const COMPOSED: &str = "composed: faces, voices and sentences of different people were put together by their label, so \
    the modalities are independent given the label and the figures are optimistic";

/// A learner judged on a split. In JSON each modality is an object of its own at the top.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evaluation {
    /// The split.
    pub split: String,
    /// The weights' file name or what else they are called.
    pub weights: String,
    /// Faces alone.
    pub faces: ModalityReport,
    /// Voices alone.
    pub audio: ModalityReport,
    /// Sentences alone.
    pub text: ModalityReport,
    /// All modalities of the data's own utterances, where it has such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<ModalityReport>,
    /// All modalities of utterances put together by their label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composed: Option<ModalityReport>,
    /// What a model says of sentiment, which is no class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<SentimentReport>,
}

/// Sentiment told by a model, all modalities together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SentimentReport {
    /// Utterances.
    pub n: usize,
    /// Those that are neither positive nor negative counted as not positive.
    pub all: SentimentScores,
    /// Those left out of the figures about the sign.
    pub without_zeros: SentimentScores,
}

impl SentimentReport {
    /// Of the answers of a model whose one output is sentiment.
    #[must_use]
    pub fn new(answers: &Answers) -> Self {
        let told: Vec<f32> = answers.fused.iter().flatten().copied().collect();
        let truth: Vec<f32> = answers.targets.iter().flatten().copied().collect();
        Self {
            n: answers.ids.len(),
            all: sentiment(&told, &truth, false),
            without_zeros: sentiment(&told, &truth, true),
        }
    }
}

impl Evaluation {
    /// Adds the figures of composed utterances, with a note that says what that means.
    #[must_use]
    pub fn with_composed(mut self, mut report: ModalityReport) -> Self {
        report.notes.insert(0, COMPOSED.to_owned());
        self.composed = Some(report);
        self
    }

    /// The modalities by name, those without utterances too.
    #[must_use]
    pub fn reports(&self) -> Vec<(&'static str, &ModalityReport)> {
        let mut reports = vec![
            ("faces", &self.faces),
            ("audio", &self.audio),
            ("text", &self.text),
        ];
        reports.extend(self.together.as_ref().map(|report| ("together", report)));
        reports.extend(self.composed.as_ref().map(|report| ("composed", report)));
        reports
    }

    /// The evaluation as one line of JSON.
    ///
    /// # Errors
    /// When it cannot be written, which a report made by [`ModalityReport::new`] always can.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Answered, Reporting};

    fn keys(value: &serde_json::Value) -> Vec<&str> {
        value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    }

    /// Other programs read these names.
    #[test]
    fn the_names_in_json_stay() {
        let classes = ["joy".to_owned(), "calm".to_owned()];
        let answered = [0, 1, 1].map(|truth| Answered {
            truth,
            logits: &[1.0, 0.0],
            source: "drawn",
            subject: "unknown",
        });
        let report = ModalityReport::new(&classes, &answered, &Reporting::default());
        let evaluation = Evaluation {
            split: "test".to_owned(),
            weights: "web.safetensors".to_owned(),
            faces: report.clone(),
            ..Evaluation::default()
        };
        let json = evaluation.json().unwrap();
        assert!(!json.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(keys(&value), ["audio", "faces", "split", "text", "weights"]);
        assert_eq!(
            keys(&value["faces"]),
            [
                "accuracy",
                "calibration",
                "classes",
                "confusion",
                "intervals",
                "macro_f1",
                "n",
                "notes",
                "per_class",
                "per_source",
                "uar",
            ]
        );
        assert_eq!(
            keys(&value["faces"]["per_class"]["joy"]),
            ["answered", "f1", "precision", "recall", "support"]
        );
        assert_eq!(
            keys(&value["faces"]["per_source"]["drawn"]),
            ["accuracy", "intervals", "macro_f1", "n", "uar"]
        );
        assert_eq!(value["text"]["n"], 0);
        let composed = evaluation.with_composed(report);
        let json = composed.json().unwrap();
        assert!(json.contains("optimistic"));
        let read: Evaluation = serde_json::from_str(&json).unwrap();
        assert_eq!(read.composed.unwrap().confusion, read.faces.confusion);
    }
}
