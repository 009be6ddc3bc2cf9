//! Words, positions and segments to vectors.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig};
use burn::tensor::{Device, Int, Tensor};

use super::TextConfig;

/// Sum of three embeddings, normalised. Both families have it, at `embedding_size`.
#[derive(Module, Debug)]
pub(super) struct TokenEmbeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Embedding,
    layer_norm: LayerNorm,
    dropout: Dropout,
}

impl TokenEmbeddings {
    pub(super) fn new(config: &TextConfig, device: &Device) -> Self {
        let width = config.embedding_size;
        let table = |rows| EmbeddingConfig::new(rows, width).init(device);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: table(config.max_position_embeddings),
            token_type_embeddings: table(config.type_vocab_size),
            layer_norm: LayerNormConfig::new(width)
                .with_epsilon(config.layer_norm_eps)
                .init(device),
            dropout: DropoutConfig::new(config.hidden_dropout).init(),
        }
    }

    /// `ids`, `token_types`: `[batch, tokens]`; returns `[batch, tokens, embedding_size]`.
    pub(super) fn forward(
        &self,
        ids: Tensor<2, Int>,
        token_types: Option<Tensor<2, Int>>,
    ) -> Tensor<3> {
        let [_, tokens] = ids.dims();
        let words = self.word_embeddings.forward(ids);
        // Positions are 0, 1, 2, ... and absent segments are all 0: slices, not look-ups.
        let positions = self.position_embeddings.weight.val().slice(0..tokens);
        let segments = match token_types {
            Some(types) => self.token_type_embeddings.forward(types),
            None => self
                .token_type_embeddings
                .weight
                .val()
                .slice(0..1)
                .unsqueeze::<3>(),
        };
        let sum = words + segments + positions.unsqueeze::<3>();
        self.dropout.forward(self.layer_norm.forward(sum))
    }

    pub(super) fn words(&self) -> Tensor<2> {
        self.word_embeddings.weight.val()
    }

    pub(super) fn vocab_size(&self) -> usize {
        self.word_embeddings.weight.lazy_shape().dims::<2>()[0]
    }

    pub(super) fn max_tokens(&self) -> usize {
        self.position_embeddings.weight.lazy_shape().dims::<2>()[0]
    }
}
