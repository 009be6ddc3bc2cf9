//! All two-phase models behind one face.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::batch::FeatureBatch;
use super::config::TwoPhaseConfig;
use super::emo_embs::EmoEmbs;
use super::kind::TwoPhaseKind;
use super::late_fusion::{LfLstm, LfTrans};
use super::mm_latch::{LatchOutput, LatchTrace, MmLatch};
use super::mm_latch_mult::MultLatch;
use super::mult::Mult;
use crate::config::{ConfigError, Modality};
use crate::output::ForwardError;

/// One of the baselines that learn from extracted features.
#[derive(Module, Debug)]
pub struct TwoPhaseModel {
    network: Network,
    #[module(skip)]
    config: TwoPhaseConfig,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one of these a model
enum Network {
    LfLstm(LfLstm),
    LfTrans(LfTrans),
    Mult(Mult),
    EmoEmbs(EmoEmbs),
    MmLatch(MmLatch),
    MultLatch(MultLatch),
}

/// The result of a forward pass, on the device.
#[derive(Debug, Clone)]
pub struct TwoPhaseOutput {
    /// `[utterances, outputs]`: what [`Activation`](crate::Activation) turns into probabilities, or sentiments themselves.
    pub logits: Tensor<2>,
    /// Each modality's own logits, `[utterances, outputs]`, in [`Modality::FUSION_ORDER`], where the model has them: late
    /// fusion and EmoEmbs. They are 0 for utterances that lack the modality.
    pub modalities: Vec<(Modality, Tensor<2>)>,
    /// MMLatch's feedback masks on the input features, `[utterances, steps, features]`, in `(0, 1)`, before dropout; empty
    /// otherwise. What they are past an utterance's length means nothing. Steps that no utterance has may be cut off.
    pub masks: Vec<(Modality, Tensor<3>)>,
    /// The way to the logits, for the two MMLatch models.
    pub trace: Option<LatchTrace>,
}

impl TwoPhaseConfig {
    /// A model with freshly initialised parameters on `device`.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn init(&self, device: &Device) -> Result<TwoPhaseModel, ConfigError> {
        self.check()?;
        let network = match self.kind {
            TwoPhaseKind::LfLstm => Network::LfLstm(LfLstm::new(self, device)),
            TwoPhaseKind::LfTrans => Network::LfTrans(LfTrans::new(self, device)),
            TwoPhaseKind::Mult => Network::Mult(Mult::new(self, device)),
            TwoPhaseKind::EmoEmbs => Network::EmoEmbs(EmoEmbs::new(self, device)),
            TwoPhaseKind::MmLatch => Network::MmLatch(MmLatch::new(self, device)),
            TwoPhaseKind::MmLatchMult => Network::MultLatch(MultLatch::new(self, device)),
        };
        Ok(TwoPhaseModel {
            network,
            config: self.clone(),
        })
    }
}

impl TwoPhaseModel {
    /// The settings the model was made with.
    #[must_use]
    pub fn config(&self) -> &TwoPhaseConfig {
        &self.config
    }

    /// EmoEmbs with other emotion embeddings, `[classes, text_dim]`, one row for each of
    /// [`classes`](TwoPhaseConfig::classes): the word vectors of the emotions' names.
    ///
    /// # Errors
    /// When the model is another one, or the embeddings have another shape.
    pub fn with_emotion_embeddings(self, embeddings: Tensor<2>) -> Result<Self, ConfigError> {
        let expected = [self.config.classes.len(), self.config.text_dim];
        let found = embeddings.dims();
        let Network::EmoEmbs(network) = self.network else {
            return Err(ConfigError::Range {
                name: "kind",
                expected: "emo-embs to have emotion embeddings",
                found: self.config.kind.to_string(),
            });
        };
        if found != expected {
            return Err(ConfigError::Range {
                name: "emotion embeddings",
                expected: "[classes, text_dim]",
                found: format!("{found:?} where {expected:?} is needed"),
            });
        }
        Ok(Self {
            network: Network::EmoEmbs(network.with_emotions(embeddings)),
            config: self.config,
        })
    }

    /// Logits and what else the model has to say.
    ///
    /// Late fusion and EmoEmbs leave out a modality that the batch does not hold, and weigh it as 0 for the utterances
    /// that lack it. The others need every modality that they have weights for. An utterance may lack one of MulT's: then
    /// nothing is read of it, and its part of the fused vector is 0. MMLatch needs the same steps in all modalities.
    ///
    /// # Errors
    /// When features have the wrong shape or are missing.
    pub fn forward(&self, batch: &FeatureBatch) -> Result<TwoPhaseOutput, ForwardError> {
        let inputs = batch.inputs(&self.config)?;
        let modalities = self.config.modalities;
        match &self.network {
            Network::LfLstm(network) => {
                let own = network.logits(&inputs);
                self.fused(network.fuse(modalities, &own), own)
            }
            Network::LfTrans(network) => {
                let own = network.logits(&inputs);
                self.fused(network.fuse(modalities, &own), own)
            }
            Network::EmoEmbs(network) => {
                let own = network.logits(&inputs);
                self.fused(network.fuse(modalities, &own), own)
            }
            Network::Mult(network) => {
                let output = network.forward(&inputs, modalities)?;
                self.fused(Some(output.logits), Vec::new())
            }
            Network::MmLatch(network) => Ok(network.forward(&inputs)?.into()),
            Network::MultLatch(network) => Ok(network.forward(&inputs)?.into()),
        }
    }

    fn fused(
        &self,
        logits: Option<Tensor<2>>,
        modalities: Vec<(Modality, Tensor<2>)>,
    ) -> Result<TwoPhaseOutput, ForwardError> {
        let logits = logits.ok_or_else(|| ForwardError::NoFeatures {
            modalities: self.config.modalities.to_string(),
        })?;
        Ok(TwoPhaseOutput {
            logits,
            modalities,
            masks: Vec::new(),
            trace: None,
        })
    }
}

impl From<LatchOutput> for TwoPhaseOutput {
    fn from(output: LatchOutput) -> Self {
        Self {
            logits: output.logits,
            modalities: Vec::new(),
            masks: output.masks,
            trace: Some(output.trace),
        }
    }
}
