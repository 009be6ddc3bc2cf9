//! ALBERT (Lan et al., 2020) with the names of `transformers.AlbertModel`.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::{Device, Int, Tensor};

use super::attention::{additive_mask, attend};
use super::embeddings::TokenEmbeddings;
use super::{Activation, TextConfig};

/// ALBERT: narrow embeddings, widened once, then one layer (or a few) used again and again.
#[derive(Module, Debug)]
pub struct Albert {
    pub(super) embeddings: TokenEmbeddings,
    encoder: AlbertStack,
    pub(super) pooler: Option<Linear>,
}

#[derive(Module, Debug)]
struct AlbertStack {
    embedding_hidden_mapping_in: Linear,
    albert_layer_groups: Vec<AlbertGroup>,
    depth: usize,
}

#[derive(Module, Debug)]
struct AlbertGroup {
    albert_layers: Vec<AlbertLayer>,
}

#[derive(Module, Debug)]
struct AlbertLayer {
    full_layer_layer_norm: LayerNorm,
    attention: AlbertAttention,
    ffn: Linear,
    ffn_output: Linear,
    dropout: Dropout,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
struct AlbertAttention {
    query: Linear,
    key: Linear,
    value: Linear,
    dense: Linear,
    layer_norm: LayerNorm,
    attention_dropout: Dropout,
    output_dropout: Dropout,
    heads: usize,
}

impl Albert {
    pub(super) fn new(config: &TextConfig, pooler: bool, device: &Device) -> Self {
        let hidden = config.hidden_size;
        let group = |_| AlbertGroup {
            albert_layers: (0..config.inner_group_num)
                .map(|_| AlbertLayer::new(config, device))
                .collect(),
        };
        Self {
            embeddings: TokenEmbeddings::new(config, device),
            encoder: AlbertStack {
                embedding_hidden_mapping_in: LinearConfig::new(config.embedding_size, hidden)
                    .init(device),
                albert_layer_groups: (0..config.num_hidden_groups).map(group).collect(),
                depth: config.num_hidden_layers,
            },
            pooler: pooler.then(|| LinearConfig::new(hidden, hidden).init(device)),
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
        self.encoder.forward(embedded, &mask)
    }
}

impl AlbertStack {
    fn forward(&self, embedded: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let groups = self.albert_layer_groups.len();
        let mut hidden = self.embedding_hidden_mapping_in.forward(embedded);
        for step in 0..self.depth {
            // Depth is dealt out to the groups in equal runs.
            let group = &self.albert_layer_groups[step * groups / self.depth];
            for layer in &group.albert_layers {
                hidden = layer.forward(hidden, mask);
            }
        }
        hidden
    }
}

impl AlbertLayer {
    fn new(config: &TextConfig, device: &Device) -> Self {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        Self {
            full_layer_layer_norm: norm(config, device),
            attention: AlbertAttention::new(config, device),
            ffn: LinearConfig::new(hidden, inner).init(device),
            ffn_output: LinearConfig::new(inner, hidden).init(device),
            dropout: DropoutConfig::new(config.hidden_dropout).init(),
            activation: config.activation,
        }
    }

    fn forward(&self, hidden: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let attended = self.attention.forward(hidden, mask);
        let inner = self.activation.forward(self.ffn.forward(attended.clone()));
        let output = self.dropout.forward(self.ffn_output.forward(inner));
        self.full_layer_layer_norm.forward(output + attended)
    }
}

impl AlbertAttention {
    fn new(config: &TextConfig, device: &Device) -> Self {
        let square = || LinearConfig::new(config.hidden_size, config.hidden_size).init(device);
        Self {
            query: square(),
            key: square(),
            value: square(),
            dense: square(),
            layer_norm: norm(config, device),
            attention_dropout: DropoutConfig::new(config.attention_dropout).init(),
            output_dropout: DropoutConfig::new(config.hidden_dropout).init(),
            heads: config.num_attention_heads,
        }
    }

    fn forward(&self, hidden: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let context = attend(
            self.query.forward(hidden.clone()),
            self.key.forward(hidden.clone()),
            self.value.forward(hidden.clone()),
            mask,
            self.heads,
            &self.attention_dropout,
        );
        let output = self.output_dropout.forward(self.dense.forward(context));
        self.layer_norm.forward(output + hidden)
    }
}

fn norm(config: &TextConfig, device: &Device) -> LayerNorm {
    LayerNormConfig::new(config.hidden_size)
        .with_epsilon(config.layer_norm_eps)
        .init(device)
}
