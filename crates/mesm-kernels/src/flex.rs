//! The processor's kernels on tensors of Burn's processor backend, Flex.

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor, TensorData};

use crate::cpu::{self, Additive, Finish, Kernel, Order, Taps};

/// A batch normalisation outside training: what is left of it is one scale and one shift a channel.
#[derive(Debug, Clone)]
pub struct Folded {
    /// `[channels]`.
    pub scale: Tensor<1>,
    /// `[channels]`.
    pub shift: Tensor<1>,
}

/// The points of maps as the processor's kernels want them.
#[derive(Debug, Clone)]
pub struct Grid {
    taps: Taps,
    size: [usize; 3],
}

impl Grid {
    /// All points of `frames` maps of `height` x `width`.
    #[must_use]
    pub fn new(frames: usize, height: usize, width: usize) -> Self {
        Self {
            taps: Taps::grid(frames, height, width),
            size: [frames, height, width],
        }
    }

    /// The 3x3 neighbourhoods of the points.
    #[must_use]
    pub fn taps(&self) -> &Taps {
        &self.taps
    }
}

/// Whether the kernels of this module take tensors like this one.
#[must_use]
pub fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    // Without bringing the values into order: asking costs nothing.
    primitive(tensor).is_some()
}

/// A 3x3 convolution of maps `[frames, in, height, width]` with zeros around, its normalisation, and ReLU. The weights
/// are `[out, in, 3, 3]`. Gives `[frames, out, height, width]`, channels last in memory; so it best gets them.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn conv3x3(
    maps: &Tensor<4>,
    grid: &Grid,
    weights: &Tensor<4>,
    folded: &Folded,
) -> Option<Tensor<4>> {
    let [frames, channels, height, width] = maps.dims();
    let [out, ..] = weights.dims();
    assert_eq!([frames, height, width], grid.size, "the grid's points");
    let rows = values(&maps.clone().permute([0, 2, 3, 1]))?;
    let (weights, scale, shift) = layer(weights, folded)?;
    let kernel = Kernel::new(
        slice(&weights)?,
        Order::OutIn,
        [9, channels, out],
        Some(slice(&scale)?),
    );
    let finish = Finish {
        shift: Some(slice(&shift)?),
        relu: true,
    };
    let rows = cpu::product(slice(&rows)?, &grid.taps, &kernel, finish);
    Some(from_rows(rows, [frames, height, width, out]))
}

/// As [`conv3x3`] for few input channels and kernels `[out, in, size, size]` of any odd size, and a 2x2 max-pool: gives
/// `[frames, out, height / 2, width / 2]`. One frame after the other, so that no map of full size leaves the cache.
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
    let (weights, scale, shift) = layer(&by_tap, folded)?;
    let kernel = Kernel::new(
        slice(&weights)?,
        Order::InOut,
        [1, size * size * channels, out],
        Some(slice(&scale)?),
    );
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
/// `[taps, 1, in, out]`.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn conv_rows(
    rows: &Tensor<2>,
    taps: &Taps,
    weights: &Tensor<4>,
    folded: &Folded,
) -> Option<Tensor<2>> {
    let [count, _, channels, out] = weights.dims();
    let rows = values(rows)?;
    let (weights, scale, shift) = layer(weights, folded)?;
    let kernel = Kernel::new(
        slice(&weights)?,
        Order::InOut,
        [count, channels, out],
        Some(slice(&scale)?),
    );
    let finish = Finish {
        shift: Some(slice(&shift)?),
        relu: true,
    };
    let rows = cpu::product(slice(&rows)?, taps, &kernel, finish);
    Some(tensor(rows, [taps.rows_out(), out]))
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
    let rows = values(rows)?;
    let queries = values(queries)?;
    let points = values(&attention.points)?;
    let shift = values(&attention.shift)?;
    let weights = values(&attention.scores)?;
    let score_shift = values(&attention.score_shift)?;
    let attention = Additive {
        points: slice(&points)?,
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

/// A layer's weights with its scale and shift.
fn layer<const D: usize>(weights: &Tensor<D>, folded: &Folded) -> Option<(Values, Values, Values)> {
    Some((
        values(weights)?,
        values(&folded.scale)?,
        values(&folded.shift)?,
    ))
}

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
