//! Linear layers, attention of steps to each other, and the norm of a sum.

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Tensor};

use super::kept::{Made, kept};
use super::kernels::sequence::{
    add_normalise as add_normalise_kernel, attend as attend_kernel, multiply, multiply_few,
};
use super::{LANES, constant, empty, launch, parts, primitive, shape_in, values};

/// A linear layer: rows `[rows, in]` times weights `[in, out]`, plus the bias `[out]`, and ReLU where asked for.
#[must_use]
pub fn linear(
    rows: &Tensor<2>,
    weights: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    relu: bool,
) -> Option<Tensor<2>> {
    linear_with(rows, constant(weights)?, bias, relu)
}

/// A linear layer of maps `[frames, channels, height, width]` that lie channels last: their values in that order times weights
/// `[channels * height * width, out]`, which are brought into the order of the maps once.
#[must_use]
pub fn linear_of_maps(
    maps: &Tensor<4>,
    weights: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    relu: bool,
) -> Option<Tensor<2>> {
    let [frames, channels, height, width] = maps.dims();
    let [inner, columns] = weights.dims();
    let rows = maps.clone().permute([0, 2, 3, 1]).reshape([frames, inner]);
    let source = primitive(weights)?;
    let weights = kept(Made::ChannelsLast, vec![source], || {
        let by_channel = weights.clone().reshape([channels, height * width, columns]);
        values(&by_channel.permute([1, 0, 2]).reshape([inner, columns]))
    })?;
    linear_with(&rows, weights, bias, relu)
}

/// The columns of matrices `[in, out]` side by side, put there once.
#[must_use]
pub fn side_by_side(weights: &[Tensor<2>]) -> Option<Tensor<2>> {
    let sources: Option<Vec<_>> = weights.iter().map(primitive).collect();
    let all = kept(Made::SideBySide, sources?, || {
        values(&Tensor::cat(weights.to_vec(), 1))
    })?;
    Some(Tensor::from_primitive::<Cube>(all))
}

/// See [`linear`].
fn linear_with(
    rows: &Tensor<2>,
    weights: FloatTensor<Cube>,
    bias: Option<&Tensor<1>>,
    relu: bool,
) -> Option<Tensor<2>> {
    let [count, channels] = rows.dims();
    let columns = weights.meta.num_elements() / channels;
    if count * columns == 0 {
        return None;
    }
    let rows = values(rows)?;
    let bias_values = match bias {
        Some(bias) => values(bias)?,
        None => weights.clone(),
    };
    let client = rows.client.clone();
    let out = empty(&rows, [count, columns].into(), DType::F32);
    if !channels.is_multiple_of(LANES) || !columns.is_multiple_of(LANES) {
        // In bounds: a unit beyond the last row stops.
        launch!(
            multiply_few,
            &client,
            count * columns,
            rows.into_tensor_arg(),
            weights.into_tensor_arg(),
            bias_values.into_tensor_arg(),
            out.clone().into_tensor_arg(),
            count as u32,
            channels as u32,
            columns as u32,
            bias.is_some(),
            relu,
        );
        return Some(Tensor::from_primitive::<Cube>(out));
    }
    let units = count.div_ceil(LANES) * (columns / LANES);
    let parts = parts(&client, units, channels / LANES);
    // In bounds: rows beyond the last are read as the last, and not written.
    launch!(
        multiply,
        &client;
        shape_in(&client, units, parts);
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
        parts,
    );
    Some(Tensor::from_primitive::<Cube>(out))
}

/// Attention of steps to each other, head by head, `softmax(query key^T / sqrt(width of a head) + mask) value`: `packed`
/// `[utterances * length, 3 * width]` holds queries, keys and values side by side, `mask` `[utterances, length]` is 0 for
/// steps that take part and very negative for others. Gives `[utterances * length, width]`.
///
/// `None` also where the width of a head is no multiple of four, or more than 64.
#[must_use]
pub fn attend_packed(packed: &Tensor<2>, mask: &Tensor<2>, heads: usize) -> Option<Tensor<2>> {
    let [_, width] = packed.dims();
    let packed = values(packed)?;
    let parts = [packed.clone(), packed.clone(), packed];
    attend_parts(parts, [width / 3, 2 * width / 3], width / 3, mask, heads)
}

/// The same of queries, keys and values `[utterances * length, width]` of their own.
#[must_use]
pub fn attend(parts: [&Tensor<2>; 3], mask: &Tensor<2>, heads: usize) -> Option<Tensor<2>> {
    let [_, width] = parts[0].dims();
    let [query, key, value] = parts;
    let parts = [values(query)?, values(key)?, values(value)?];
    attend_parts(parts, [0, 0], width, mask, heads)
}

/// See [`attend_packed`]; keys and values begin at columns `at` of their rows.
fn attend_parts(
    parts: [FloatTensor<Cube>; 3],
    at: [usize; 2],
    width: usize,
    mask: &Tensor<2>,
    heads: usize,
) -> Option<Tensor<2>> {
    let [utterances, length] = mask.dims();
    let head = width / heads;
    let count = utterances * length;
    if !head.is_multiple_of(LANES) || head > 16 * LANES || count == 0 {
        return None;
    }
    let mask = values(mask)?;
    let [query, key, value] = parts;
    let stride = query.meta.num_elements() / count;
    let client = query.client.clone();
    let out = empty(&query, [count, width].into(), DType::F32);
    // In bounds: a unit beyond the last row stops.
    launch!(
        attend_kernel,
        &client,
        count * heads,
        LANES,
        query.into_tensor_arg(),
        key.into_tensor_arg(),
        value.into_tensor_arg(),
        mask.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        count as u32,
        length as u32,
        heads as u32,
        (stride / LANES) as u32,
        (at[0] / LANES) as u32,
        (at[1] / LANES) as u32,
        1.0 / (head as f32).sqrt(),
        (head / LANES) as u32,
    );
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
    let out = empty(&a, [batch, length, width].into(), DType::F32);
    // In bounds: a unit beyond the last row stops.
    launch!(
        add_normalise_kernel,
        &client,
        count,
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
    Some(Tensor::from_primitive::<Cube>(out))
}
