//! The kernels themselves.

// Written by the macro for each kernel.
#![allow(missing_docs, unsafe_code, clippy::pedantic)]

use cubecl::prelude::*;

/// Four values times the four rows of weights that belong to them.
#[cube]
fn times<N: Size>(
    w0: Vector<f32, N>,
    w1: Vector<f32, N>,
    w2: Vector<f32, N>,
    w3: Vector<f32, N>,
    values: Vector<f32, N>,
) -> Vector<f32, N> {
    w0 * Vector::new(values.extract(0usize))
        + w1 * Vector::new(values.extract(1usize))
        + w2 * Vector::new(values.extract(2usize))
        + w3 * Vector::new(values.extract(3usize))
}

/// The sum of four values.
#[cube]
fn total<N: Size>(values: Vector<f32, N>) -> f32 {
    values.extract(0usize)
        + values.extract(1usize)
        + values.extract(2usize)
        + values.extract(3usize)
}

/// Four rows of one vector of columns a unit.
#[cube(launch_unchecked)]
pub(super) fn convolve<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    weights: &Tensor<Vector<f32, N>>,
    table: &Tensor<i32>,
    folded: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    rows_in: u32,
    rows_out: u32,
    channels: u32,
    columns: u32,
    #[comptime] taps: u32,
) {
    let unit = ABSOLUTE_POS as u32;
    let column = unit % columns;
    let first = unit / columns * 4;
    if first >= rows_out {
        terminate!();
    }
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        sums[i] = Vector::new(0.0);
    }
    for tap in 0..taps {
        let mut sources = Array::<u32>::new(4usize);
        let mut there = Array::<f32>::new(4usize);
        let mut any = 0.0;
        #[unroll]
        for i in 0..4usize {
            let row = u32::min(first + i as u32, rows_out - 1);
            let source = table[(row * taps + tap) as usize] as u32;
            let present = source < rows_in;
            there[i] = select(present, 1.0, 0.0);
            sources[i] = select(present, source * channels, 0);
            any += there[i];
        }
        if any > 0.0 {
            for channel in 0..channels {
                let weight = ((tap * channels + channel) * 4 * columns + column) as usize;
                let w0 = weights[weight];
                let w1 = weights[weight + columns as usize];
                let w2 = weights[weight + 2 * columns as usize];
                let w3 = weights[weight + 3 * columns as usize];
                #[unroll]
                for i in 0..4usize {
                    let value = rows[(sources[i] + channel) as usize] * Vector::new(there[i]);
                    sums[i] += times(w0, w1, w2, w3, value);
                }
            }
        }
    }
    let scale = folded[column as usize];
    let shift = folded[(columns + column) as usize];
    #[unroll]
    for i in 0..4usize {
        let row = first + i as u32;
        if row < rows_out {
            let value = sums[i] * scale + shift;
            out[(row * columns + column) as usize] = max(value, Vector::new(0.0));
        }
    }
}

/// One vector of channels a unit.
#[cube(launch_unchecked)]
pub(super) fn largest<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    table: &Tensor<i32>,
    out: &mut Tensor<Vector<f32, N>>,
    rows_in: u32,
    rows_out: u32,
    channels: u32,
) {
    let unit = ABSOLUTE_POS as u32;
    let channel = unit % channels;
    let row = unit / channels;
    if row >= rows_out {
        terminate!();
    }
    let mut found = Vector::<f32, N>::new(0.0);
    for i in 0..4u32 {
        let source = table[(row * 4 + i) as usize] as u32;
        if source < rows_in {
            found = max(found, rows[(source * channels + channel) as usize]);
        }
    }
    out[unit as usize] = found;
}

/// One channel a unit: scale and shift of a batch normalisation outside training.
#[cube(launch_unchecked)]
pub(super) fn fold(
    weight: &Tensor<f32>,
    bias: &Tensor<f32>,
    mean: &Tensor<f32>,
    variance: &Tensor<f32>,
    conv_bias: &Tensor<f32>,
    out: &mut Tensor<f32>,
    channels: u32,
    epsilon: f32,
    #[comptime] with_conv_bias: bool,
) {
    let channel = ABSOLUTE_POS as u32;
    if channel >= channels {
        terminate!();
    }
    let c = channel as usize;
    let scale = weight[c] / (variance[c] + epsilon).sqrt();
    let mut before = -mean[c];
    if with_conv_bias {
        before += conv_bias[c];
    }
    out[c] = scale;
    out[(channels + channel) as usize] = bias[c] + before * scale;
}

/// One vector of columns of one point a unit; `maps` `[frames, channels, height, width]`, `weights`
/// `[size, size, channels, columns]`.
#[cube(launch_unchecked)]
pub(super) fn convolve_few<N: Size>(
    maps: &Tensor<f32>,
    weights: &Tensor<Vector<f32, N>>,
    folded: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    points: u32,
    height: u32,
    width: u32,
    columns: u32,
    #[comptime] size: u32,
    #[comptime] channels: u32,
) {
    let unit = ABSOLUTE_POS as u32;
    let column = unit % columns;
    let point = unit / columns;
    if point >= points {
        terminate!();
    }
    let x = point % width;
    let y = point / width % height;
    let frame = point / (width * height);
    let mut sum = Vector::<f32, N>::new(0.0);
    for dy in 0..size {
        // Above and to the left of the map the sum wraps around, and is beyond it as well.
        let source_y = y + dy - size / 2;
        if source_y < height {
            for dx in 0..size {
                let source_x = x + dx - size / 2;
                if source_x < width {
                    for channel in 0..channels {
                        let at = ((frame * channels + channel) * height + source_y) * width;
                        let weight = ((dy * size + dx) * channels + channel) * columns + column;
                        let value = maps[(at + source_x) as usize];
                        sum += weights[weight as usize] * Vector::new(value);
                    }
                }
            }
        }
    }
    let value = sum * folded[column as usize] + folded[(columns + column) as usize];
    out[unit as usize] = max(value, Vector::new(0.0));
}

/// One row a unit: its score.
#[cube(launch_unchecked)]
pub(super) fn score<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    points: &Tensor<Vector<f32, N>>,
    shift: &Tensor<Vector<f32, N>>,
    scores: &Tensor<Vector<f32, N>>,
    score_shift: &Tensor<f32>,
    queries: &Tensor<Vector<f32, N>>,
    frame_of_row: &Tensor<i32>,
    out: &mut Tensor<f32>,
    count: u32,
    channels: u32,
    width: u32,
) {
    let row = ABSOLUTE_POS as u32;
    if row >= count {
        terminate!();
    }
    let frame = frame_of_row[row as usize] as u32;
    let mut sum = Vector::<f32, N>::new(0.0);
    for k in 0..width {
        let mut hidden = shift[k as usize] + queries[(frame * width + k) as usize];
        for channel in 0..channels {
            let value = rows[(row * channels + channel) as usize];
            let at = (channel * 4 * width + k) as usize;
            hidden += times(
                points[at],
                points[at + width as usize],
                points[at + 2 * width as usize],
                points[at + 3 * width as usize],
                value,
            );
        }
        // From there on it is 1, and compilers that write it with exponentials give no number.
        let hidden = max(min(hidden, Vector::new(9.0)), Vector::new(-9.0));
        sum += hidden.tanh() * scores[k as usize];
    }
    out[row as usize] = total(sum) + score_shift[0usize];
}

/// One row a unit: the sum of two rows, normalised over its values.
#[cube(launch_unchecked)]
pub(super) fn add_normalise<N: Size>(
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

/// Four rows of one vector of columns a unit.
#[cube(launch_unchecked)]
pub(super) fn multiply<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    weights: &Tensor<Vector<f32, N>>,
    bias: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    count: u32,
    channels: u32,
    columns: u32,
    #[comptime] with_bias: bool,
    #[comptime] relu: bool,
) {
    let unit = ABSOLUTE_POS as u32;
    let column = unit % columns;
    let first = unit / columns * 4;
    if first >= count {
        terminate!();
    }
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    let mut sources = Array::<u32>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        sums[i] = Vector::new(0.0);
        sources[i] = u32::min(first + i as u32, count - 1) * channels;
    }
    for channel in 0..channels {
        let weight = (channel * 4 * columns + column) as usize;
        let w0 = weights[weight];
        let w1 = weights[weight + columns as usize];
        let w2 = weights[weight + 2 * columns as usize];
        let w3 = weights[weight + 3 * columns as usize];
        #[unroll]
        for i in 0..4usize {
            let value = rows[(sources[i] + channel) as usize];
            sums[i] += times(w0, w1, w2, w3, value);
        }
    }
    #[unroll]
    for i in 0..4usize {
        let row = first + i as u32;
        if row < count {
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
