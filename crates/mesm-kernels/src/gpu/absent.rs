//! A build without the feature `gpu` has no kernels for graphics devices: nothing here takes a tensor.

use burn::tensor::{Int, Tensor};

use crate::{AdditiveParams, BatchNormParams};

/// Nothing.
pub fn construct() {}

/// No.
#[must_use]
pub fn takes<const D: usize>(_: &Tensor<D>) -> bool {
    false
}

/// Nothing.
#[must_use]
pub fn conv_rows(
    _: &Tensor<2>,
    _: &Tensor<2, Int>,
    _: &Tensor<4>,
    _: &Tensor<2>,
) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn pool_rows(_: &Tensor<2>, _: &Tensor<2, Int>) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn fold(_: &BatchNormParams, _: Option<&Tensor<1>>) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn first_conv(_: &Tensor<4>, _: &Tensor<4>, _: &Tensor<2>) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn scores(
    _: &Tensor<2>,
    _: &AdditiveParams,
    _: &Tensor<2>,
    _: &Tensor<1, Int>,
) -> Option<Tensor<1>> {
    None
}

/// Nothing.
#[must_use]
pub fn add_normalise(
    _: &Tensor<3>,
    _: &Tensor<3>,
    _: &Tensor<1>,
    _: &Tensor<1>,
    _: f64,
) -> Option<Tensor<3>> {
    None
}

/// Nothing.
#[must_use]
pub fn linear(_: &Tensor<2>, _: &Tensor<2>, _: Option<&Tensor<1>>, _: bool) -> Option<Tensor<2>> {
    None
}
