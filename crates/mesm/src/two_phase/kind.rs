//! Which model, and in which of its versions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// Which of the two-phase models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum TwoPhaseKind {
    /// An LSTM a modality, logits weighed and added up.
    #[default]
    LfLstm,
    /// A Transformer encoder a modality, logits weighed and added up.
    LfTrans,
    /// Crossmodal Transformers: each modality reads the others.
    Mult,
    /// An LSTM a modality, compared with learnt embeddings of the emotions' names.
    EmoEmbs,
    /// LSTMs and cross-modal attention, with top-down feedback on the features.
    MmLatch,
    /// The same feedback around [`TwoPhaseKind::Mult`].
    MmLatchMult,
}

impl TwoPhaseKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::LfLstm,
        Self::LfTrans,
        Self::Mult,
        Self::EmoEmbs,
        Self::MmLatch,
        Self::MmLatchMult,
    ];

    /// The name in files and on the command line, `lf-lstm` and so on.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LfLstm => "lf-lstm",
            Self::LfTrans => "lf-trans",
            Self::Mult => "mult",
            Self::EmoEmbs => "emo-embs",
            Self::MmLatch => "mm-latch",
            Self::MmLatchMult => "mm-latch-mult",
        }
    }

    /// Whether the model is built around MulT.
    pub(super) fn has_mult(self) -> bool {
        matches!(self, Self::Mult | Self::MmLatchMult)
    }

    /// Whether the model masks its inputs by feedback.
    pub(super) fn has_feedback(self) -> bool {
        matches!(self, Self::MmLatch | Self::MmLatchMult)
    }
}

impl fmt::Display for TwoPhaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TwoPhaseKind {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| ConfigError::Range {
                name: "kind",
                expected: "one of lf-lstm, lf-trans, mult, emo-embs, mm-latch, mm-latch-mult",
                found: text.to_owned(),
            })
    }
}

/// How MMLatch makes masks for a modality's features from what the other two modalities became. Other kinds do not look
/// at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// No masks: the baseline by itself, or plain MulT.
    None,
    /// A linear layer at each step (MMLatch (no LSTM), Table 2).
    Linear,
    /// An LSTM over the steps, in one direction (section 2, equation 4).
    #[default]
    Lstm,
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::Linear => "linear",
            Self::Lstm => "lstm",
        })
    }
}

/// What the steps past an utterance's end are to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Nothing: an utterance's logits are the same in every batch.
    #[default]
    Masked,
    /// As the authors' code, for their checkpoints and figures. The zeros past the end are steps to LF-LSTM and EmoEmbs,
    /// and to the text of LF-TRANS; MMLatch attends from them, to them when it fuses, and adds them up at the end. An
    /// utterance's logits then depend on the longest one in its batch. MulT is masked either way.
    AsPublished,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for kind in TwoPhaseKind::ALL {
            let name = kind.to_string();
            assert_eq!(name.parse::<TwoPhaseKind>().unwrap(), kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), name);
        }
        assert!("lf-gru".parse::<TwoPhaseKind>().is_err());
        for feedback in [Feedback::None, Feedback::Linear, Feedback::Lstm] {
            assert_eq!(
                serde_json::to_value(feedback).unwrap(),
                feedback.to_string()
            );
        }
    }
}
