//! What a Transformer needs.

use cubecl::prelude::*;

use super::parts::{add_parts, finishes, part, position};
use super::vectors::{four_rows, times, total};

/// Four rows of one vector of columns a unit, or `parts` units.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn multiply<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    weights: &Tensor<Vector<f32, N>>,
    bias: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    count: u32,
    channels: u32,
    columns: u32,
    #[comptime] with_bias: bool,
    #[comptime] relu: bool,
    #[comptime] parts: u32,
) {
    let unit = position(parts);
    let column = unit % columns;
    let first = unit / columns * 4;
    if comptime!(parts == 1) {
        if first >= count {
            terminate!();
        }
    }
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    let mut sources = Array::<u32>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        sums[i] = Vector::new(0.0);
        sources[i] = u32::min(first + i as u32, count - 1) * channels;
    }
    for channel in range_stepped(part(parts), channels, parts) {
        let (w0, w1, w2, w3) = four_rows(weights, channel * 4 * columns + column, columns);
        #[unroll]
        for i in 0..4usize {
            let value = rows[(sources[i] + channel) as usize];
            sums[i] += times(w0, w1, w2, w3, value);
        }
    }
    if comptime!(parts > 1) {
        add_parts(&mut sums, parts);
    }
    #[unroll]
    for i in 0..4usize {
        let row = first + i as u32;
        if row < count && finishes(i as u32, parts) {
            let mut value = sums[i];
            if with_bias {
                value += bias[column as usize];
            }
            if relu {
                value = max(value, Vector::new(0.0));
            }
            out[(row * columns + column) as usize] = value;
        }
    }
}

/// One value a unit, for widths that are no multiple of four: those of the classes.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn multiply_few(
    rows: &Tensor<f32>,
    weights: &Tensor<f32>,
    bias: &Tensor<f32>,
    out: &mut Tensor<f32>,
    count: u32,
    channels: u32,
    columns: u32,
    #[comptime] with_bias: bool,
    #[comptime] relu: bool,
) {
    let unit = ABSOLUTE_POS as u32;
    let column = unit % columns;
    let row = unit / columns;
    if row >= count {
        terminate!();
    }
    let mut value = 0.0;
    for channel in 0..channels {
        let weight = weights[(channel * columns + column) as usize];
        value += rows[(row * channels + channel) as usize] * weight;
    }
    if with_bias {
        value += bias[column as usize];
    }
    if relu {
        value = max(value, 0.0);
    }
    out[unit as usize] = value;
}

/// One head of one step a unit, in one pass over the steps it attends to.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn attend<N: Size>(
    query: &Tensor<Vector<f32, N>>,
    key: &Tensor<Vector<f32, N>>,
    value: &Tensor<Vector<f32, N>>,
    mask: &Tensor<f32>,
    out: &mut Tensor<Vector<f32, N>>,
    count: u32,
    length: u32,
    heads: u32,
    stride: u32,
    key_at: u32,
    value_at: u32,
    scale: f32,
    #[comptime] width: u32,
) {
    let unit = ABSOLUTE_POS as u32;
    let head = unit % heads;
    let row = unit / heads;
    if row >= count {
        terminate!();
    }
    let first = row / length * length;
    let own = row * stride + head * width;
    let mut sums = Array::<Vector<f32, N>>::new(width as usize);
    #[unroll]
    for k in 0..width {
        sums[k as usize] = Vector::new(0.0);
    }
    let mut mass = 0.0;
    let mut peak = f32::new(f32::MIN);
    for step in first..first + length {
        let at = step * stride + head * width;
        let mut product = Vector::<f32, N>::new(0.0);
        #[unroll]
        for k in 0..width {
            product += query[(own + k) as usize] * key[(at + key_at + k) as usize];
        }
        let score = total(product) * scale + mask[step as usize];
        // What was added up so far is brought to the new peak.
        let higher = max(peak, score);
        let before = (peak - higher).exp();
        let weight = (score - higher).exp();
        peak = higher;
        mass = mass * before + weight;
        #[unroll]
        for k in 0..width {
            let sum = sums[k as usize] * Vector::new(before);
            sums[k as usize] = sum + value[(at + value_at + k) as usize] * Vector::new(weight);
        }
    }
    #[unroll]
    for k in 0..width {
        out[(unit * width + k) as usize] = sums[k as usize] / Vector::new(mass);
    }
}

/// One row a unit: the sum of two rows, normalised over its values.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn add_normalise<N: Size>(
    a: &Tensor<Vector<f32, N>>,
    b: &Tensor<Vector<f32, N>>,
    weight: &Tensor<Vector<f32, N>>,
    bias: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    count: u32,
    width: u32,
    epsilon: f32,
) {
    let row = ABSOLUTE_POS as u32;
    if row >= count {
        terminate!();
    }
    let first = row * width;
    let values = f32::cast_from(width * 4);
    let mut sum = Vector::<f32, N>::new(0.0);
    for k in 0..width {
        let at = (first + k) as usize;
        sum += a[at] + b[at];
    }
    let mean = total(sum) / values;
    let mut squares = Vector::<f32, N>::new(0.0);
    for k in 0..width {
        let at = (first + k) as usize;
        let centred = a[at] + b[at] - Vector::new(mean);
        squares += centred * centred;
    }
    let variance = total(squares) / values;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for k in 0..width {
        let at = (first + k) as usize;
        let standard = (a[at] + b[at] - Vector::new(mean)) * Vector::new(scale);
        out[at] = standard * weight[k as usize] + bias[k as usize];
    }
}
