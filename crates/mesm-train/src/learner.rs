//! What is trained: the text encoder and the model behind it, as one module.

use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::tensor::{Device, Tensor};
use mesm::text::{TextEncoder, TextError, TokenBatch};
use mesm::{Batch, ForwardError, Model, Output};
use thiserror::Error;

use crate::utterances::Utterances;

/// Text encoder and model.
#[derive(Module, Debug)]
pub struct Learner {
    /// Tokens to the vector that chooses the points.
    pub encoder: TextEncoder,
    /// The multimodal model.
    pub model: Model,
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
    /// A letter that names no part of the model.
    #[error("`{0}` names no part of the model: t, v and a do")]
    Part(char),
    /// The parts could not be named to the framework.
    #[error("parts of the model: {0}")]
    Group(String),
}

impl Learner {
    /// The model's output for some utterances.
    ///
    /// # Errors
    /// When tokens or shapes do not fit, or the device fails.
    pub fn forward(
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
            let tokens = TokenBatch::new(&utterances.tokens, &self.encoder, device)?;
            Some(TextEncoder::cls(self.encoder.encode(&tokens)))
        };
        Ok(Batch {
            text,
            faces: utterances.faces(device),
            face_lens: utterances.face_lens.clone(),
            mels: utterances.mels(device),
            mel_lens: utterances.mel_lens.clone(),
        })
    }

    /// The same parameters on the same device, without gradients and without dropout.
    #[must_use]
    pub fn judging(&self) -> Self {
        self.valid()
    }

    /// Freezes parts of the model by their letters (`t`, `v`, `a`), and the text encoder unless it is to learn: their
    /// parameters stay, their dropout and batch statistics too.
    ///
    /// # Errors
    /// When a letter is no modality.
    pub fn frozen(self, letters: &str, train_text_encoder: bool) -> Result<Self, LearnerError> {
        let mut parts = Vec::new();
        if !train_text_encoder {
            parts.push(r"^encoder\.");
        }
        for letter in letters.chars() {
            parts.push(match letter {
                't' => r"^model\.t_out\.",
                'v' => r"^model\.visual\.",
                'a' => r"^model\.acoustic\.",
                other => return Err(LearnerError::Part(other)),
            });
        }
        if parts.is_empty() {
            return Ok(self);
        }
        let group = ParamGroup::from_any_regexes(parts)
            .map_err(|error| LearnerError::Group(format!("{error:?}")))?;
        Ok(self.freeze_group(group))
    }

    /// Paths and identities of all parameters and buffers, in the order of the module.
    #[must_use]
    pub fn identities(&self) -> Vec<(String, ParamId)> {
        let mut lister = Lister::default();
        self.visit(&mut lister);
        lister.found
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
