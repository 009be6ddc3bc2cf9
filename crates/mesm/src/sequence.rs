//! The small Transformer over a branch's frames or chunks.

use burn::module::Module;
use burn::nn::{
    Dropout, DropoutConfig, Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig,
    Linear, LinearConfig,
};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use mesm_gpu as gpu;
use mesm_kernels::{EncoderLayerParams, EncoderParams, LayerNormParams};

use crate::linear::{linear_of_steps, linear_relu_of_steps, params};

/// Sizes of a sequence encoder.
#[derive(Debug, Clone, Copy)]
pub struct SequenceConfig {
    /// Width.
    pub dim: usize,
    /// Number of layers.
    pub layers: usize,
    /// Attention heads; divides `dim`.
    pub heads: usize,
    /// Width of the feed-forward layers.
    pub feedforward: usize,
    /// Dropout in training.
    pub dropout: f64,
}

/// A learnt vector is put in front of the sequence, a Transformer encoder runs over it, and what
/// comes out in front is the sequence's vector.
///
/// As the authors' code: post-norm, ReLU, no positional encoding (the paper says there is one),
/// no final norm, padding masked.
#[derive(Module, Debug)]
pub struct SequenceEncoder {
    encoder: Encoder,
    cls_emb: Embedding,
}

#[derive(Module, Debug)]
struct Encoder {
    layers: Vec<EncoderLayer>,
}

#[derive(Module, Debug)]
struct EncoderLayer {
    self_attn: SelfAttention,
    linear1: Linear,
    linear2: Linear,
    norm1: LayerNorm,
    norm2: LayerNorm,
    dropout: Dropout,
}

/// Multi-head self-attention with PyTorch's packed input projection.
#[derive(Module, Debug)]
struct SelfAttention {
    in_proj: Linear,
    out_proj: Linear,
    dropout: Dropout,
    heads: usize,
}

impl SequenceEncoder {
    /// A new encoder on `device`.
    #[must_use]
    pub fn new(config: SequenceConfig, device: &Device) -> Self {
        let layers = (0..config.layers)
            .map(|_| EncoderLayer::new(config, device))
            .collect();
        Self {
            encoder: Encoder { layers },
            // The authors draw it with a deviation of 1, thirty times what a fresh branch has to say about a frame: the
            // first norm then passes the vector itself on and hardly anything of the frames. BERT's deviation.
            cls_emb: EmbeddingConfig::new(1, config.dim)
                .with_initializer(Initializer::Normal {
                    mean: 0.0,
                    std: 0.02,
                })
                .init(device),
        }
    }

    /// One vector `[utterances, dim]` for each of the `lens.len()` utterances whose rows lie one
    /// after the other in `rows` `[sum of lens, dim]`. An utterance without rows gets the vector
    /// of the empty sequence.
    #[must_use]
    pub fn forward(&self, rows: Tensor<2>, lens: &[usize]) -> Tensor<2> {
        if gpu::takes(&rows)
            && let Some(params) = self.params()
            && let Some(front) = gpu::encode(&rows, lens, &params)
        {
            return front;
        }
        let [_, dim] = rows.dims();
        let (padded, mask) = pad_after_cls(rows, self.cls_emb.weight.val(), lens);
        let x = self
            .encoder
            .layers
            .iter()
            .fold(padded, |x, layer| layer.forward(x, &mask));
        x.narrow(1, 0, 1).reshape([lens.len(), dim])
    }

    /// What the kernel for short sequences takes.
    fn params(&self) -> Option<EncoderParams> {
        let layers = &self.encoder.layers;
        let first = layers.first()?;
        let [_, feedforward] = first.linear1.weight.dims();
        Some(EncoderParams {
            front: self.cls_emb.weight.val(),
            layers: layers
                .iter()
                .map(EncoderLayer::params)
                .collect::<Option<_>>()?,
            heads: first.self_attn.heads,
            feedforward,
            epsilon: EPSILON,
        })
    }
}

/// `[utterances, 1 + longest, dim]` with the CLS vector first, and the additive mask
/// `[utterances, 1, 1, 1 + longest]`: 0 where there is something, very negative at padding.
fn pad_after_cls(rows: Tensor<2>, cls: Tensor<2>, lens: &[usize]) -> (Tensor<3>, Tensor<4>) {
    let device = rows.device();
    let [count, dim] = rows.dims();
    let longest = lens.iter().copied().max().unwrap_or(0);
    // Row 0 is CLS, rows 1..=count are the frames; padding points at CLS and is masked.
    let mut index: Vec<i32> = Vec::with_capacity(lens.len() * (longest + 1));
    let mut mask: Vec<f32> = Vec::with_capacity(index.capacity());
    let mut next = 1_i32;
    for &len in lens {
        index.push(0);
        mask.push(0.0);
        for position in 0..longest {
            if position < len {
                index.push(next);
                mask.push(0.0);
                next += 1;
            } else {
                index.push(0);
                mask.push(MASKED);
            }
        }
    }
    let index = Tensor::<1, Int>::from_data(TensorData::from(index.as_slice()), &device);
    let table = if count == 0 {
        cls
    } else {
        Tensor::cat(vec![cls, rows], 0)
    };
    let padded = match lens {
        // Everything is in its place already.
        [_] => table,
        _ => table.select(0, index),
    };
    let padded = padded.reshape([lens.len(), longest + 1, dim]);
    let mask = Tensor::<1>::from_data(TensorData::from(mask.as_slice()), &device).reshape([
        lens.len(),
        1,
        1,
        longest + 1,
    ]);
    (padded, mask)
}

/// Added to a masked score: its exponential is exactly 0 in `f32`.
const MASKED: f32 = -1e30;

impl EncoderLayer {
    fn new(config: SequenceConfig, device: &Device) -> Self {
        let SequenceConfig {
            dim, feedforward, ..
        } = config;
        let norm = || LayerNormConfig::new(dim).with_epsilon(EPSILON).init(device);
        let packed = Initializer::XavierUniform { gain: 1.0 };
        let dropout = DropoutConfig::new(config.dropout).init();
        Self {
            self_attn: SelfAttention {
                in_proj: unshifted(dim, 3 * dim, Some(packed), device),
                out_proj: unshifted(dim, dim, None, device),
                dropout: dropout.clone(),
                heads: config.heads,
            },
            linear1: LinearConfig::new(dim, feedforward).init(device),
            linear2: LinearConfig::new(feedforward, dim).init(device),
            norm1: norm(),
            norm2: norm(),
            dropout,
        }
    }

    fn params(&self) -> Option<EncoderLayerParams> {
        Some(EncoderLayerParams {
            in_proj: params(&self.self_attn.in_proj)?,
            out_proj: params(&self.self_attn.out_proj)?,
            norm1: norm_params(&self.norm1)?,
            linear1: params(&self.linear1)?,
            linear2: params(&self.linear2)?,
            norm2: norm_params(&self.norm2)?,
        })
    }

    fn forward(&self, x: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let attended = self
            .dropout
            .forward(self.self_attn.forward(x.clone(), mask));
        let x = add_normalise(&self.norm1, x, attended);
        let hidden = linear_relu_of_steps(&self.linear1, x.clone());
        let hidden = self.dropout.forward(hidden);
        let hidden = self.dropout.forward(linear_of_steps(&self.linear2, hidden));
        add_normalise(&self.norm2, x, hidden)
    }
}

/// PyTorch's and Burn's.
const EPSILON: f64 = 1e-5;

fn norm_params(norm: &LayerNorm) -> Option<LayerNormParams> {
    Some(LayerNormParams {
        weight: norm.gamma.val(),
        bias: norm.beta.as_ref()?.val(),
    })
}

/// The norm of a sum, as one kernel where there is one.
fn add_normalise(norm: &LayerNorm, a: Tensor<3>, b: Tensor<3>) -> Tensor<3> {
    let kernel = norm
        .beta
        .as_ref()
        .and_then(|beta| gpu::add_normalise(&a, &b, &norm.gamma.val(), &beta.val(), EPSILON));
    kernel.unwrap_or_else(|| norm.forward(a + b))
}

/// A layer whose biases begin at 0, as those of PyTorch's attention do.
fn unshifted(from: usize, to: usize, weights: Option<Initializer>, device: &Device) -> Linear {
    let config = LinearConfig::new(from, to);
    let config = match weights {
        Some(weights) => config.with_initializer(weights),
        None => config,
    };
    let mut layer = config.init(device);
    layer.bias = Some(Initializer::Zeros.init([to], device));
    layer
}

impl SelfAttention {
    fn forward(&self, x: Tensor<3>, mask: &Tensor<4>) -> Tensor<3> {
        let [batch, len, dim] = x.dims();
        let head = dim / self.heads;
        let packed = linear_of_steps(&self.in_proj, x);
        let rows = packed.clone().reshape([batch * len, 3 * dim]);
        let flat = mask.clone().reshape([batch, len]);
        if let Some(mixed) = gpu::attend_packed(&rows, &flat, self.heads) {
            return linear_of_steps(&self.out_proj, mixed.reshape([batch, len, dim]));
        }
        let packed = packed.reshape([batch, len, 3, self.heads, head]);
        let part = |k: usize| -> Tensor<4> {
            packed
                .clone()
                .narrow(2, k, 1)
                .reshape([batch, len, self.heads, head])
                .swap_dims(1, 2)
        };
        let (query, key, value) = (part(0), part(1), part(2));
        #[allow(clippy::cast_precision_loss)]
        let scale = 1.0 / (head as f64).sqrt();
        let scores = query.matmul(key.swap_dims(2, 3)) * scale + mask.clone();
        let weights = self.dropout.forward(softmax(scores, 3));
        let mixed = weights
            .matmul(value)
            .swap_dims(1, 2)
            .reshape([batch, len, dim]);
        linear_of_steps(&self.out_proj, mixed)
    }
}
