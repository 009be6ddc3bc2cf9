//! A build without the feature `autodiff` records no gradients: nothing here takes a tensor.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::AdditiveParams;
use crate::cpu::{Order, Taps};

/// A batch normalisation in training with its ReLU.
#[derive(Debug)]
pub struct BatchNormalised {
    /// The normalised rows.
    pub rows: Tensor<2>,
    /// Mean of the batch.
    pub mean: Tensor<1>,
    /// Biased variance of the batch.
    pub variance: Tensor<1>,
}

/// No.
#[must_use]
pub fn takes<const D: usize>(_: &Tensor<D>) -> bool {
    false
}

/// Nothing.
#[must_use]
pub fn conv_rows(
    _: Tensor<2>,
    _: &Arc<Taps>,
    _: Tensor<4>,
    _: Order,
    _: Option<Tensor<1>>,
) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn normalise(_: Tensor<2>, _: Tensor<1>, _: Tensor<1>, _: f64) -> Option<BatchNormalised> {
    None
}

/// Nothing.
#[must_use]
pub fn pool_rows(_: Tensor<2>, _: Arc<Vec<u32>>) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn select_rows(_: Tensor<2>, _: Arc<Vec<u32>>) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn scores(_: Tensor<2>, _: AdditiveParams, _: Tensor<2>, _: &[usize]) -> Option<Tensor<1>> {
    None
}

/// Nothing.
#[must_use]
pub fn unfold(_: &Tensor<4>, _: usize) -> Option<Tensor<2>> {
    None
}
