//! One configuration for file, command line and page.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which of the two end-to-end models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// The sparse model: text chooses the points that are convolved.
    #[default]
    Mesm,
    /// Its dense twin: every point is convolved.
    Fe2e,
}

/// One input channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Modality {
    /// The words.
    #[serde(rename = "t")]
    Text,
    /// The face crops.
    #[serde(rename = "v")]
    Visual,
    /// The mel spectrogram chunks.
    #[serde(rename = "a")]
    Acoustic,
}

impl Modality {
    /// The order in which logits are stacked for fusion, whatever order the modalities are named in.
    pub const FUSION_ORDER: [Self; 3] = [Self::Text, Self::Visual, Self::Acoustic];

    /// `t`, `v` or `a`.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Text => 't',
            Self::Visual => 'v',
            Self::Acoustic => 'a',
        }
    }

    /// Channels of one input map: three colours, one power; none for text.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Text => 0,
            Self::Visual => 3,
            Self::Acoustic => 1,
        }
    }

    /// Height and width of one input map: a 48x48 face, 128 mels by 32 frames; none for text.
    #[must_use]
    pub fn input_size(self) -> (usize, usize) {
        match self {
            Self::Text => (0, 0),
            Self::Visual => (48, 48),
            Self::Acoustic => (128, 32),
        }
    }
}

/// A non-empty set of modalities, written as letters: `tav`, `tv`, `a`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Modalities {
    text: bool,
    visual: bool,
    acoustic: bool,
}

impl Modalities {
    /// All three.
    pub const ALL: Self = Self {
        text: true,
        visual: true,
        acoustic: true,
    };

    /// Whether `modality` is in the set.
    #[must_use]
    pub fn contains(self, modality: Modality) -> bool {
        match modality {
            Modality::Text => self.text,
            Modality::Visual => self.visual,
            Modality::Acoustic => self.acoustic,
        }
    }

    /// The members in fusion order.
    pub fn iter(self) -> impl Iterator<Item = Modality> {
        Modality::FUSION_ORDER
            .into_iter()
            .filter(move |m| self.contains(*m))
    }

    /// The others.
    pub(crate) fn without(self, modality: Modality) -> Self {
        let keep = |m: Modality| m != modality && self.contains(m);
        Self {
            text: keep(Modality::Text),
            visual: keep(Modality::Visual),
            acoustic: keep(Modality::Acoustic),
        }
    }

    /// How many.
    #[must_use]
    pub fn count(self) -> usize {
        self.iter().count()
    }
}

impl fmt::Display for Modalities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|m| write!(f, "{}", m.letter()))
    }
}

impl From<Modalities> for String {
    fn from(modalities: Modalities) -> Self {
        modalities.to_string()
    }
}

impl TryFrom<String> for Modalities {
    type Error = ConfigError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for Modalities {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut set = Self {
            text: false,
            visual: false,
            acoustic: false,
        };
        for letter in text.chars() {
            let slot = match letter {
                't' => &mut set.text,
                'v' => &mut set.visual,
                'a' => &mut set.acoustic,
                _ => return Err(ConfigError::Modalities(text.to_owned())),
            };
            if std::mem::replace(slot, true) {
                return Err(ConfigError::Modalities(text.to_owned()));
            }
        }
        if set.count() == 0 {
            return Err(ConfigError::Modalities(text.to_owned()));
        }
        Ok(set)
    }
}

/// In which order the features of the first selection meet their locations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum PointOrder {
    /// Every feature stays where it was: the evident intent of the paper.
    #[default]
    Aligned,
    /// As the authors' published code: locations are listed by (y, x, frame), features by
    /// (frame, y, x), so that with more than one frame in a batch features move to other places
    /// and frames. For checkpoints trained that way.
    AsPublished,
}

/// Whether the cross-modal attention learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum AttentionMode {
    /// As the authors' code: the selection is a set of integers, and no gradient reaches the
    /// attention layers, which keep their initial values.
    Frozen,
    /// The selection is hard in the forward pass; its gradient is that of the soft attention. See
    /// [`crate::attention`].
    #[default]
    StraightThrough,
}

/// How the sparse blocks are computed. The first two give the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum SparsePath {
    /// Only active sites are multiplied. Devices with kernels that list them do it without the host; from others the
    /// selection is read back once a layer, asynchronously.
    #[default]
    Gathered,
    /// Dense convolution and masks: nothing is read back, nothing is saved.
    MaskedDense,
    /// Dense convolution of every point, without attention: what FE2E computes with the same parameters, and what the
    /// others compute at p = 1.
    EveryPoint,
}

/// What the logits mean, and so how they become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Each class is a question of its own: probabilities need not add up to 1. The papers'.
    #[default]
    Sigmoid,
    /// One class of all: probabilities add up to 1.
    Softmax,
}

impl Activation {
    /// The probabilities of the classes from their logits, each in `[0, 1]`.
    #[must_use]
    pub fn probabilities(self, logits: &[f32]) -> Vec<f32> {
        match self {
            Self::Sigmoid => logits.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect(),
            Self::Softmax => {
                let peak = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let shares: Vec<f32> = logits.iter().map(|v| (v - peak).exp()).collect();
                let sum: f32 = shares.iter().sum();
                shares.into_iter().map(|share| share / sum).collect()
            }
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Not a set of modalities.
    #[error(
        "modalities are named by the letters t (text), v (visual), a (acoustic), each once, e.g. `tav`; found `{0}`"
    )]
    Modalities(String),
    /// A number outside its range.
    #[error("`{name}` must be {expected}; found {found}")]
    Range {
        /// The setting.
        name: &'static str,
        /// What is accepted.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The sparse model was asked to work without its query.
    #[error("MESM needs the text modality: text chooses the points. Add `t`, or use FE2E")]
    TextNeeded,
}

/// Everything that fixes a model's shape and behaviour. Defaults are the paper's best settings
/// (Table 6) on CMU-MOSEI's six emotions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// MESM or FE2E.
    pub kind: ModelKind,
    /// Class names, in the order of the logits.
    pub classes: Vec<String>,
    /// Modalities the model has weights for.
    pub modalities: Modalities,
    /// Size of the text encoder's first-token vector: 768 for ALBERT-base, 384 for MiniLM-L6.
    pub text_dim: usize,
    /// Channels of the low-level layers and of the three blocks after them.
    pub widths: [usize; 4],
    /// Hidden size between the flattened features and the sequence encoder.
    pub flatten_dim: usize,
    /// Width of the sequence encoder.
    pub trans_dim: usize,
    /// Layers of the sequence encoder.
    pub trans_layers: usize,
    /// Attention heads of the sequence encoder.
    pub trans_heads: usize,
    /// Feed-forward width of the sequence encoder.
    pub trans_feedforward: usize,
    /// Dropout of the sequence encoder in training, `[0, 1)`.
    pub dropout: f64,
    /// Share of the attention mass that is kept, `(0, 1]`.
    pub top_p: f32,
    /// See [`PointOrder`].
    pub point_order: PointOrder,
    /// See [`AttentionMode`].
    pub attention: AttentionMode,
    /// Amplitude of the [dither](crate::sparse::dither) of the attention's scores, which keeps points regularly and more of
    /// them where attention is stronger; 0, as in the paper, for none.
    pub dither: f32,
    /// Shares of the attention mass, ascending, at which the statistics of the sparse layers' batch normalisation were
    /// [measured](crate::calibration); empty where they are those of training alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calibrated_at: Vec<f32>,
    /// See [`SparsePath`].
    pub sparse_path: SparsePath,
    /// See [`Activation`].
    pub activation: Activation,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            kind: ModelKind::default(),
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
            text_dim: 768,
            widths: [64, 128, 256, 512],
            flatten_dim: 1024,
            trans_dim: 64,
            trans_layers: 4,
            trans_heads: 4,
            trans_feedforward: 2048,
            dropout: 0.1,
            top_p: 0.5,
            point_order: PointOrder::default(),
            attention: AttentionMode::default(),
            dither: 0.0,
            calibrated_at: Vec::new(),
            sparse_path: SparsePath::default(),
            activation: Activation::default(),
        }
    }
}

impl ModelConfig {
    /// What is computed: MESM without its attention is FE2E.
    #[must_use]
    pub fn computed_as(&self) -> ModelKind {
        match self.sparse_path {
            SparsePath::EveryPoint => ModelKind::Fe2e,
            SparsePath::Gathered | SparsePath::MaskedDense => self.kind,
        }
    }

    /// Whether `p` can be a share of the attention mass.
    ///
    /// # Errors
    /// When it is not in `(0, 1]`.
    pub fn check_top_p(p: f32) -> Result<(), ConfigError> {
        if p > 0.0 && p <= 1.0 {
            return Ok(());
        }
        Err(ConfigError::Range {
            name: "top_p",
            expected: "in (0, 1]",
            found: p.to_string(),
        })
    }

    /// Whether every setting can be used, and they fit each other.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        Self::check_top_p(self.top_p)?;
        let sizes: [(&'static str, usize, usize); 7] = [
            ("classes", self.classes.len(), 1024),
            ("text_dim", self.text_dim, 1 << 16),
            ("flatten_dim", self.flatten_dim, 1 << 16),
            ("trans_dim", self.trans_dim, 1 << 14),
            ("trans_layers", self.trans_layers, 64),
            ("trans_heads", self.trans_heads, 256),
            ("trans_feedforward", self.trans_feedforward, 1 << 16),
        ];
        let widths = self.widths.map(|w| ("widths", w, 1 << 12));
        for (name, found, limit) in sizes.into_iter().chain(widths) {
            if found == 0 || found > limit {
                return Err(ConfigError::Range {
                    name,
                    expected: "at least 1 and of a sane size",
                    found: found.to_string(),
                });
            }
        }
        if !self.trans_dim.is_multiple_of(self.trans_heads) {
            return Err(ConfigError::Range {
                name: "trans_dim",
                expected: "a multiple of trans_heads",
                found: format!("{} with {} heads", self.trans_dim, self.trans_heads),
            });
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(ConfigError::Range {
                name: "dropout",
                expected: "in [0, 1)",
                found: self.dropout.to_string(),
            });
        }
        if !(0.0..=10.0).contains(&self.dither) {
            return Err(ConfigError::Range {
                name: "dither",
                expected: "in [0, 10]",
                found: self.dither.to_string(),
            });
        }
        let at = &self.calibrated_at;
        if at.len() > 64
            || !at.iter().all(|p| Self::check_top_p(*p).is_ok())
            || !at.is_sorted_by(|p, next| p < next)
        {
            return Err(ConfigError::Range {
                name: "calibrated_at",
                expected: "at most 64 numbers in (0, 1], ascending",
                found: format!("{at:?}"),
            });
        }
        if self.kind == ModelKind::Mesm && !self.modalities.contains(Modality::Text) {
            return Err(ConfigError::TextNeeded);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modalities_are_letters_in_any_order() {
        let all: Modalities = "avt".parse().unwrap();
        assert_eq!(all, Modalities::ALL);
        assert_eq!(all.to_string(), "tva");
        for bad in ["", "tt", "x", "tav "] {
            assert!(bad.parse::<Modalities>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn logits_become_probabilities() {
        let each = Activation::Sigmoid.probabilities(&[0.0, 3.0_f32.ln()]);
        assert!((each[0] - 0.5).abs() < 1e-6 && (each[1] - 0.75).abs() < 1e-6);
        let one = Activation::Softmax.probabilities(&[500.0, 500.0 + 3.0_f32.ln()]);
        assert!((one[0] - 0.25).abs() < 1e-4 && (one[1] - 0.75).abs() < 1e-4);
    }

    #[test]
    fn sparse_model_without_text_is_refused() {
        let config = ModelConfig {
            modalities: "av".parse().unwrap(),
            ..ModelConfig::default()
        };
        assert!(matches!(config.check(), Err(ConfigError::TextNeeded)));
    }

    #[test]
    fn out_of_range_settings_are_named() {
        for p in [0.0, -0.5, 1.1, f32::NAN] {
            let config = ModelConfig {
                top_p: p,
                ..ModelConfig::default()
            };
            assert!(config.check().unwrap_err().to_string().contains("top_p"));
        }
    }
}
