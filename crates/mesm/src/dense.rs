//! The dense convolutional layers: all of FE2E, and the low-level part of MESM.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{PaddingConfig2d, activation::Relu};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};

use mesm_kernels::flex::{self, Grid};

use crate::norm::BatchNorm;

/// Two 3x3 convolutions, each followed by batch normalisation and ReLU.
#[derive(Module, Debug)]
pub struct VggBlock {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
}

impl VggBlock {
    pub(crate) fn new(channels_in: usize, channels_out: usize, device: &Device) -> Self {
        Self {
            conv1: conv(channels_in, channels_out, 3, device),
            bn1: BatchNorm::dense(channels_out, device),
            conv2: conv(channels_out, channels_out, 3, device),
            bn2: BatchNorm::dense(channels_out, device),
        }
    }

    /// `[frames, in, height, width]` to `[frames, out, height, width]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if let Some(y) = self.fused(&x, grid_of(&x).as_ref()) {
            return y;
        }
        let relu = Relu::new();
        let x = relu.forward(self.bn1.forward_map(self.conv1.forward(x)));
        relu.forward(self.bn2.forward_map(self.conv2.forward(x)))
    }

    /// The same where there are kernels for it.
    fn fused(&self, x: &Tensor<4>, grid: Option<&Grid>) -> Option<Tensor<4>> {
        let layer = |conv: &Conv2d, norm: &BatchNorm, x: &Tensor<4>| {
            flex::conv3x3(x, grid?, &conv.weight.val(), &norm.folded(bias(conv)))
        };
        layer(&self.conv2, &self.bn2, &layer(&self.conv1, &self.bn1, x)?)
    }
}

/// The points of maps that the processor's kernels take.
pub(crate) fn grid_of(x: &Tensor<4>) -> Option<Grid> {
    let [frames, _, height, width] = x.dims();
    flex::takes(x).then(|| Grid::new(frames, height, width))
}

/// The layers every point passes through, in both models: 5x5 convolution, batch normalisation,
/// ReLU, 2x2 max-pool, and two blocks without a pool between them.
#[derive(Module, Debug)]
pub struct LowLevel {
    conv: Conv2d,
    norm: BatchNorm,
    block1: VggBlock,
    block2: VggBlock,
}

impl LowLevel {
    pub(crate) fn new(channels_in: usize, width: usize, device: &Device) -> Self {
        Self {
            conv: conv(channels_in, width, 5, device),
            norm: BatchNorm::dense(width, device),
            block1: VggBlock::new(width, width, device),
            block2: VggBlock::new(width, width, device),
        }
    }

    /// `[frames, in, height, width]` to `[frames, width, height / 2, width / 2]`, all values at
    /// least 0.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        if let Some(y) = self.fused(&x) {
            return y;
        }
        let x = self.norm.forward_map(self.conv.forward(x));
        let x = halve_positive(Relu::new().forward(x));
        self.block2.forward(self.block1.forward(x))
    }

    /// The same where there are kernels for it.
    fn fused(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        if !flex::takes(x) {
            return None;
        }
        let folded = self.norm.folded(bias(&self.conv));
        let x = flex::first_layer(x, &self.conv.weight.val(), &folded)?;
        let grid = grid_of(&x);
        let x = self.block1.fused(&x, grid.as_ref())?;
        self.block2.fused(&x, grid.as_ref())
    }
}

/// The whole convolutional network of one FE2E branch.
#[derive(Module, Debug)]
pub struct DenseCnn {
    low_level: LowLevel,
    block3: VggBlock,
    block4: VggBlock,
    block5: VggBlock,
}

impl DenseCnn {
    pub(crate) fn new(channels_in: usize, widths: [usize; 4], device: &Device) -> Self {
        Self {
            low_level: LowLevel::new(channels_in, widths[0], device),
            block3: VggBlock::new(widths[0], widths[1], device),
            block4: VggBlock::new(widths[1], widths[2], device),
            block5: VggBlock::new(widths[2], widths[3], device),
        }
    }

    /// `[frames, in, height, width]` to `[frames, out, height / 16, width / 16]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        [&self.block3, &self.block4, &self.block5]
            .into_iter()
            .fold(self.low_level.forward(x), |x, block| {
                halve_positive(block.forward(x))
            })
    }
}

/// 2x2 max-pool with stride 2.
pub(crate) fn halve(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}

/// The same of maps without negative values.
pub(crate) fn halve_positive(x: Tensor<4>) -> Tensor<4> {
    flex::halve(&x).unwrap_or_else(|| halve(x))
}

fn bias(conv: &Conv2d) -> Option<Tensor<1>> {
    conv.bias.as_ref().map(|bias| bias.val())
}

fn conv(channels_in: usize, channels_out: usize, kernel: usize, device: &Device) -> Conv2d {
    let pad = kernel / 2;
    Conv2dConfig::new([channels_in, channels_out], [kernel, kernel])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .init(device)
}
