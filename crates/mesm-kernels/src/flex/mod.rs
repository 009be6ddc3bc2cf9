//! The processor's kernels on tensors of Burn's processor backend, Flex.

mod kept;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor, TensorData};

use crate::AdditiveParams;
use crate::cpu::{self, Additive, Finish, Order, Taps};

/// A batch normalisation outside training: what is left of it is one scale and one shift a channel.
#[derive(Debug, Clone)]
pub struct Folded {
    /// `[channels]`.
    pub scale: Tensor<1>,
    /// `[channels]`.
    pub shift: Tensor<1>,
}

/// Whether the kernels of this module take tensors like this one.
#[must_use]
pub fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    // Without bringing the values into order: asking costs nothing.
    primitive(tensor).is_some()
}

/// A convolution of maps `[frames, in, height, width]` of few channels with kernels `[out, in, size, size]` of any odd size
/// and zeros around, its normalisation, ReLU, and a 2x2 max-pool: gives `[frames, out, height / 2, width / 2]`, channels
/// last in memory. One frame after the other, so that no map of full size leaves the cache.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn first_layer(maps: &Tensor<4>, weights: &Tensor<4>, folded: &Folded) -> Option<Tensor<4>> {
    let [frames, channels, height, width] = maps.dims();
    let [out, _, size, _] = weights.dims();
    let maps = values(&maps.clone().permute([0, 2, 3, 1]))?;
    // Rows hold the channels of one tap after the other.
    let by_tap = weights.clone().permute([2, 3, 1, 0]);
    let sizes = [1, size * size * channels, out];
    let (scale, shift) = (values(&folded.scale)?, values(&folded.shift)?);
    let kernel = kept::kernel(
        &primitive(&by_tap)?,
        Order::InOut,
        sizes,
        Some(slice(&scale)?),
    )?;
    let finish = Finish {
        shift: Some(slice(&shift)?),
        relu: true,
    };
    let taps = Taps::identity(height * width);
    let windows = cpu::windows(1, height, width);
    let maps = slice(&maps)?;
    let rows = cpu::frame_by_frame(frames, windows.len() / 4 * out, |frame| {
        let map = &maps[frame * height * width * channels..][..height * width * channels];
        let rows = cpu::unfold(map, [1, height, width, channels], size);
        let rows = cpu::product(&rows, &taps, &kernel, finish);
        cpu::pool(&rows, out, &windows)
    });
    Some(from_rows(rows, [frames, height / 2, width / 2, out]))
}

/// 2x2 max-pool of maps `[frames, channels, height, width]` without negative values.
#[must_use]
pub fn halve(maps: &Tensor<4>) -> Option<Tensor<4>> {
    let [frames, channels, height, width] = maps.dims();
    let rows = values(&maps.clone().permute([0, 2, 3, 1]))?;
    let table = cpu::windows(frames, height, width);
    let rows = cpu::pool(slice(&rows)?, channels, &table);
    Some(from_rows(rows, [frames, height / 2, width / 2, channels]))
}

/// A convolution of rows `[rows in, in]` to `[rows out, out]`, its normalisation, and ReLU. The weights are
/// `[taps, 1, in, out]` or `[out, in, height, width]`, as `order` says.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn conv_rows(
    rows: &Tensor<2>,
    taps: &Taps,
    weights: &Tensor<4>,
    order: Order,
    folded: &Folded,
) -> Option<Tensor<2>> {
    let [_, channels] = rows.dims();
    let out = match order {
        Order::InOut => weights.dims()[3],
        Order::OutIn => weights.dims()[0],
    };
    let rows = values(rows)?;
    let (scale, shift) = (values(&folded.scale)?, values(&folded.shift)?);
    let sizes = [taps.count(), channels, out];
    let kernel = kept::kernel(&primitive(weights)?, order, sizes, Some(slice(&scale)?))?;
    let finish = Finish {
        shift: Some(slice(&shift)?),
        relu: true,
    };
    let rows = cpu::product(slice(&rows)?, taps, &kernel, finish);
    Some(tensor(rows, [taps.rows_out(), out]))
}

/// Channels that a linear layer goes through at once: with more, a panel of weights leaves the cache before the next rows
/// need it.
const CHANNELS_AT_ONCE: usize = 512;

/// Rows `[rows, in]` times `weights` `[in, out]`, plus the bias, and ReLU if wanted: `[rows, out]`.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn linear(
    rows: &Tensor<2>,
    weights: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    relu: bool,
) -> Option<Tensor<2>> {
    let [count, channels] = rows.dims();
    let [_, out] = weights.dims();
    let rows = values(rows)?;
    // A long sum is the sum of a few shorter ones, each a tap with rows of its own.
    let parts = channels.div_ceil(CHANNELS_AT_ONCE);
    let parts = if channels.is_multiple_of(parts) {
        parts
    } else {
        1
    };
    let sizes = [parts, channels / parts, out];
    let kernel = kept::kernel(&primitive(weights)?, Order::InOut, sizes, None)?;
    let bias = match bias {
        Some(bias) => Some(values(bias)?),
        None => None,
    };
    let shift = match &bias {
        Some(bias) => Some(slice(bias)?),
        None => None,
    };
    let taps = Taps::parts(count, parts);
    let rows = cpu::product(slice(&rows)?, &taps, &kernel, Finish { shift, relu });
    Some(tensor(rows, [count, out]))
}

/// The largest of four rows each, at least 0, see [`cpu::pool`].
#[must_use]
pub fn pool_rows(rows: &Tensor<2>, table: &[u32]) -> Option<Tensor<2>> {
    let [_, channels] = rows.dims();
    let rows = values(rows)?;
    let pooled = cpu::pool(slice(&rows)?, channels, table);
    Some(tensor(pooled, [table.len() / 4, channels]))
}

/// Some of the rows, in the order they are named.
///
/// # Panics
/// When a row is named that is not there.
#[must_use]
pub fn select_rows(rows: &Tensor<2>, selected: &[u32]) -> Option<Tensor<2>> {
    let [_, channels] = rows.dims();
    let rows = values(rows)?;
    let out = cpu::select(slice(&rows)?, channels, selected);
    Some(tensor(out, [selected.len(), channels]))
}

/// Scores of rows `[rows, channels]`, `counts` of them with each of the `queries` `[frames, width]`.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn scores(
    rows: &Tensor<2>,
    attention: &AdditiveParams,
    queries: &Tensor<2>,
    counts: &[usize],
) -> Option<Vec<f32>> {
    let [channels, width] = attention.points.dims();
    let rows = values(rows)?;
    let queries = values(queries)?;
    let points = primitive(&attention.points)?;
    let points = kept::kernel(&points, Order::InOut, [1, channels, width], None)?;
    let shift = values(&attention.shift)?;
    let weights = values(&attention.scores)?;
    let score_shift = values(&attention.score_shift)?;
    let attention = Additive {
        points: &points,
        shift: slice(&shift)?,
        scores: slice(&weights)?,
        score_shift: *slice(&score_shift)?.first()?,
    };
    Some(cpu::scores(
        slice(&rows)?,
        attention,
        slice(&queries)?,
        counts,
    ))
}

type Values = FloatTensor<Flex>;

/// The values in memory, in the order of the dimensions.
fn values<const D: usize>(tensor: &Tensor<D>) -> Option<Values> {
    primitive(tensor).map(|values| values.to_contiguous())
}

/// The same, however they lie.
fn primitive<const D: usize>(tensor: &Tensor<D>) -> Option<Values> {
    if tensor.dtype() != DType::F32 || tensor.device().is_autodiff() {
        return None;
    }
    tensor.clone().try_into_primitive::<Flex>().ok()
}

fn slice(values: &Values) -> Option<&[f32]> {
    values.as_slice::<f32>()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
    Tensor::from_primitive::<Flex>(Values::from_data(TensorData::new(values, shape)))
}

/// Rows of points as maps `[frames, channels, height, width]`.
fn from_rows(rows: Vec<f32>, shape: [usize; 4]) -> Tensor<4> {
    tensor(rows, shape).permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use burn::tensor::activation::relu as positive;

    use super::*;

    fn drawn<const D: usize>(seed: usize, shape: [usize; D]) -> Tensor<D> {
        let count = shape.iter().product();
        let values = (0..count).map(|i| ((i * 193 + seed * 71) % 127) as f32 / 64.0 - 1.0);
        let values: Vec<f32> = values.collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    #[test]
    fn a_linear_layer_is_a_matrix_product() {
        // More channels than are gone through at once, evenly and not, and fewer.
        for [rows, channels, out] in [[3, 1024, 70], [1, 1021, 9], [20, 12, 130]] {
            let (x, weights, bias) = (
                drawn(1, [rows, channels]),
                drawn(2, [channels, out]),
                drawn(3, [out]),
            );
            for (bias, relu) in [(Some(&bias), true), (None, false)] {
                let found = linear(&x, &weights, bias, relu).unwrap();
                let mut expected = x.clone().matmul(weights.clone());
                if let Some(bias) = bias {
                    expected = expected + bias.clone().unsqueeze();
                }
                if relu {
                    expected = positive(expected);
                }
                let off: f32 = (found - expected).abs().max().into_scalar();
                assert!(off < 1e-3, "{rows}, {channels}, {out}: off by {off}");
            }
        }
    }

    #[test]
    fn other_types_are_left_to_others() {
        let halves = drawn(1, [2, 2]).cast(DType::F64);
        assert!(linear(&halves, &halves, None, false).is_none());
    }
}
