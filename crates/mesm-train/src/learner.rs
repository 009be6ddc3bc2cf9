//! What is trained, as one module: text encoder and end-to-end model, or a baseline that reads features.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::{Device, Int, Tensor, TensorData};
use mesm::sparse::AttentionLayer;
use mesm::text::{TextEncoder, TextError, TokenBatch};
use mesm::two_phase::{TwoPhaseModel, TwoPhaseOutput};
use mesm::{Activation, Batch, ForwardError, Modalities, Modality, Model, Output};
use thiserror::Error;

use crate::utterances::Utterances;

/// Any model of the papers.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one value a run
pub enum Learner {
    /// MESM or FE2E with its text encoder.
    EndToEnd(EndToEnd),
    /// A two-phase baseline.
    TwoPhase(TwoPhaseModel),
}

/// Text encoder and model.
#[derive(Module, Debug)]
pub struct EndToEnd {
    /// Tokens to the vector that chooses the points.
    pub encoder: TextEncoder,
    /// The multimodal model.
    pub model: Model,
}

/// What a learner says of a batch, on the device.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // one value at a time
pub enum Answer {
    /// Of MESM or FE2E.
    EndToEnd(Output),
    /// Of a two-phase baseline.
    TwoPhase(TwoPhaseOutput),
}

/// What of the text encoder learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextLearning {
    /// Nothing.
    Nothing,
    /// What stands above this many layers; with 0 everything, the embeddings too.
    Above(usize),
}

/// Why a forward pass failed.
#[derive(Debug, Error)]
pub enum LearnerError {
    /// The tokens do not fit the encoder.
    #[error("the text encoder: {0}")]
    Text(#[from] TextError),
    /// The model refused the batch, or the device failed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// A setting of the model that cannot be used.
    #[error(transparent)]
    Config(#[from] mesm::ConfigError),
    /// A letter that names no part of the model.
    #[error("`{0}` names no part of the model: t, v, a and q do")]
    Part(char),
    /// Parts of a model that has none.
    #[error("a two-phase model cannot be frozen in parts")]
    NoParts,
    /// The parts could not be named to the framework.
    #[error("parts of the model: {0}")]
    Group(String),
}

impl Answer {
    /// Fused logits, `[utterances, outputs]`.
    #[must_use]
    pub fn logits(&self) -> &Tensor<2> {
        match self {
            Self::EndToEnd(output) => &output.logits,
            Self::TwoPhase(output) => &output.logits,
        }
    }

    /// Each modality's own logits, `[utterances, outputs]`, where the model has them.
    #[must_use]
    pub fn own(&self) -> Vec<(Modality, Tensor<2>)> {
        match self {
            Self::EndToEnd(output) => {
                let parts = output.modalities.iter();
                parts
                    .map(|part| (part.modality, part.logits.clone()))
                    .collect()
            }
            Self::TwoPhase(output) => output.modalities.clone(),
        }
    }

    /// The attention layers that chose points.
    pub fn attention(&self) -> impl Iterator<Item = &AttentionLayer> {
        let parts = match self {
            Self::EndToEnd(output) => output.modalities.as_slice(),
            Self::TwoPhase(_) => &[],
        };
        parts.iter().flat_map(|part| &part.attention)
    }
}

impl Learner {
    /// What the learner says of some utterances.
    ///
    /// # Errors
    /// When tokens or shapes do not fit, or the device fails.
    pub fn forward(
        &self,
        utterances: &Utterances,
        device: &Device,
    ) -> Result<Answer, LearnerError> {
        Ok(match self {
            Self::EndToEnd(learner) => Answer::EndToEnd(learner.forward(utterances, device)?),
            Self::TwoPhase(model) => {
                Answer::TwoPhase(model.forward(&utterances.features.batch(device))?)
            }
        })
    }

    /// Text encoder and model of an end-to-end learner.
    #[must_use]
    pub fn end_to_end(&self) -> Option<&EndToEnd> {
        match self {
            Self::EndToEnd(learner) => Some(learner),
            Self::TwoPhase(_) => None,
        }
    }

    /// Outputs of the model.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        match self {
            Self::EndToEnd(learner) => &learner.model.config().classes,
            Self::TwoPhase(model) => &model.config().classes,
        }
    }

    /// What the model has weights for.
    #[must_use]
    pub fn modalities(&self) -> Modalities {
        match self {
            Self::EndToEnd(learner) => learner.model.config().modalities,
            Self::TwoPhase(model) => model.config().modalities,
        }
    }

    /// What the logits mean.
    #[must_use]
    pub fn activation(&self) -> Activation {
        match self {
            Self::EndToEnd(learner) => learner.model.config().activation,
            Self::TwoPhase(model) => model.config().activation,
        }
    }

    /// The same with all its parameters drawn. The framework draws a parameter when it is first read, and the generator
    /// has gone on by then.
    #[must_use]
    pub fn initialised(self) -> Self {
        struct Read;
        impl ModuleVisitor for Read {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                param.val();
            }
        }
        self.visit(&mut Read);
        self
    }

    /// Changes the share of the attention mass that is kept, from the next batch on; nothing where nothing is selected.
    ///
    /// # Errors
    /// When it is not in `(0, 1]`.
    pub fn set_top_p(&mut self, top_p: f32) -> Result<(), LearnerError> {
        match self {
            Self::EndToEnd(learner) => Ok(learner.model.set_top_p(top_p)?),
            Self::TwoPhase(_) => Ok(()),
        }
    }

    /// The same parameters on the same device, without gradients and without dropout.
    #[must_use]
    pub fn judging(&self) -> Self {
        self.valid()
    }

    /// Freezes parts of the model by their letters (`t`, `v`, `a`, and `q`: what the words have to say to the attention
    /// of face and voice, which belongs to neither `v` nor `a`), and of the text encoder what is not to learn: their
    /// parameters stay, their dropout and batch statistics too.
    ///
    /// # Errors
    /// When a letter is no modality, or the model has no such parts.
    pub fn frozen(self, letters: &str, text: TextLearning) -> Result<Self, LearnerError> {
        match self {
            Self::EndToEnd(learner) => Ok(Self::EndToEnd(learner.frozen(letters, text)?)),
            Self::TwoPhase(_) if !letters.is_empty() => Err(LearnerError::NoParts),
            Self::TwoPhase(model) => Ok(Self::TwoPhase(model)),
        }
    }

    /// Paths and identities of all parameters and buffers, in the order of the module.
    #[must_use]
    pub fn identities(&self) -> Vec<(String, ParamId)> {
        let mut lister = Lister::default();
        self.visit(&mut lister);
        lister.found
    }
}

impl EndToEnd {
    /// See [`Learner::forward`].
    pub(crate) fn forward(
        &self,
        utterances: &Utterances,
        device: &Device,
    ) -> Result<Output, LearnerError> {
        Ok(self.model.forward(&self.batch(utterances, device)?)?)
    }

    /// The utterances as the model takes them, the text as vectors.
    fn batch(&self, utterances: &Utterances, device: &Device) -> Result<Batch, LearnerError> {
        let text = if utterances.tokens.is_empty() {
            None
        } else {
            // Each text is read once: where there are no words, all are the empty sentence.
            let mut texts = Vec::new();
            let places = utterances.tokens.iter().map(|text| {
                let known = texts.iter().position(|known| known == text);
                known.unwrap_or_else(|| {
                    texts.push(text.clone());
                    texts.len() - 1
                })
            });
            let places: Vec<i64> = places.map(|place| place as i64).collect();
            let tokens = TokenBatch::new(&texts, &self.encoder, device)?;
            let vectors = TextEncoder::cls(self.encoder.encode(&tokens));
            let places = TensorData::new(places, [utterances.tokens.len()]);
            Some(vectors.select(0, Tensor::<1, Int>::from_data(places, device)))
        };
        Ok(Batch {
            text,
            spoken: utterances.spoken.clone(),
            faces: utterances.faces(device),
            face_lens: utterances.face_lens.clone(),
            mels: utterances.mels(device),
            mel_lens: utterances.mel_lens.clone(),
        })
    }

    /// See [`Learner::frozen`].
    fn frozen(self, letters: &str, text: TextLearning) -> Result<Self, LearnerError> {
        let mut parts = Vec::new();
        match text {
            TextLearning::Nothing => parts.push(r"^encoder\.".to_owned()),
            TextLearning::Above(0) => {}
            TextLearning::Above(layers) => {
                parts.push(r"^encoder\.\w+\.embeddings\.".to_owned());
                let numbers: Vec<String> = (0..layers).map(|layer| layer.to_string()).collect();
                let numbers = numbers.join("|");
                parts.push(format!(r"^encoder\.\w+\.encoder\.layer\.({numbers})\."));
            }
        }
        // A branch but for the query's way into its attention.
        let branch = |name: &str| {
            [
                format!(r"^model\.{name}\.(flatten|transformer|out)\."),
                format!(r"^model\.{name}\.cnn\.Dense\."),
                format!(r"^model\.{name}\.cnn\.Sparse\.(low_level|sparse_layers)\."),
                format!(r"^model\.{name}\.cnn\..*\.(channel_affine|attn_weight_affine)\."),
            ]
        };
        for letter in letters.chars() {
            match letter {
                't' => parts.push(r"^model\.t_out\.".to_owned()),
                'v' => parts.extend(branch("visual")),
                'a' => parts.extend(branch("acoustic")),
                'q' => parts.push(r"^model\..*\.y_affine\.".to_owned()),
                other => return Err(LearnerError::Part(other)),
            }
        }
        if parts.is_empty() {
            return Ok(self);
        }
        let group = ParamGroup::from_any_regexes(parts)
            .map_err(|error| LearnerError::Group(format!("{error:?}")))?;
        Ok(self.freeze_group(group))
    }
}

#[derive(Default)]
struct Lister {
    path: Vec<String>,
    found: Vec<(String, ParamId)>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.found.push((self.path.join("."), param.id));
    }
}
