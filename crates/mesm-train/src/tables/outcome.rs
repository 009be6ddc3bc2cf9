//! What is kept of a training once it is judged.

use serde::{Deserialize, Serialize};

use crate::metrics::MultiLabelScores;
use crate::report::SentimentReport;

/// What a trained model says about the test split.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outcome {
    /// Utterances.
    pub n: usize,
    /// Each class as a question of its own, with the thresholds that did best on the validation split.
    pub emotions: Option<MultiLabelScores>,
    /// Sentiment.
    pub sentiment: Option<SentimentReport>,
    /// Multiply-accumulates of the convolutions for an utterance, on average.
    pub macs: Option<f64>,
    /// Share of the attention mass that was kept.
    pub top_p: Option<f32>,
    /// The same model at other shares.
    pub sweep: Vec<Swept>,
    /// What the feedback does to each input.
    pub masks: Vec<MaskMeans>,
}

/// A model at another share of the attention mass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Swept {
    /// The share, in 0..1.
    pub top_p: f64,
    /// Mean accuracy of the classes.
    pub accuracy: f64,
    /// Their mean weighted accuracy.
    pub weighted_accuracy: f64,
    /// Their mean F1.
    pub f1: f64,
    /// Multiply-accumulates of the convolutions for an utterance, on average.
    pub macs: f64,
}

/// Average masks of one modality's features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskMeans {
    /// `t`, `v` or `a`.
    pub modality: String,
    /// Sentiment classes -3..3 that occur.
    pub classes: Vec<i8>,
    /// `[class][feature]`, in 0..1: near 0 a feature is shut out, near 1 it is passed on.
    pub means: Vec<Vec<f32>>,
}
