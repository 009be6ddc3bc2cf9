//! Kernels for the browser's graphics device, through `CubeCL`.
//!
//! Burn tunes its own kernels where it may compile and try many; a browser's visitor would wait for that. These do the
//! arithmetic of the sparse blocks as it comes: a unit holds four rows of four columns in registers, reads four channels
//! at once, and skips a tap that none of its rows has.

mod constructors;
mod kernels;

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Int, Tensor};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use cubecl::calculate_cube_count_elemwise;
use cubecl::client::Client;
use cubecl::prelude::{CubeCount, CubeDim};

use crate::{AdditiveParams, BatchNormParams};

pub use constructors::construct;

/// Values that are read at once.
const LANES: usize = 4;

/// Whether the kernels of this module take tensors like this one.
#[must_use]
pub fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    // Without bringing the values into order: asking dispatches nothing.
    primitive(tensor).is_some()
}

/// A convolution of rows `[rows in, in]` to `[rows out, out]`, its normalisation, and ReLU. `table` `[rows out, taps]`
/// names a row for each tap, or the number of rows where there is none. The weights are `[taps, 1, in, out]`, `folded` is
/// what [`fold`] gives.
///
/// `None` also where a width is no multiple of four.
#[must_use]
pub fn conv_rows(
    rows: &Tensor<2>,
    table: &Tensor<2, Int>,
    weights: &Tensor<4>,
    folded: &Tensor<2>,
) -> Option<Tensor<2>> {
    let [rows_in, channels] = rows.dims();
    let [taps, _, _, columns] = weights.dims();
    let [rows_out, _] = table.dims();
    if !channels.is_multiple_of(LANES) || !columns.is_multiple_of(LANES) || rows_out == 0 {
        return None;
    }
    let rows = values(rows)?;
    let weights = values(weights)?;
    let folded = values(folded)?;
    let table = into_contiguous(table.clone().try_into_primitive::<Cube>().ok()?);
    let client = rows.client.clone();
    let out = empty(&rows, [rows_out, columns].into());
    let units = rows_out.div_ceil(LANES) * (columns / LANES);
    let (cubes, units_of_a_cube) = shape(&client, units);
    // In bounds: a unit beyond the last row stops, and rows beyond it are neither read nor written.
    #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
    unsafe {
        kernels::convolve::launch_unchecked(
            &client,
            cubes,
            units_of_a_cube,
            LANES,
            rows.into_tensor_arg(),
            weights.into_tensor_arg(),
            table.into_tensor_arg(),
            folded.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            rows_in as u32,
            rows_out as u32,
            (channels / LANES) as u32,
            (columns / LANES) as u32,
            taps as u32,
        );
    }
    Some(Tensor::from_primitive::<Cube>(out))
}

/// The largest of four rows each, at least 0: `table` `[rows out, 4]` names four rows of `rows` a row of the result, and a
/// row that is not there counts as zeros.
#[must_use]
pub fn pool_rows(rows: &Tensor<2>, table: &Tensor<2, Int>) -> Option<Tensor<2>> {
    let [rows_in, channels] = rows.dims();
    let [rows_out, _] = table.dims();
    if !channels.is_multiple_of(LANES) || rows_out == 0 {
        return None;
    }
    let rows = values(rows)?;
    let table = into_contiguous(table.clone().try_into_primitive::<Cube>().ok()?);
    let client = rows.client.clone();
    let out = empty(&rows, [rows_out, channels].into());
    let units = rows_out * (channels / LANES);
    let (cubes, units_of_a_cube) = shape(&client, units);
    // In bounds: a unit beyond the last row stops.
    #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
    unsafe {
        kernels::largest::launch_unchecked(
            &client,
            cubes,
            units_of_a_cube,
            LANES,
            rows.into_tensor_arg(),
            table.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            rows_in as u32,
            rows_out as u32,
            (channels / LANES) as u32,
        );
    }
    Some(Tensor::from_primitive::<Cube>(out))
}

/// Scale and shift `[2, channels]` that are left of a batch normalisation after a convolution with that bias.
#[must_use]
pub fn fold(norm: &BatchNormParams, conv_bias: Option<&Tensor<1>>) -> Option<Tensor<2>> {
    let [channels] = norm.weight.dims();
    let weight = values(&norm.weight)?;
    let mean = values(&norm.mean)?;
    let conv_bias_values = match conv_bias {
        Some(bias) => values(bias)?,
        None => mean.clone(),
    };
    let client = weight.client.clone();
    let out = empty(&weight, [2, channels].into());
    let (cubes, units_of_a_cube) = shape(&client, channels);
    // In bounds: a unit beyond the last channel stops.
    #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
    unsafe {
        kernels::fold::launch_unchecked(
            &client,
            cubes,
            units_of_a_cube,
            weight.into_tensor_arg(),
            values(&norm.bias)?.into_tensor_arg(),
            mean.into_tensor_arg(),
            values(&norm.variance)?.into_tensor_arg(),
            conv_bias_values.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            channels as u32,
            norm.epsilon as f32,
            conv_bias.is_some(),
        );
    }
    Some(Tensor::from_primitive::<Cube>(out))
}

/// A convolution of maps `[frames, in, height, width]` of few channels by weights `[out, in, size, size]` with zeros
/// around, its normalisation, and ReLU, as rows `[frames * height * width, out]`.
///
/// `None` also where `out` is no multiple of four.
#[must_use]
pub fn first_conv(maps: &Tensor<4>, weights: &Tensor<4>, folded: &Tensor<2>) -> Option<Tensor<2>> {
    let [frames, channels, height, width] = maps.dims();
    let [columns, _, size, _] = weights.dims();
    let points = frames * height * width;
    if !columns.is_multiple_of(LANES) || points == 0 {
        return None;
    }
    let maps = values(maps)?;
    let weights = values(&weights.clone().permute([2, 3, 1, 0]))?;
    let folded = values(folded)?;
    let client = maps.client.clone();
    let out = empty(&maps, [points, columns].into());
    let units = points * (columns / LANES);
    let (cubes, units_of_a_cube) = shape(&client, units);
    // In bounds: a unit beyond the last point stops, and what lies around a map is not read.
    #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
    unsafe {
        kernels::convolve_few::launch_unchecked(
            &client,
            cubes,
            units_of_a_cube,
            LANES,
            maps.into_tensor_arg(),
            weights.into_tensor_arg(),
            folded.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            points as u32,
            height as u32,
            width as u32,
            (columns / LANES) as u32,
            size as u32,
            channels as u32,
        );
    }
    Some(Tensor::from_primitive::<Cube>(out))
}

/// Scores `[rows]` of rows `[rows, channels]`, each with the query of its frame, `queries` `[frames, width]`.
///
/// `None` also where a width is no multiple of four.
#[must_use]
pub fn scores(
    rows: &Tensor<2>,
    attention: &AdditiveParams,
    queries: &Tensor<2>,
    frame_of_row: &Tensor<1, Int>,
) -> Option<Tensor<1>> {
    let [count, channels] = rows.dims();
    let [_, width] = queries.dims();
    if !channels.is_multiple_of(LANES) || !width.is_multiple_of(LANES) || count == 0 {
        return None;
    }
    let rows = values(rows)?;
    let frames = into_contiguous(frame_of_row.clone().try_into_primitive::<Cube>().ok()?);
    let client = rows.client.clone();
    let out = empty(&rows, [count].into());
    let (cubes, units_of_a_cube) = shape(&client, count);
    // In bounds: a unit beyond the last row stops.
    #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
    unsafe {
        kernels::score::launch_unchecked(
            &client,
            cubes,
            units_of_a_cube,
            LANES,
            rows.into_tensor_arg(),
            values(&attention.points)?.into_tensor_arg(),
            values(&attention.shift)?.into_tensor_arg(),
            values(&attention.scores)?.into_tensor_arg(),
            values(&attention.score_shift)?.into_tensor_arg(),
            values(queries)?.into_tensor_arg(),
            frames.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            count as u32,
            (channels / LANES) as u32,
            (width / LANES) as u32,
        );
    }
    Some(Tensor::from_primitive::<Cube>(out))
}

/// The layer normalisation of `a + b`, `[batch, length, width]`, with scale and shift `[width]`.
///
/// `None` also where the width is no multiple of four.
#[must_use]
pub fn add_normalise(
    a: &Tensor<3>,
    b: &Tensor<3>,
    weight: &Tensor<1>,
    bias: &Tensor<1>,
    epsilon: f64,
) -> Option<Tensor<3>> {
    let [batch, length, width] = a.dims();
    let count = batch * length;
    if !width.is_multiple_of(LANES) || count == 0 {
        return None;
    }
    let a = values(a)?;
    let client = a.client.clone();
    let out = empty(&a, [batch, length, width].into());
    let (cubes, units_of_a_cube) = shape(&client, count);
    // In bounds: a unit beyond the last row stops.
    #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
    unsafe {
        kernels::add_normalise::launch_unchecked(
            &client,
            cubes,
            units_of_a_cube,
            LANES,
            a.into_tensor_arg(),
            values(b)?.into_tensor_arg(),
            values(weight)?.into_tensor_arg(),
            values(bias)?.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            count as u32,
            (width / LANES) as u32,
            epsilon as f32,
        );
    }
    Some(Tensor::from_primitive::<Cube>(out))
}

/// A linear layer: rows `[rows, in]` times weights `[in, out]`, plus the bias `[out]`, and ReLU where asked for.
///
/// `None` also where a width is no multiple of four.
#[must_use]
pub fn linear(
    rows: &Tensor<2>,
    weights: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    relu: bool,
) -> Option<Tensor<2>> {
    let [count, channels] = rows.dims();
    let [_, columns] = weights.dims();
    if !channels.is_multiple_of(LANES) || !columns.is_multiple_of(LANES) || count == 0 {
        return None;
    }
    let rows = values(rows)?;
    let weights = values(weights)?;
    let bias_values = match bias {
        Some(bias) => values(bias)?,
        None => weights.clone(),
    };
    let client = rows.client.clone();
    let out = empty(&rows, [count, columns].into());
    let units = count.div_ceil(LANES) * (columns / LANES);
    let (cubes, units_of_a_cube) = shape(&client, units);
    // In bounds: a unit beyond the last row stops, and rows beyond it are neither read nor written.
    #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
    unsafe {
        kernels::multiply::launch_unchecked(
            &client,
            cubes,
            units_of_a_cube,
            LANES,
            rows.into_tensor_arg(),
            weights.into_tensor_arg(),
            bias_values.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            count as u32,
            (channels / LANES) as u32,
            (columns / LANES) as u32,
            bias.is_some(),
            relu,
        );
    }
    Some(Tensor::from_primitive::<Cube>(out))
}

/// How many cubes of how many units hold that many.
fn shape(client: &Client, units: usize) -> (CubeCount, CubeDim) {
    let cube = CubeDim::new(client, units);
    (calculate_cube_count_elemwise(client, units, cube), cube)
}

/// Memory for a result beside `like`.
fn empty(like: &FloatTensor<Cube>, shape: burn::tensor::Shape) -> FloatTensor<Cube> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, DType::F32)
}

/// The values in memory, in the order of the dimensions.
fn values<const D: usize>(tensor: &Tensor<D>) -> Option<FloatTensor<Cube>> {
    primitive(tensor).map(into_contiguous)
}

/// The same, however they lie.
fn primitive<const D: usize>(tensor: &Tensor<D>) -> Option<FloatTensor<Cube>> {
    if tensor.dtype() != DType::F32 || tensor.device().is_autodiff() {
        return None;
    }
    tensor.clone().try_into_primitive::<Cube>().ok()
}
