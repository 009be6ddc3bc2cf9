//! Either family behind one face.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use super::albert::Albert;
use super::bert::Bert;
use super::{Family, TextConfig, TextError, TokenBatch};
use crate::tanh::tanh;
use crate::weights::{Limits, ParamSource, SafetensorsSource, WeightsError, load_params};

/// Integer buffers that older files carry and that hold nothing but 0, 1, 2, ... or zeros.
const IGNORED: [&str; 2] = ["embeddings.position_ids", "embeddings.token_type_ids"];

/// A text encoder: tokens to hidden states.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // one value per program; boxing would only add a hop
pub enum TextEncoder {
    /// `transformers.AlbertModel`.
    Albert(Albert),
    /// `transformers.BertModel`.
    Bert(Bert),
}

impl TextEncoder {
    pub(super) fn new(config: &TextConfig, pooler: bool, device: &Device) -> Self {
        match config.family {
            Family::Albert => Self::Albert(Albert::new(config, pooler, device)),
            Family::Bert => Self::Bert(Bert::new(config, pooler, device)),
        }
    }

    /// Reads `model.safetensors` of Hugging Face (F32, F16, BF16 or F64) onto `device`.
    ///
    /// Names may stand bare or under `bert.`/`albert.`; heads beside the encoder are then not
    /// read. The pooler is taken when it is there.
    ///
    /// # Errors
    /// When the sizes are out of bounds or the file does not hold exactly the configured
    /// encoder. Nothing is put on the device before all checks have passed.
    pub fn from_safetensors(
        config: &TextConfig,
        bytes: &[u8],
        limits: Limits,
        device: &Device,
    ) -> Result<Self, TextError> {
        let source = SafetensorsSource::new(bytes, limits)?.ignoring(IGNORED);
        let prefix = config.family.prefix();
        let (source, prefix) = if source.has_prefix(prefix) {
            (source.under(prefix), prefix)
        } else {
            (source, "")
        };
        let pooler = source.has_prefix(&format!("{prefix}pooler."));
        let mut source = source;
        Ok(config.init(pooler, device)?.load(&mut source)?)
    }

    /// Fills every parameter from `source`, by the names of the Hugging Face state dict without
    /// prefix.
    ///
    /// # Errors
    /// When the source does not hold exactly this encoder's parameters.
    pub fn load(self, source: &mut impl ParamSource) -> Result<Self, WeightsError> {
        load_params(self, source)
    }

    /// Last hidden states of checked tokens, all of segment 0: `[batch, tokens, hidden]`.
    #[must_use]
    pub fn encode(&self, batch: &TokenBatch) -> Tensor<3> {
        self.run(batch.ids.clone(), batch.mask.clone(), None)
    }

    /// Last hidden states.
    ///
    /// `ids`: token ids in `0..vocab_size`; `mask`: 1 for tokens, 0 for padding; `token_types`:
    /// segment ids, all 0 when absent. All are `[batch, tokens]`; returns
    /// `[batch, tokens, hidden]`. Padding is masked in every layer; its own rows are computed
    /// and mean nothing. Ids are not checked (that would need a read-back): see [`TokenBatch`].
    ///
    /// # Errors
    /// When the shapes differ, or there are no tokens or more than the model has positions.
    pub fn forward(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Int>,
        token_types: Option<Tensor<2, Int>>,
    ) -> Result<Tensor<3>, TextError> {
        let expected = ids.dims();
        let types = token_types
            .as_ref()
            .map(|types| ("token_types", types.dims()));
        for (name, found) in [Some(("mask", mask.dims())), types].into_iter().flatten() {
            if found != expected {
                return Err(TextError::Mismatch {
                    name,
                    found,
                    expected,
                });
            }
        }
        let [batch, tokens] = expected;
        if batch == 0 || tokens == 0 {
            return Err(TextError::NoTokens { row: 0 });
        }
        if tokens > self.max_tokens() {
            return Err(TextError::TooManyTokens {
                found: tokens,
                limit: self.max_tokens(),
            });
        }
        Ok(self.run(ids, mask, token_types))
    }

    /// The first token's vector, which the multimodal model reads: `[batch, tokens, hidden]` to
    /// `[batch, hidden]`.
    #[must_use]
    pub fn cls(hidden: Tensor<3>) -> Tensor<2> {
        let [batch, _, width] = hidden.dims();
        hidden.slice([0..batch, 0..1]).reshape([batch, width])
    }

    /// The pooler's output, `tanh(W cls + b)`, `[batch, hidden]`; `None` when the encoder was
    /// made or loaded without a pooler. The authors' model does not use it.
    #[must_use]
    pub fn pooled(&self, hidden: Tensor<3>) -> Option<Tensor<2>> {
        let pooler = match self {
            Self::Albert(albert) => albert.pooler.as_ref(),
            Self::Bert(bert) => bert.pooler.as_ref().map(|pooler| &pooler.dense),
        };
        pooler.map(|dense| tanh(dense.forward(Self::cls(hidden))))
    }

    /// Mean over the tokens that `mask` keeps, scaled to length 1: the sentence embedding that
    /// `all-MiniLM` models are trained for. `[batch, tokens, hidden]` to `[batch, hidden]`.
    #[must_use]
    pub fn sentence(hidden: Tensor<3>, mask: Tensor<2, Int>) -> Tensor<2> {
        let [batch, tokens, width] = hidden.dims();
        let mask = mask.float().reshape([batch, tokens, 1]);
        let sum = (hidden * mask.clone()).sum_dim(1);
        let mean = (sum / mask.sum_dim(1).clamp_min(1e-9)).reshape([batch, width]);
        let length = (mean.clone() * mean.clone()).sum_dim(1).sqrt();
        mean / length.clamp_min(1e-12)
    }

    /// The vectors that tokens begin with, before position and context: `[vocab_size, embedding_size]`.
    #[must_use]
    pub fn word_vectors(&self) -> Tensor<2> {
        self.embeddings().words()
    }

    /// Number of token ids.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.embeddings().vocab_size()
    }

    /// Longest text in tokens.
    #[must_use]
    pub fn max_tokens(&self) -> usize {
        self.embeddings().max_tokens()
    }

    fn run(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Int>,
        token_types: Option<Tensor<2, Int>>,
    ) -> Tensor<3> {
        match self {
            Self::Albert(albert) => albert.forward(ids, mask, token_types),
            Self::Bert(bert) => bert.forward(ids, mask, token_types),
        }
    }

    fn embeddings(&self) -> &super::embeddings::TokenEmbeddings {
        match self {
            Self::Albert(albert) => &albert.embeddings,
            Self::Bert(bert) => &bert.embeddings,
        }
    }
}
