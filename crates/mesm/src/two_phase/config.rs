//! One configuration for all two-phase models.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind::{Feedback, Padding, TwoPhaseKind};
use crate::config::{Activation, ConfigError, Modalities, Modality};

/// Everything that fixes a two-phase model's shape and behaviour.
///
/// Sizes of 0 stand for what the model's own paper or code uses, which differs from model to model and, for late fusion,
/// from modality to modality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // each is a setting of its own
pub struct TwoPhaseConfig {
    /// Which model.
    pub kind: TwoPhaseKind,
    /// Names of the outputs, in the order of the logits: emotions, or the one name `sentiment` for regression.
    pub classes: Vec<String>,
    /// Modalities the model has weights for. MMLatch needs all three.
    pub modalities: Modalities,
    /// Features a word: 300 for GloVe.
    pub text_dim: usize,
    /// Features a frame: 35 facial action units.
    pub visual_dim: usize,
    /// Features a chunk: 142 of DisVoice, 74 of COVAREP.
    pub acoustic_dim: usize,
    /// Width of the LSTMs or Transformers. 0: as wide as the modality's features for LF-LSTM and LF-TRANS, 40 for MulT, 100
    /// for MMLatch, 100 (visual) and 200 (acoustic) for EmoEmbs, whose text LSTM is as wide as `text_dim` always.
    /// Another width puts a linear layer before the encoders of LF-TRANS.
    pub hidden_dim: usize,
    /// Layers of each LSTM or Transformer. 0: 1 for LF-LSTM and MMLatch, 2 for LF-TRANS and EmoEmbs, 4 for MulT.
    pub layers: usize,
    /// Attention heads of the Transformers. 0: 4 (text), 5 (visual) and 2 (acoustic) for LF-TRANS, 8 for MulT.
    pub heads: usize,
    /// Feed-forward width of the Transformers. 0: 2048 for LF-TRANS, four times its own width for each of MulT's.
    pub feedforward: usize,
    /// Steps that MulT's convolution sees at once, an odd number. 1 as the authors' code; their paper has 1 or 3.
    pub kernel: usize,
    /// Dropout in training, `[0, 1)`: between LSTM layers, within Transformers and attention, before MulT's output. The
    /// papers have 0.1, 0.15 for EmoEmbs and 0.2 for MMLatch, whose fusion and feedback LSTMs take 0.1 at most.
    pub dropout: f64,
    /// Dropout in training on MulT's embeddings and on its text features, `[0, 1)`.
    pub embed_dropout: f64,
    /// Whether LSTMs run both ways. MMLatch adds the directions up, and those of its feedback run forwards only; its last
    /// LSTM always runs both ways.
    pub bidirectional: bool,
    /// See [`Padding`].
    pub padding: Padding,
    /// Whether MulT's steps are kept from reading later ones, as the authors' code does and their paper does not say: step
    /// `i` reads up to step `i + |n - m|` where `n` and `m` are the lengths of the two sequences.
    pub causal: bool,
    /// See [`Feedback`].
    pub feedback: Feedback,
    /// Dropout on the feedback masks, `[0, 1)`.
    pub feedback_dropout: f64,
    /// Whether that dropout acts outside training too, as the authors' code has it: their evaluation is random.
    pub feedback_dropout_always: bool,
    /// Whether gradients pass through the encoders of MMLatch's first stage. The paper says that they do not (section 3);
    /// the authors' code lets them.
    pub first_stage_gradients: bool,
    /// Whether the emotion embeddings of EmoEmbs learn. The authors' code keeps them as GloVe has them.
    pub learn_emotions: bool,
    /// See [`Activation`]. Means nothing for regression.
    pub activation: Activation,
}

impl Default for TwoPhaseConfig {
    fn default() -> Self {
        Self {
            kind: TwoPhaseKind::default(),
            classes: [
                "anger",
                "disgust",
                "fear",
                "happiness",
                "sadness",
                "surprise",
            ]
            .map(str::to_owned)
            .to_vec(),
            modalities: Modalities::ALL,
            text_dim: 300,
            visual_dim: 35,
            acoustic_dim: 142,
            hidden_dim: 0,
            layers: 0,
            heads: 0,
            feedforward: 0,
            kernel: 1,
            dropout: 0.1,
            embed_dropout: 0.3,
            bidirectional: true,
            padding: Padding::default(),
            causal: false,
            feedback: Feedback::default(),
            feedback_dropout: 0.2,
            feedback_dropout_always: false,
            first_stage_gradients: false,
            learn_emotions: true,
            activation: Activation::default(),
        }
    }
}

impl TwoPhaseConfig {
    /// Features a step of `modality`.
    #[must_use]
    pub fn features(&self, modality: Modality) -> usize {
        match modality {
            Modality::Text => self.text_dim,
            Modality::Visual => self.visual_dim,
            Modality::Acoustic => self.acoustic_dim,
        }
    }

    /// Width of `modality`'s encoder: [`hidden_dim`](Self::hidden_dim), or what 0 stands for.
    #[must_use]
    pub fn width(&self, modality: Modality) -> usize {
        match (self.kind, modality) {
            (TwoPhaseKind::EmoEmbs, Modality::Text) => self.text_dim,
            _ if self.hidden_dim > 0 => self.hidden_dim,
            (TwoPhaseKind::LfLstm | TwoPhaseKind::LfTrans, _) => self.features(modality),
            (TwoPhaseKind::Mult | TwoPhaseKind::MmLatchMult, _) => 40,
            (TwoPhaseKind::EmoEmbs, Modality::Acoustic) => 200,
            (TwoPhaseKind::EmoEmbs, Modality::Visual) | (TwoPhaseKind::MmLatch, _) => 100,
        }
    }

    /// Layers of each encoder: [`layers`](Self::layers), or what 0 stands for.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self.kind {
            _ if self.layers > 0 => self.layers,
            TwoPhaseKind::LfLstm | TwoPhaseKind::MmLatch => 1,
            TwoPhaseKind::LfTrans | TwoPhaseKind::EmoEmbs => 2,
            TwoPhaseKind::Mult | TwoPhaseKind::MmLatchMult => 4,
        }
    }

    /// Heads of `modality`'s Transformer: [`heads`](Self::heads), or what 0 stands for.
    pub(super) fn head_count(&self, modality: Modality) -> usize {
        match (self.kind, modality) {
            _ if self.heads > 0 => self.heads,
            (TwoPhaseKind::LfTrans, Modality::Text) => 4,
            (TwoPhaseKind::LfTrans, Modality::Visual) => 5,
            (TwoPhaseKind::LfTrans, Modality::Acoustic) => 2,
            _ => 8,
        }
    }

    /// Feed-forward width of a Transformer `width` wide.
    pub(super) fn feedforward_of(&self, width: usize) -> usize {
        match self.kind {
            _ if self.feedforward > 0 => self.feedforward,
            TwoPhaseKind::LfTrans => 2048,
            _ => 4 * width,
        }
    }

    /// Whether every setting can be used, and they fit each other and the model.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        let sizes: [(&'static str, usize, usize, usize); 9] = [
            ("classes", self.classes.len(), 1, 1024),
            ("text_dim", self.text_dim, 1, 1 << 14),
            ("visual_dim", self.visual_dim, 1, 1 << 14),
            ("acoustic_dim", self.acoustic_dim, 1, 1 << 14),
            ("hidden_dim", self.hidden_dim, 0, 1 << 12),
            ("layers", self.layers, 0, 64),
            ("heads", self.heads, 0, 256),
            ("feedforward", self.feedforward, 0, 1 << 14),
            ("kernel", self.kernel, 1, 63),
        ];
        for (name, found, least, most) in sizes {
            if found < least || found > most {
                let expected = if least == 0 {
                    "of a sane size, or 0 for the model's own"
                } else {
                    "at least 1 and of a sane size"
                };
                return Err(range(name, expected, found));
            }
        }
        for (name, found) in [
            ("dropout", self.dropout),
            ("embed_dropout", self.embed_dropout),
            ("feedback_dropout", self.feedback_dropout),
        ] {
            if !(0.0..1.0).contains(&found) {
                return Err(range(name, "in [0, 1)", found));
            }
        }
        if self.kernel.is_multiple_of(2) {
            return Err(range("kernel", "odd", self.kernel));
        }
        self.check_model()
    }

    /// What only some of the models demand.
    fn check_model(&self) -> Result<(), ConfigError> {
        if self.kind == TwoPhaseKind::LfTrans || self.kind.has_mult() {
            for modality in self.modalities.iter() {
                let (width, heads) = (self.width(modality), self.head_count(modality));
                if !width.is_multiple_of(heads) {
                    let found = format!("{heads} where {width} values are to be shared out");
                    return Err(range(
                        "heads",
                        "a divisor of the Transformer's width",
                        found,
                    ));
                }
            }
        }
        if self.kind.has_feedback() && self.modalities != Modalities::ALL {
            let expected = "`tav` for MMLatch, which masks each modality by the two others";
            return Err(range("modalities", expected, self.modalities));
        }
        let published = self.padding == Padding::AsPublished;
        if self.kind == TwoPhaseKind::LfLstm && published && self.depth() > 1 {
            let expected =
                "1 for LF-LSTM as published, whose output layer has room for one layer's states";
            return Err(range("layers", expected, self.layers));
        }
        Ok(())
    }
}

fn range(name: &'static str, expected: &'static str, found: impl fmt::Display) -> ConfigError {
    ConfigError::Range {
        name,
        expected,
        found: found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(config: &TwoPhaseConfig, name: &str) {
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains(name), "{name}: {error}");
    }

    #[test]
    fn own_sizes_of_every_kind_fit() {
        for kind in TwoPhaseKind::ALL {
            let config = TwoPhaseConfig {
                kind,
                ..TwoPhaseConfig::default()
            };
            config.check().unwrap();
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(
                serde_json::from_str::<TwoPhaseConfig>(&json).unwrap(),
                config
            );
        }
        assert!(serde_json::from_str::<TwoPhaseConfig>("{\"depth\":3}").is_err());
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let of = |kind| TwoPhaseConfig {
            kind,
            ..TwoPhaseConfig::default()
        };
        let heads = TwoPhaseConfig {
            heads: 7,
            ..of(TwoPhaseKind::Mult)
        };
        refused(&heads, "heads");
        for kind in [TwoPhaseKind::MmLatch, TwoPhaseKind::MmLatchMult] {
            let modalities = "tv".parse().unwrap();
            refused(
                &TwoPhaseConfig {
                    modalities,
                    ..of(kind)
                },
                "modalities",
            );
        }
        let kernel = TwoPhaseConfig {
            kernel: 4,
            ..of(TwoPhaseKind::Mult)
        };
        refused(&kernel, "kernel");
        let classes = Vec::new();
        refused(
            &TwoPhaseConfig {
                classes,
                ..of(TwoPhaseKind::LfLstm)
            },
            "classes",
        );
        let dropout = 1.0;
        refused(
            &TwoPhaseConfig {
                dropout,
                ..of(TwoPhaseKind::LfLstm)
            },
            "dropout",
        );
        let layers = 2;
        let deep = TwoPhaseConfig {
            layers,
            ..of(TwoPhaseKind::LfLstm)
        };
        deep.check().unwrap();
        let padding = Padding::AsPublished;
        refused(&TwoPhaseConfig { padding, ..deep }, "layers");
    }
}
