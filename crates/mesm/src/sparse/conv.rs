//! Parameters of the submanifold convolutions. Their two computations are in
//! [`super::masked`] and [`super::gathered`].

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor};

use mesm_gpu as gpu;
use mesm_kernels::cpu::{Order, Taps};
use mesm_kernels::{Chosen, flex, recording};

use crate::dense::{map_of, rows_of, taps_of};
use crate::norm::BatchNorm;

/// A 3x3 submanifold convolution without bias: its output sites are its input sites.
#[derive(Module, Debug)]
pub struct SubmanifoldConv {
    /// `[9, 1, in, out]`; the first index is `dy * 3 + dx` of the neighbour at
    /// `(y + dy - 1, x + dx - 1)`.
    pub weight: Param<Tensor<4>>,
}

impl SubmanifoldConv {
    fn new(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        let fan_in = 9 * channels_in;
        Self {
            weight: Initializer::KaimingNormal {
                gain: std::f64::consts::SQRT_2,
                fan_out_only: false,
            }
            .init_with(
                [9, 1, channels_in, channels_out],
                Some(fan_in),
                Some(channels_out),
                device,
            ),
        }
    }

    /// The kernel as dense convolutions want it, `[out, in, 3, 3]`.
    pub(super) fn dense_kernel(&self) -> Tensor<4> {
        let [_, _, channels_in, channels_out] = self.weight.dims();
        self.weight
            .val()
            .reshape([3, 3, channels_in, channels_out])
            .permute([3, 2, 0, 1])
    }

    /// The kernel as one matrix, `[9 * in, out]`.
    pub(super) fn matrix(&self) -> Tensor<2> {
        let [_, _, channels_in, channels_out] = self.weight.dims();
        self.weight.val().reshape([9 * channels_in, channels_out])
    }
}

/// Twice [submanifold convolution, batch normalisation over active sites, ReLU], then a 2x2
/// max-pool over active sites.
#[derive(Module, Debug)]
pub struct SparseBlock {
    pub(super) conv1: SubmanifoldConv,
    pub(super) norm1: BatchNorm,
    pub(super) conv2: SubmanifoldConv,
    pub(super) norm2: BatchNorm,
}

impl SparseBlock {
    /// A block from `channels_in` to `channels_out` features.
    #[must_use]
    pub fn new(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        Self::calibrated(channels_in, channels_out, 0, device)
    }

    /// The same with room for the statistics at `shares` shares of the attention mass.
    pub(super) fn calibrated(
        channels_in: usize,
        channels_out: usize,
        shares: usize,
        device: &Device,
    ) -> Self {
        Self {
            conv1: SubmanifoldConv::new(channels_in, channels_out, device),
            norm1: BatchNorm::sparse(channels_out, shares, device),
            conv2: SubmanifoldConv::new(channels_out, channels_out, device),
            norm2: BatchNorm::sparse(channels_out, shares, device),
        }
    }

    /// The block without its pool at every point of a map, `[frames, in, height, width]` to
    /// `[frames, out, height, width]`.
    pub(super) fn forward_map(&self, x: Tensor<4>) -> Tensor<4> {
        if let Some(y) = self.fused_map(&x) {
            return y;
        }
        let options = || ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let layer = |conv: &SubmanifoldConv, norm: &BatchNorm, x: Tensor<4>| {
            relu(norm.forward_map(conv2d(x, conv.dense_kernel(), None, options())))
        };
        let x = layer(&self.conv1, &self.norm1, x);
        layer(&self.conv2, &self.norm2, x)
    }

    /// The same where there are kernels for it.
    fn fused_map(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        if gpu::takes(x) {
            let (rows, size) = rows_of(x.clone());
            return Some(map_of(self.gpu_rows(&rows, None, size)?, size));
        }
        let taps = taps_of(x)?;
        let (rows, size) = rows_of(x.clone());
        Some(map_of(self.fused_rows(&rows, &taps)?, size))
    }

    /// The block without its pool at some points, `[points, in]` to `[points, out]`, where there are kernels for it.
    pub(super) fn fused_rows(&self, x: &Tensor<2>, taps: &Taps) -> Option<Tensor<2>> {
        if !self.norm1.is_settled() {
            return None;
        }
        let layer = |conv: &SubmanifoldConv, norm: &BatchNorm, x: &Tensor<2>| {
            let folded = norm.folded(None);
            flex::conv_rows(x, taps, &conv.weight.val(), Order::InOut, &folded)
        };
        layer(
            &self.conv2,
            &self.norm2,
            &layer(&self.conv1, &self.norm1, x)?,
        )
    }

    /// The same by the kernels for graphics devices, rows of all points of maps of that size; those that were not chosen
    /// have no meaning in the result.
    pub(super) fn gpu_rows(
        &self,
        x: &Tensor<2>,
        chosen: Option<&Chosen>,
        size: [usize; 3],
    ) -> Option<Tensor<2>> {
        if !self.norm1.is_settled() {
            return None;
        }
        let layer = |conv: &SubmanifoldConv, norm: &BatchNorm, x: &Tensor<2>| {
            let folded = norm.folded_on_gpu(None)?;
            gpu::conv_maps(x, chosen, size, &conv.weight.val(), &folded)
        };
        layer(
            &self.conv2,
            &self.norm2,
            &layer(&self.conv1, &self.norm1, x)?,
        )
    }

    /// The same in training.
    pub(super) fn recorded_rows(&self, x: Tensor<2>, taps: &Arc<Taps>) -> Option<Tensor<2>> {
        let layer = |conv: &SubmanifoldConv, norm: &BatchNorm, x: Tensor<2>| {
            let weights = conv.weight.val();
            norm.recorded_relu(recording::conv_rows(x, taps, weights, Order::InOut, None)?)
        };
        layer(
            &self.conv2,
            &self.norm2,
            layer(&self.conv1, &self.norm1, x)?,
        )
    }

    /// The four layers in order, for tests that compare them one by one.
    #[must_use]
    pub fn layers(&self) -> (&SubmanifoldConv, &BatchNorm, &SubmanifoldConv, &BatchNorm) {
        (&self.conv1, &self.norm1, &self.conv2, &self.norm2)
    }
}
