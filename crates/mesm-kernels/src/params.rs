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
