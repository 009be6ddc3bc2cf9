//! The parameters of layers, as the kernels of every device take them.

use burn::tensor::Tensor;

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
