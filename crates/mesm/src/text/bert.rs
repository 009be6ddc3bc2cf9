//! BERT (Devlin et al., 2019) with the names of `transformers.BertModel`; `MiniLM` is one.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};

use super::attention::{additive_mask, attend};
use super::embeddings::TokenEmbeddings;
use super::{Activation, TextConfig};

/// BERT: a layer of its own at every depth.
#[derive(Module, Debug)]
pub struct Bert {
    pub(super) embeddings: TokenEmbeddings,
    encoder: BertStack,
    pub(super) pooler: Option<BertPooler>,
}

#[derive(Module, Debug)]
struct BertStack {
    layer: Vec<BertLayer>,
}

#[derive(Module, Debug)]
struct BertLayer {
    attention: BertAttention,
    intermediate: BertIntermediate,
    output: BertOutput,
}

/// `projections` is `self` in the state dict, a name Rust keeps for itself.
#[derive(Module, Debug)]
struct BertAttention {
    projections: BertProjections,
    output: BertOutput,
    dropout: Dropout,
    heads: usize,
}

#[derive(Module, Debug)]
struct BertProjections {
    query: Linear,
    key: Linear,
    value: Linear,
}

#[derive(Module, Debug)]
struct BertIntermediate {
    dense: Linear,
    #[module(skip)]
    activation: Activation,
}

/// A projection added to what it started from, normalised.
#[derive(Module, Debug)]
struct BertOutput {
    dense: Linear,
    layer_norm: LayerNorm,
    dropout: Dropout,
}

#[derive(Module, Debug)]
pub(super) struct BertPooler {
    pub(super) dense: Linear,
}

impl Bert {
    pub(super) fn new(config: &TextConfig, pooler: bool, device: &Device) -> Self {
        let hidden = config.hidden_size;
        Self {
            embeddings: TokenEmbeddings::new(config, device),
            encoder: BertStack {
                layer: (0..config.num_hidden_layers)
                    .map(|_| BertLayer::new(config, device))
                    .collect(),
            },
            pooler: pooler.then(|| BertPooler {
                dense: LinearConfig::new(hidden, hidden).init(device),
            }),
        }
    }

    /// See [`super::TextEncoder::forward`].
    pub(super) fn forward(
        &self,
        ids: Tensor<2, Int>,
        mask: Tensor<2, Int>,
        token_types: Option<Tensor<2, Int>>,
    ) -> Tensor<3> {
        let mask = additive_mask(mask);
        let embedded = self.embeddings.forward(ids, token_types);
        self.encoder
            .layer
            .iter()
            .fold(embedded, |hidden, layer| layer.forward(hidden, &mask))
    }
}

impl BertLayer {
    fn new(config: &TextConfig, device: &Device) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            attention: BertAttention::new(config, device),
            intermediate: BertIntermediate {
                dense: LinearConfig::new(hidden, inner).init(device),
                activation: config.activation,
            },
            output: BertOutput::new(inner, config, device),
        }
    }

    fn forward(&self, hidden: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let attended = self.attention.forward(hidden, mask);
        let inner = self.intermediate.dense.forward(attended.clone());
        let inner = self.intermediate.activation.forward(inner);
        self.output.forward(inner, attended)
    }
}

impl BertAttention {
    fn new(config: &TextConfig, device: &Device) -> Self {
        let square = || LinearConfig::new(config.hidden_size, config.hidden_size).init(device);
        Self {
            projections: BertProjections {
                query: square(),
                key: square(),
                value: square(),
            },
            output: BertOutput::new(config.hidden_size, config, device),
            dropout: DropoutConfig::new(config.attention_dropout).init(),
            heads: config.num_attention_heads,
        }
    }

    fn forward(&self, hidden: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let context = attend(
            self.projections.query.forward(hidden.clone()),
            self.projections.key.forward(hidden.clone()),
            self.projections.value.forward(hidden.clone()),
            mask,
            self.heads,
            &self.dropout,
        );
        self.output.forward(context, hidden)
    }
}

impl BertOutput {
    fn new(input: usize, config: &TextConfig, device: &Device) -> Self {
        Self {
            dense: LinearConfig::new(input, config.hidden_size).init(device),
            layer_norm: LayerNormConfig::new(config.hidden_size)
                .with_epsilon(config.layer_norm_eps)
                .init(device),
            dropout: DropoutConfig::new(config.hidden_dropout).init(),
        }
    }

    fn forward(&self, input: Tensor<3>, residual: Tensor<3>) -> Tensor<3> {
        let output = self.dropout.forward(self.dense.forward(input));
        self.layer_norm.forward(output + residual)
    }
}
