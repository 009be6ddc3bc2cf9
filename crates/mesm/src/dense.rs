//! The dense convolutional layers: all of FE2E, and the low-level part of MESM.

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{PaddingConfig2d, activation::Relu};
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Tensor};

use mesm_gpu as gpu;
use mesm_kernels::ChannelScale;
use mesm_kernels::cpu::{Order, Taps, windows};
use mesm_kernels::flex;
use mesm_kernels::recording;

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
        if let Some(y) = self.fused(&x, taps_of(&x).as_ref()) {
            return y;
        }
        if let Some(y) = self.recorded(&x) {
            return y;
        }
        if let Some(y) = self.on_gpu(&x) {
            return y;
        }
        let relu = Relu::new();
        let x = relu.forward(self.bn1.forward_map(self.conv1.forward(x)));
        relu.forward(self.bn2.forward_map(self.conv2.forward(x)))
    }

    /// The same where there are kernels for it.
    fn fused(&self, x: &Tensor<4>, taps: Option<&Taps>) -> Option<Tensor<4>> {
        let taps = taps?;
        let (rows, size) = rows_of(x.clone());
        let layer = |conv: &Conv2d, norm: &BatchNorm, x: &Tensor<2>| {
            let folded = norm.folded(bias(conv));
            flex::conv_rows(x, taps, &conv.weight.val(), Order::OutIn, &folded)
        };
        let rows = layer(&self.conv1, &self.bn1, &rows)?;
        Some(map_of(layer(&self.conv2, &self.bn2, &rows)?, size))
    }
}

impl VggBlock {
    /// The same in training, where there are kernels for it.
    fn recorded(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        if !recording::takes(x) {
            return None;
        }
        let (rows, size) = rows_of(x.clone());
        let [frames, height, width] = size;
        let taps = Arc::new(Taps::grid(frames, height, width));
        Some(map_of(self.recorded_rows(rows, &taps)?, size))
    }

    /// The same by the kernels for graphics devices.
    fn on_gpu(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        if !gpu::takes(x) {
            return None;
        }
        let (rows, size) = rows_of(x.clone());
        let layer = |conv: &Conv2d, norm: &BatchNorm, x: &Tensor<2>| {
            let weights = conv.weight.val().permute([2, 3, 1, 0]);
            let folded = norm.folded_on_gpu(bias(conv).as_ref())?;
            gpu::conv_maps(x, None, size, &weights, &folded)
        };
        let rows = layer(
            &self.conv2,
            &self.bn2,
            &layer(&self.conv1, &self.bn1, &rows)?,
        )?;
        Some(map_of(rows, size))
    }

    fn recorded_rows(&self, rows: Tensor<2>, taps: &Arc<Taps>) -> Option<Tensor<2>> {
        let layer = |conv: &Conv2d, norm: &BatchNorm, x: Tensor<2>| {
            let weights = conv.weight.val();
            norm.recorded_relu(recording::conv_rows(
                x,
                taps,
                weights,
                Order::OutIn,
                bias(conv),
            )?)
        };
        layer(&self.conv2, &self.bn2, layer(&self.conv1, &self.bn1, rows)?)
    }
}

/// The points of maps `[frames, channels, height, width]` as rows `[frames * height * width, channels]`, and the number of
/// frames, the height and the width.
pub(crate) fn rows_of(map: Tensor<4>) -> (Tensor<2>, [usize; 3]) {
    let [frames, channels, height, width] = map.dims();
    let rows = map.permute([0, 2, 3, 1]);
    let rows = rows.reshape([frames * height * width, channels]);
    (rows, [frames, height, width])
}

/// The other way.
pub(crate) fn map_of(rows: Tensor<2>, [frames, height, width]: [usize; 3]) -> Tensor<4> {
    let [_, channels] = rows.dims();
    rows.reshape([frames, height, width, channels])
        .permute([0, 3, 1, 2])
}

/// The 3x3 neighbourhoods of all points of maps that the processor's kernels take.
pub(crate) fn taps_of(x: &Tensor<4>) -> Option<Taps> {
    let [frames, _, height, width] = x.dims();
    flex::takes(x).then(|| Taps::grid(frames, height, width))
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

    /// `[frames, in, height, width]`, which may have a scale, to `[frames, width, height / 2, width / 2]`, all values at
    /// least 0.
    pub(crate) fn forward(&self, x: Tensor<4>, scale: Option<&ChannelScale>) -> Tensor<4> {
        if let Some(y) = self.on_gpu(&x, scale) {
            return y;
        }
        let x = match scale {
            Some(scale) => standardise(x, scale),
            None => x,
        };
        if let Some(y) = self.fused(&x) {
            return y;
        }
        if let Some(y) = self.recorded(&x) {
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
        let taps = taps_of(&x);
        let x = self.block1.fused(&x, taps.as_ref())?;
        self.block2.fused(&x, taps.as_ref())
    }
}

impl LowLevel {
    /// The same in training, where there are kernels for it.
    fn recorded(&self, x: &Tensor<4>) -> Option<Tensor<4>> {
        if !recording::takes(x) {
            return None;
        }
        let [frames, channels, height, width] = x.dims();
        let [out, _, size, _] = self.conv.weight.dims();
        let rows = recording::unfold(x, size)?;
        // Rows hold the channels of one tap after the other.
        let weights = self.conv.weight.val().permute([2, 3, 1, 0]);
        let weights = weights.reshape([1, 1, size * size * channels, out]);
        let taps = Arc::new(Taps::identity(frames * height * width));
        let rows = recording::conv_rows(rows, &taps, weights, Order::InOut, bias(&self.conv))?;
        let rows = self.norm.recorded_relu(rows)?;
        let rows = recording::pool_rows(rows, Arc::new(windows(frames, height, width)))?;
        let (height, width) = (height / 2, width / 2);
        let taps = Arc::new(Taps::grid(frames, height, width));
        let rows = self.block1.recorded_rows(rows, &taps)?;
        let rows = self.block2.recorded_rows(rows, &taps)?;
        Some(map_of(rows, [frames, height, width]))
    }
}

impl LowLevel {
    /// The same by the kernels for graphics devices.
    fn on_gpu(&self, x: &Tensor<4>, scale: Option<&ChannelScale>) -> Option<Tensor<4>> {
        if !gpu::takes(x) {
            return None;
        }
        let [frames, _, height, width] = x.dims();
        let folded = self.norm.folded_on_gpu(bias(&self.conv).as_ref())?;
        let rows = gpu::first_conv(x, scale, &self.conv.weight.val(), &folded)?;
        let rows = gpu::halve_maps(&rows, [frames, height, width])?;
        let x = map_of(rows, halved([frames, height, width]));
        self.block2.on_gpu(&self.block1.on_gpu(&x)?)
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

    /// `[frames, in, height, width]`, which may have a scale, to `[frames, out, height / 16, width / 16]`.
    pub(crate) fn forward(&self, x: Tensor<4>, scale: Option<&ChannelScale>) -> Tensor<4> {
        [&self.block3, &self.block4, &self.block5]
            .into_iter()
            .fold(self.low_level.forward(x, scale), |x, block| {
                halve_positive(block.forward(x))
            })
    }
}

/// Pictures `[frames, 3, height, width]` less the means of their channels, in units of their deviations.
fn standardise(pictures: Tensor<4>, scale: &ChannelScale) -> Tensor<4> {
    let device = pictures.device();
    let channel =
        |values: [f32; 3]| Tensor::<1>::from_floats(values, &device).reshape([1, 3, 1, 1]);
    (pictures - channel(scale.means)) / channel(scale.deviations)
}

/// 2x2 max-pool with stride 2.
pub(crate) fn halve(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}

/// The same of maps without negative values.
pub(crate) fn halve_positive(x: Tensor<4>) -> Tensor<4> {
    if let Some(y) = flex::halve(&x) {
        return y;
    }
    if gpu::takes(&x) {
        let (rows, size) = rows_of(x.clone());
        if let Some(rows) = gpu::halve_maps(&rows, size) {
            return map_of(rows, halved(size));
        }
    }
    if recording::takes(&x) {
        let (rows, size) = rows_of(x.clone());
        let [frames, height, width] = size;
        let table = Arc::new(windows(frames, height, width));
        if let Some(rows) = recording::pool_rows(rows, table) {
            return map_of(rows, halved(size));
        }
    }
    halve(x)
}

/// The size of maps after a 2x2 max-pool.
pub(crate) fn halved([frames, height, width]: [usize; 3]) -> [usize; 3] {
    [frames, height / 2, width / 2]
}

fn bias(conv: &Conv2d) -> Option<Tensor<1>> {
    conv.bias.as_ref().map(Param::val)
}

fn conv(channels_in: usize, channels_out: usize, kernel: usize, device: &Device) -> Conv2d {
    let pad = kernel / 2;
    Conv2dConfig::new([channels_in, channels_out], [kernel, kernel])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .init(device)
}
