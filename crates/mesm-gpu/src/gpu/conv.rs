//! Convolutions of whole maps and of chosen points.

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor};

use super::kept::{Made, kept};
use super::kernels::conv::{convolve, convolve_few, fold as fold_kernel};
use super::{LANES, constant, empty, launch, parts, shape_in, values, whole};
use mesm_kernels::{BatchNormParams, ChannelScale, Chosen};

/// A 3x3 convolution of the points of maps, `rows` `[frames * height * width, in]` to the same with `out` columns, its
/// normalisation, and ReLU; beyond the maps there are zeros. The weights are `[9, 1, in, out]` or `[3, 3, in, out]`, `folded`
/// is what [`fold`] gives.
///
/// Where points were `chosen` the others count as zeros, and their rows in the result have no meaning.
///
/// `None` also where a width is no multiple of four.
#[must_use]
pub fn conv_maps(
    rows: &Tensor<2>,
    chosen: Option<&Chosen>,
    size: [usize; 3],
    weights: &Tensor<4>,
    folded: &Tensor<2>,
) -> Option<Tensor<2>> {
    let [count, channels] = rows.dims();
    let [_, _, _, columns] = weights.dims();
    let [frames, height, width] = size;
    if !channels.is_multiple_of(LANES) || !columns.is_multiple_of(LANES) || count == 0 {
        return None;
    }
    let rows = values(rows)?;
    let weights = constant(weights)?;
    let folded = values(folded)?;
    let (mask, list) = match chosen {
        Some(chosen) => (values(&chosen.mask)?, whole(&chosen.list)?),
        // Not read.
        None => (folded.clone(), folded.clone()),
    };
    let client = rows.client.clone();
    let out = empty(&rows, [count, columns].into(), DType::F32);
    let units = frames * (height * width).div_ceil(LANES) * (columns / LANES);
    // Of chosen points nobody here knows how many there are: half of the attention's mass is about a third of the points.
    let busy = if chosen.is_some() { units / 3 } else { units };
    let parts = parts(&client, busy, channels / LANES);
    // In bounds: a unit beyond the last point of its map stops or reads another, and what lies around a map is not read.
    launch!(
        convolve,
        &client;
        shape_in(&client, units, parts);
        LANES,
        rows.into_tensor_arg(),
        weights.into_tensor_arg(),
        folded.into_tensor_arg(),
        mask.into_tensor_arg(),
        list.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        frames as u32,
        height as u32,
        width as u32,
        (channels / LANES) as u32,
        (columns / LANES) as u32,
        chosen.is_some(),
        parts,
    );
    Some(Tensor::from_primitive::<Cube>(out))
}

/// A convolution of maps `[frames, in, height, width]` of few channels by weights `[out, in, size, size]` with zeros
/// around, its normalisation, and ReLU, as rows `[frames * height * width, out]`. Where the maps have a `scale`, what is
/// convolved are their values less its means, in units of its deviations.
///
/// `None` also where `out` is no multiple of four.
#[must_use]
pub fn first_conv(
    maps: &Tensor<4>,
    scale: Option<&ChannelScale>,
    weights: &Tensor<4>,
    folded: &Tensor<2>,
) -> Option<Tensor<2>> {
    let [frames, channels, height, width] = maps.dims();
    let [columns, _, size, _] = weights.dims();
    let points = frames * height * width;
    if !columns.is_multiple_of(LANES) || points == 0 || scale.is_some() && channels != 3 {
        return None;
    }
    // Not read where there is none.
    let (means, deviations) = scale.map_or(([0.0; 3], [1.0; 3]), |s| (s.means, s.deviations));
    let maps = values(maps)?;
    let weights = constant(&weights.clone().permute([2, 3, 1, 0]))?;
    let folded = values(folded)?;
    let client = maps.client.clone();
    let out = empty(&maps, [points, columns].into(), DType::F32);
    let units = points * (columns / LANES);
    // In bounds: a unit beyond the last point stops, and what lies around a map is not read.
    launch!(
        convolve_few,
        &client,
        units,
        LANES,
        maps.into_tensor_arg(),
        weights.into_tensor_arg(),
        folded.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        points as u32,
        height as u32,
        width as u32,
        (columns / LANES) as u32,
        means[0],
        means[1],
        means[2],
        deviations[0],
        deviations[1],
        deviations[2],
        size as u32,
        channels as u32,
        scale.is_some(),
    );
    Some(Tensor::from_primitive::<Cube>(out))
}

/// Scale and shift `[2, channels]` that are left of a batch normalisation after a convolution with that bias.
#[must_use]
pub fn fold(norm: &BatchNormParams, conv_bias: Option<&Tensor<1>>) -> Option<Tensor<2>> {
    let weight = values(&norm.weight)?;
    let bias = values(&norm.bias)?;
    let mean = values(&norm.mean)?;
    let variance = values(&norm.variance)?;
    let conv_bias = match conv_bias {
        Some(conv_bias) => Some(values(conv_bias)?),
        None => None,
    };
    let what = match conv_bias {
        Some(_) => Made::FoldedWithBias,
        None => Made::Folded,
    };
    let norm_only = [&weight, &bias, &mean, &variance];
    let sources = norm_only.into_iter().chain(&conv_bias).cloned().collect();
    let folded = kept(what, sources, || {
        let conv_bias = conv_bias.as_ref();
        Some(fold_anew(norm_only, conv_bias, norm.epsilon))
    })?;
    Some(Tensor::from_primitive::<Cube>(folded))
}

/// [`fold`] of weight, bias, mean and variance.
fn fold_anew(
    norm: [&FloatTensor<Cube>; 4],
    conv_bias: Option<&FloatTensor<Cube>>,
    epsilon: f64,
) -> FloatTensor<Cube> {
    let [weight, bias, mean, variance] = norm;
    let channels = weight.meta.num_elements();
    let client = weight.client.clone();
    let out = empty(weight, [2, channels].into(), DType::F32);
    // In bounds: a unit beyond the last channel stops.
    launch!(
        fold_kernel,
        &client,
        channels,
        weight.clone().into_tensor_arg(),
        bias.clone().into_tensor_arg(),
        mean.clone().into_tensor_arg(),
        variance.clone().into_tensor_arg(),
        // Not read where there is none.
        conv_bias.unwrap_or(mean).clone().into_tensor_arg(),
        out.clone().into_tensor_arg(),
        channels as u32,
        epsilon as f32,
        conv_bias.is_some(),
    );
    out
}
