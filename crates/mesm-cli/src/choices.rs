//! What several commands let their user choose.

use clap::ValueEnum;
use mesm::two_phase::{TwoPhaseConfig, TwoPhaseKind};
use mesm::{ConfigError, Modalities, Modality, ModelConfig, ModelKind};
use mesm_train::system::SystemConfig;

/// Help on the folder of a text encoder, where built-in weights bring theirs.
pub(crate) const TEXT_ENCODER_OR_OWN: &str = "\
Folder with the text encoder's config.json, model.safetensors and tokenizer.json
[default: that of the program for its weights; else $MESM_TEXT_ENCODER, or what
`cargo xtask setup` brought]";
/// Help on the folder of a text encoder, where there is none in the program.
pub(crate) const TEXT_ENCODER: &str = "\
Folder with the text encoder's config.json, model.safetensors and tokenizer.json
[default: $MESM_TEXT_ENCODER, or what `cargo xtask setup` brought]";

/// Which model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelChoice {
    /// Sparse: the words choose the points
    Mesm,
    /// Dense: every point
    Fe2e,
}

impl From<ModelChoice> for ModelKind {
    fn from(choice: ModelChoice) -> Self {
        match choice {
            ModelChoice::Mesm => Self::Mesm,
            ModelChoice::Fe2e => Self::Fe2e,
        }
    }
}

/// Which model of the papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum SystemChoice {
    /// Sparse: the words choose the points
    Mesm,
    /// Dense: every point
    Fe2e,
    /// An LSTM for each modality's features, fused late
    LfLstm,
    /// A Transformer for each modality's features, fused late
    LfTrans,
    /// Emotion words mapped into each modality's space
    EmoEmbs,
    /// Each modality attends to the others
    Mult,
    /// LSTMs and attention between modalities, what they say masks what they read
    MmLatch,
    /// The same masks around MulT
    MmLatchMult,
}

impl SystemChoice {
    /// A configuration of that model, otherwise as `config` where that is of the same family.
    pub(crate) fn change(self, config: &mut SystemConfig) {
        let end_to_end = |kind: ModelKind, config: &SystemConfig| {
            let base = config.end_to_end().cloned().unwrap_or_default();
            SystemConfig::EndToEnd(ModelConfig { kind, ..base })
        };
        let two_phase = |kind: TwoPhaseKind, config: &SystemConfig| {
            let base = config.two_phase().cloned().unwrap_or_default();
            SystemConfig::TwoPhase(TwoPhaseConfig { kind, ..base })
        };
        *config = match self {
            Self::Mesm => end_to_end(ModelKind::Mesm, config),
            Self::Fe2e => end_to_end(ModelKind::Fe2e, config),
            Self::LfLstm => two_phase(TwoPhaseKind::LfLstm, config),
            Self::LfTrans => two_phase(TwoPhaseKind::LfTrans, config),
            Self::EmoEmbs => two_phase(TwoPhaseKind::EmoEmbs, config),
            Self::Mult => two_phase(TwoPhaseKind::Mult, config),
            Self::MmLatch => two_phase(TwoPhaseKind::MmLatch, config),
            Self::MmLatchMult => two_phase(TwoPhaseKind::MmLatchMult, config),
        };
    }
}

/// Which device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// The processor
    Cpu,
    /// An NVIDIA card (a build with the feature cuda)
    Cuda,
    /// A card with a Vulkan driver (a build with the feature vulkan)
    Vulkan,
}

pub(crate) fn parse_top_p(text: &str) -> Result<f32, String> {
    let p = text.parse::<f32>().map_err(|e| e.to_string())?;
    ModelConfig::check_top_p(p).map_err(|e| e.to_string())?;
    Ok(p)
}

/// The modality of a letter.
pub(crate) fn modality(letter: &str) -> Option<Modality> {
    Modality::FUSION_ORDER
        .into_iter()
        .find(|modality| letter == modality.letter().to_string())
}

pub(crate) fn parse_modalities(text: &str) -> Result<Modalities, String> {
    text.parse().map_err(|e: ConfigError| e.to_string())
}
