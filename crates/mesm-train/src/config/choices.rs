//! What a phase chooses among.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What turns gradients into steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam, the decay added to the gradient: the authors' choice.
    #[default]
    Adam,
    /// Adam with decoupled decay.
    Adamw,
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
}

/// What chooses the epoch whose weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Share of utterances whose class is found.
    Accuracy,
    /// Mean recall of the classes (unweighted average recall).
    Uar,
    /// Mean F1 of the classes: the authors stop early by an average F1.
    #[default]
    MacroF1,
    /// Mean F1 of the classes as questions of their own, with the best thresholds: for utterances of several classes.
    #[serde(rename = "binary-f1")]
    BinaryF1,
    /// Mean weighted accuracy of the classes as questions of their own, with the same thresholds.
    WeightedAccuracy,
    /// Mean absolute error of sentiment; less is better.
    Mae,
    /// Share of sentiments that are right after rounding to -3..3.
    #[serde(rename = "accuracy-7")]
    Accuracy7,
    /// Pearson's correlation of sentiment.
    Correlation,
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accuracy => "accuracy",
            Self::Uar => "UAR",
            Self::MacroF1 => "F1",
            Self::BinaryF1 => "binary F1",
            Self::WeightedAccuracy => "weighted accuracy",
            Self::Mae => "mean absolute error",
            Self::Accuracy7 => "7-class accuracy",
            Self::Correlation => "correlation",
        })
    }
}

/// How the learning rate goes after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It falls to 0 along half a cosine over the phase.
    #[default]
    Cosine,
}
