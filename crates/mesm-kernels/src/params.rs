//! The parameters of layers, as the kernels of every device take them, and what a selection gives.

use burn::tensor::{Int, Tensor};

/// The parameters of an additive attention `w tanh(W m + b + q) + c`.
#[derive(Debug, Clone)]
pub struct AdditiveParams {
    /// `W`, `[channels, width]`.
    pub points: Tensor<2>,
    /// `b`, `[width]`.
    pub shift: Tensor<1>,
    /// `w`, `[width, 1]`.
    pub scores: Tensor<2>,
    /// `c`, `[1]`.
    pub score_shift: Tensor<1>,
}

/// The parameters of a batch normalisation outside training, each `[channels]`.
#[derive(Debug)]
pub struct BatchNormParams {
    /// Scale.
    pub weight: Tensor<1>,
    /// Shift.
    pub bias: Tensor<1>,
    /// Running mean.
    pub mean: Tensor<1>,
    /// Running variance.
    pub variance: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// What brings the channels of pictures to a mean of 0 and a deviation of 1.
#[derive(Debug, Clone, Copy)]
pub struct ChannelScale {
    /// Mean of each channel.
    pub means: [f32; 3],
    /// Standard deviation of each channel.
    pub deviations: [f32; 3],
}

/// Which points of several maps are kept, on the device.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Softmax weights `[maps, points]`, 0 at points that were no candidates.
    pub weights: Tensor<2>,
    /// 1 at kept points, 0 elsewhere, `[maps, points]`.
    pub mask: Tensor<2>,
    /// How many points of each map are kept, and which, in rising order; what follows has no meaning. `[maps, 1 + points]`
    pub list: Tensor<2, Int>,
}

/// What a modality says of the classes, each `[utterances, classes]`.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Its own logits.
    pub logits: Tensor<2>,
    /// What they count for in the answer.
    pub share: Tensor<2>,
    /// The sum of the shares of all modalities up to this one.
    pub total: Tensor<2>,
}

/// The parameters of a linear layer.
#[derive(Debug, Clone)]
pub struct LinearParams {
    /// `[in, out]`.
    pub weight: Tensor<2>,
    /// `[out]`.
    pub bias: Tensor<1>,
}

/// Scale and shift of a layer normalisation, each `[width]`.
#[derive(Debug, Clone)]
pub struct LayerNormParams {
    /// Scale.
    pub weight: Tensor<1>,
    /// Shift.
    pub bias: Tensor<1>,
}

/// The parameters of a layer of a Transformer encoder.
#[derive(Debug, Clone)]
pub struct EncoderLayerParams {
    /// Queries, keys and values side by side, `[width, 3 * width]`.
    pub in_proj: LinearParams,
    /// What becomes of the mixed values, `[width, width]`.
    pub out_proj: LinearParams,
    /// Behind the attention.
    pub norm1: LayerNormParams,
    /// `[width, feedforward]`.
    pub linear1: LinearParams,
    /// `[feedforward, width]`.
    pub linear2: LinearParams,
    /// Behind the feed-forward layer.
    pub norm2: LayerNormParams,
}

/// A Transformer encoder (post-norm, ReLU) with a learnt vector in front of each sequence.
#[derive(Debug, Clone)]
pub struct EncoderParams {
    /// That vector, `[1, width]`.
    pub front: Tensor<2>,
    /// Its layers.
    pub layers: Vec<EncoderLayerParams>,
    /// Heads of each.
    pub heads: usize,
    /// Hidden width of their feed-forward layers.
    pub feedforward: usize,
    /// Added to the variances.
    pub epsilon: f64,
}
