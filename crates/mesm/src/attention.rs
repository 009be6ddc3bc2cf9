//! Cross-modal attention: how much the words care about each point of a face or a spectrogram.
//!
//! Additive attention (paper, equations 1 and 2): with the query q, the text encoder's vector, and
//! the feature m of a point, the score is `w tanh(W_m m + b_m + W_q q) + b`, and the weights are the
//! softmax of the scores over the points of one frame.
//!
//! # The gradient of a selection
//!
//! Nucleus selection keeps a point or drops it: as a function of the scores it is piecewise
//! constant, and in the authors' code nothing flows back through it, so the attention layers keep
//! their initial values. With [`AttentionMode::StraightThrough`](crate::AttentionMode) a kept
//! feature `m_i` enters the convolution as
//!
//! ```text
//! m_i (1 + w_i - sg(w_i))          sg: the value, without gradient
//! ```
//!
//! In the forward pass the factor is 1, so the numbers are those of the hard selection. In the
//! backward pass, with `g_i` the gradient that arrives at the convolution's input, the features
//! receive `g_i` as before, and each kept weight receives `dL/dw_i = <g_i, m_i>`, exactly the
//! gradient of soft attention `sum_i w_i m_i` restricted to the nucleus. The softmax carries it on:
//! `dL/ds_j = w_j (dL/dw_j - sum_i w_i dL/dw_i)`, where dropped points have `dL/dw = 0` but still
//! move, because the weights of a frame share one sum. A point gains weight when its feature,
//! grown a little, would lower the loss.
//!
//! Left to itself this attention collapses; [`concentration`] is what a training adds to its loss against that. And what it
//! keeps changes from frame to frame, which the convolutions bear badly; a [dither](crate::sparse::dither) helps.

use burn::module::Module;
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use mesm_gpu as gpu;
use mesm_kernels::parallel::for_each_part;
use mesm_kernels::{AdditiveParams, flex, recording};

use crate::config::AttentionMode;
use crate::linear::linear;
use crate::tanh::tanh;

/// Additive attention of a query over points.
#[derive(Module, Debug)]
#[allow(clippy::struct_field_names)] // the state dict's own names
pub struct CrossModalAttention {
    channel_affine: Linear,
    y_affine: Linear,
    attn_weight_affine: Linear,
}

impl CrossModalAttention {
    /// Attention of width `k` of a query of size `query_dim` over points of `channels` features.
    /// The authors take `k = channels`.
    ///
    /// An attention that stays as it begins is drawn as the authors' is. One that learns begins with positive values on
    /// the way from features to scores: features come from a ReLU, so the points that the layers below respond to most
    /// strongly are kept first, where signs left to chance may keep the blank ones. Its query begins without a say, and
    /// learns one.
    #[must_use]
    pub fn new(
        channels: usize,
        query_dim: usize,
        k: usize,
        mode: AttentionMode,
        device: &Device,
    ) -> Self {
        let (layer, query): (fn(usize, usize) -> LinearConfig, _) = match mode {
            AttentionMode::Frozen => (LinearConfig::new, LinearConfig::new(query_dim, k)),
            AttentionMode::StraightThrough => (
                positive,
                LinearConfig::new(query_dim, k).with_initializer(Initializer::Zeros),
            ),
        };
        Self {
            channel_affine: layer(channels, k).init(device),
            y_affine: query.with_bias(false).init(device),
            attn_weight_affine: layer(k, 1).init(device),
        }
    }

    /// The same with scores that are all equal at first, so that nothing but a [dither](crate::sparse::dither) chooses the points: it is left
    /// where learning gives a reason to, and not because of what was drawn.
    #[must_use]
    pub(crate) fn beginning_even(mut self) -> Self {
        let weight = &self.attn_weight_affine.weight;
        let (shape, device) = (weight.dims(), weight.device());
        self.attn_weight_affine.weight = Initializer::Zeros.init(shape, &device);
        self
    }

    /// The query projected for this layer: `[utterances, query_dim]` to `[utterances, k]`.
    #[must_use]
    pub fn project_query(&self, query: Tensor<2>) -> Tensor<2> {
        linear(&self.y_affine, query)
    }

    /// Scores `[rows]` of points `[rows, channels]`, each with its own projected query
    /// `[rows, k]`.
    #[must_use]
    pub fn scores_of_rows(&self, points: Tensor<2>, query: Tensor<2>) -> Tensor<1> {
        let [rows, _] = points.dims();
        let hidden = tanh(self.channel_affine.forward(points) + query);
        self.attn_weight_affine.forward(hidden).reshape([rows])
    }

    /// What projects the query, `[query_dim, k]`.
    pub(crate) fn of_query(&self) -> Tensor<2> {
        self.y_affine.weight.val()
    }

    /// Scores `[frames, points]` of the points of maps `[frames * points, channels]` by the kernel for graphics devices,
    /// where there is one. The columns of `queries` from that one on are those of this layer; each row is the query of as
    /// many frames as every other. Where `mask` `[frames, points]` is 0 the scores have no meaning.
    pub(crate) fn scores_on_gpu(
        &self,
        points: &Tensor<2>,
        queries: (&Tensor<2>, usize),
        mask: Option<&Tensor<2>>,
        frames: usize,
    ) -> Option<Tensor<2>> {
        gpu::scores(points, &self.params()?, queries, mask, frames)
    }

    /// Scores of points `[rows, channels]` on the host, `counts` of them with each of the projected queries
    /// `[frames, k]`, where there is a kernel for it.
    #[must_use]
    pub fn scores_on_host(
        &self,
        points: &Tensor<2>,
        queries: &Tensor<2>,
        counts: &[usize],
    ) -> Option<Vec<f32>> {
        if !flex::takes(points) {
            return None;
        }
        flex::scores(points, &self.params()?, queries, counts)
    }

    /// The same where gradients are recorded, `[rows]`.
    pub(crate) fn recorded_scores(
        &self,
        points: &Tensor<2>,
        queries: &Tensor<2>,
        counts: &[usize],
    ) -> Option<Tensor<1>> {
        if !recording::takes(points) {
            return None;
        }
        recording::scores(points.clone(), self.params()?, queries.clone(), counts)
    }

    fn params(&self) -> Option<AdditiveParams> {
        Some(AdditiveParams {
            points: self.channel_affine.weight.val(),
            shift: self.channel_affine.bias.as_ref()?.val(),
            scores: self.attn_weight_affine.weight.val(),
            score_shift: self.attn_weight_affine.bias.as_ref()?.val(),
        })
    }

    /// Scores `[frames, points]` of points `[frames, points, channels]` with one projected query a frame `[frames, k]`.
    pub(crate) fn scores_of_maps(&self, points: Tensor<3>, query: Tensor<2>) -> Tensor<2> {
        let [frames, count, _] = points.dims();
        let hidden = tanh(self.channel_affine.forward(points) + query.unsqueeze_dim::<3>(1));
        self.attn_weight_affine
            .forward(hidden)
            .reshape([frames, count])
    }

    /// Weights `[frames, points]` of points `[frames, points, channels]` with one projected query
    /// a frame `[frames, k]`. Where `active` `[frames, points]` is 0 the weight is 0; every
    /// frame must have an active point.
    #[must_use]
    pub fn weights(
        &self,
        points: Tensor<3>,
        query: Tensor<2>,
        active: Option<&Tensor<2>>,
    ) -> Tensor<2> {
        masked_softmax(self.scores_of_maps(points, query), active)
    }
}

/// A layer of positive values, as large as usual.
fn positive(from: usize, to: usize) -> LinearConfig {
    LinearConfig::new(from, to).with_initializer(Initializer::Uniform {
        min: 0.0,
        max: 1.0 / (from as f64).sqrt(),
    })
}

/// Softmax over the second dimension where `active` is 1; exactly 0 elsewhere.
pub(crate) fn masked_softmax(scores: Tensor<2>, active: Option<&Tensor<2>>) -> Tensor<2> {
    match active {
        None => softmax(scores, 1),
        Some(active) => {
            // Far below any score, so that the exponential is exactly 0 in f32.
            let penalty = (active.clone() - 1.0) * 1e30;
            softmax(scores + penalty, 1)
        }
    }
}

/// Softmax of `scores` over the points of each frame, `counts` of them.
pub(crate) fn softmax_on_host(mut scores: Vec<f32>, counts: &[usize]) -> Vec<f32> {
    for_each_part(&mut scores, counts, |_, frame| {
        let peak = frame.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0_f64;
        for score in frame.iter_mut() {
            *score = (*score - peak).exp();
            sum += f64::from(*score);
        }
        let sum = sum as f32;
        for score in frame {
            *score /= sum;
        }
    });
    scores
}

/// How far attention is from even, in nats: the mean over frames of the Kullback-Leibler divergence of a frame's weights
/// from even weights over its candidates, `ln n + sum_i w_i ln w_i`; `[1]`.
///
/// `weights` are those of all frames together, 0 where a point is no candidate; `candidates` `[frames]` counts them.
/// Nothing else holds a trained attention back: the points it keeps are made better by what lies behind them, those it
/// drops are not, and it ends with one or two points a frame.
#[must_use]
pub fn concentration(weights: Tensor<1>, candidates: Tensor<1>) -> Tensor<1> {
    let [frames] = candidates.dims();
    let entropy = -(weights.clone() * weights.clamp_min(1e-12).log()).sum();
    (candidates.log().sum() - entropy) / frames as f64
}

/// How unevenly attention is spread over the cells of the 2x2 pooling that follows, in nats: the mean over frames of the
/// Kullback-Leibler divergence of the cells' masses `u` from their shares `q` in the candidates, `sum_c u_c ln(u_c / q_c)`;
/// `[1]`.
///
/// It is the part of [`concentration`] that lies between cells. A site is active after the pooling if any of its four
/// was: attention that is even between cells leaves every part of the map to the layers behind it, and is still free to
/// choose within each cell.
///
/// `weights` and `candidates` `[frames, height, width]`; candidates are 1, other points 0 in both.
#[must_use]
pub fn unevenness(weights: Tensor<3>, candidates: Tensor<3>) -> Tensor<1> {
    let [frames, height, width] = weights.dims();
    let (rows, columns) = (height / 2, width / 2);
    let cells = |map: Tensor<3>| -> Tensor<2> {
        map.narrow(1, 0, 2 * rows)
            .narrow(2, 0, 2 * columns)
            .reshape([frames, rows, 2, columns, 2])
            .sum_dim(4)
            .sum_dim(2)
            .reshape([frames, rows * columns])
    };
    let mass = cells(weights);
    let count = cells(candidates);
    let share = count.clone() / count.sum_dim(1);
    let ratio = mass.clone().clamp_min(1e-12).log() - share.clamp_min(1e-12).log();
    (mass * ratio).sum() / frames as f64
}

/// The factor of a kept feature: 1 in the forward pass, the weight's gradient in the backward one.
#[must_use]
pub fn straight_through<const D: usize>(weights: Tensor<D>) -> Tensor<D> {
    let value = weights.clone().detach();
    (weights - value) + 1.0
}
