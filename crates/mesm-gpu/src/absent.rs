//! A build without the feature `gpu` has no kernels for graphics devices: nothing here takes a tensor.

use burn::tensor::Tensor;

use mesm_kernels::{
    AdditiveParams, BatchNormParams, ChannelScale, Chosen, EncoderParams, Judged, LinearParams,
};

/// Nothing.
pub fn construct() {}

/// No.
#[must_use]
pub fn takes<const D: usize>(_: &Tensor<D>) -> bool {
    false
}

/// Nothing.
#[must_use]
pub fn conv_maps(
    _: &Tensor<2>,
    _: Option<&Chosen>,
    _: [usize; 3],
    _: &Tensor<4>,
    _: &Tensor<2>,
) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn halve_maps(_: &Tensor<2>, _: [usize; 3]) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn halve_chosen(_: &Tensor<2>, _: &Tensor<2>, _: [usize; 3]) -> Option<(Tensor<2>, Tensor<2>)> {
    None
}

/// Nothing.
#[must_use]
pub fn fold(_: &BatchNormParams, _: Option<&Tensor<1>>) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn first_conv(
    _: &Tensor<4>,
    _: Option<&ChannelScale>,
    _: &Tensor<4>,
    _: &Tensor<2>,
) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn scores(
    _: &Tensor<2>,
    _: &AdditiveParams,
    _: (&Tensor<2>, usize),
    _: Option<&Tensor<2>>,
    _: usize,
) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn choose(
    _: &Tensor<2>,
    _: Option<&Tensor<2>>,
    _: [usize; 2],
    _: f32,
    _: f32,
) -> Option<Chosen> {
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

/// Nothing.
#[must_use]
pub fn attend_packed(_: &Tensor<2>, _: &Tensor<2>, _: usize) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn attend(_: [&Tensor<2>; 3], _: &Tensor<2>, _: usize) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn linear_of_maps(
    _: &Tensor<4>,
    _: &Tensor<2>,
    _: Option<&Tensor<1>>,
    _: bool,
) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn side_by_side(_: &[Tensor<2>]) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn encode(_: &Tensor<2>, _: &[usize], _: &EncoderParams) -> Option<Tensor<2>> {
    None
}

/// Nothing.
#[must_use]
pub fn judge(
    _: &Tensor<2>,
    _: &LinearParams,
    _: f32,
    _: Option<(&Tensor<2>, usize)>,
    _: Option<&Tensor<2>>,
) -> Option<Judged> {
    None
}
