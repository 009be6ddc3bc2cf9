//! Convolutions, with what follows them.

use cubecl::prelude::*;

use super::parts::{add_parts, finishes, part, position};
use super::vectors::{four_rows, times};

/// Four points of one map and one vector of columns a unit, or `parts` units; `rows` are those of all points of the maps.
///
/// Where points were `chosen`, units go through the places in `list`, of which [`choose`] says what it holds, and neighbours
/// that are not in `mask` are not multiplied. What lies at points that were not chosen is neither read nor written.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn convolve<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    weights: &Tensor<Vector<f32, N>>,
    folded: &Tensor<Vector<f32, N>>,
    mask: &Tensor<f32>,
    list: &Tensor<i32>,
    out: &mut Tensor<Vector<f32, N>>,
    frames: u32,
    height: u32,
    width: u32,
    channels: u32,
    columns: u32,
    #[comptime] chosen: bool,
    #[comptime] parts: u32,
) {
    let unit = position(parts);
    let column = unit % columns;
    let points = height * width;
    let fours = points.div_ceil(4);
    let four = unit / columns;
    let frame = u32::min(four / fours, frames - 1);
    let first = four % fours * 4;
    let start = frame * points;
    let places = frame * (points + 1);
    let mut count = points;
    if chosen {
        count = list[places as usize] as u32;
    }
    let works = four / fours < frames && first < count;
    if comptime!(parts == 1) {
        if !works {
            terminate!();
        }
    }
    let mut sites = Array::<u32>::new(4usize);
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        let nth = u32::min(first + i as u32, u32::max(count, 1) - 1);
        sites[i] = nth;
        if chosen {
            // Where nothing is kept nothing is listed.
            if works {
                sites[i] = list[(places + 1 + nth) as usize] as u32;
            }
        }
        sums[i] = Vector::new(0.0);
    }
    // Units that share sums come to their end together.
    if works {
        for tap in 0..9u32 {
            let mut sources = Array::<u32>::new(4usize);
            let mut there = Array::<f32>::new(4usize);
            let mut any = 0.0;
            #[unroll]
            for i in 0..4usize {
                // Above and to the left of the map the sum wraps around, and is beyond it as well.
                let y = sites[i] / width + tap / 3 - 1;
                let x = sites[i] % width + tap % 3 - 1;
                let inside = y < height && x < width;
                // A neighbour that is not there stands as the point itself, times nothing.
                let neighbour = start + select(inside, y * width + x, sites[i]);
                let mut present = f32::cast_from(inside);
                if chosen {
                    present *= mask[neighbour as usize];
                }
                there[i] = present;
                sources[i] = select(present > 0.0, neighbour, start + sites[i]) * channels;
                any += present;
            }
            if any > 0.0 {
                for channel in range_stepped(part(parts), channels, parts) {
                    let weight = (tap * channels + channel) * 4 * columns + column;
                    let (w0, w1, w2, w3) = four_rows(weights, weight, columns);
                    #[unroll]
                    for i in 0..4usize {
                        let value = rows[(sources[i] + channel) as usize] * Vector::new(there[i]);
                        sums[i] += times(w0, w1, w2, w3, value);
                    }
                }
            }
        }
    }
    if comptime!(parts > 1) {
        add_parts(&mut sums, parts);
    }
    let scale = folded[column as usize];
    let shift = folded[(columns + column) as usize];
    #[unroll]
    for i in 0..4usize {
        if works && first + (i as u32) < count && finishes(i as u32, parts) {
            let value = sums[i] * scale + shift;
            let at = (start + sites[i]) * columns + column;
            out[at as usize] = max(value, Vector::new(0.0));
        }
    }
}

/// One vector of columns of one point a unit; `maps` `[frames, channels, height, width]`, `weights`
/// `[size, size, channels, columns]`. Where maps are `scaled` they have three channels, of these means and deviations.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn convolve_few<N: Size>(
    maps: &Tensor<f32>,
    weights: &Tensor<Vector<f32, N>>,
    folded: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    points: u32,
    height: u32,
    width: u32,
    columns: u32,
    mean_0: f32,
    mean_1: f32,
    mean_2: f32,
    deviation_0: f32,
    deviation_1: f32,
    deviation_2: f32,
    #[comptime] size: u32,
    #[comptime] channels: u32,
    #[comptime] scaled: bool,
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
                        let mut value = maps[(at + source_x) as usize];
                        if scaled {
                            let first = channel == 0;
                            let mean = select(first, mean_0, select(channel == 1, mean_1, mean_2));
                            let other = select(channel == 1, deviation_1, deviation_2);
                            value = (value - mean) / select(first, deviation_0, other);
                        }
                        sum += weights[weight as usize] * Vector::new(value);
                    }
                }
            }
        }
    }
    let value = sum * folded[column as usize] + folded[(columns + column) as usize];
    out[unit as usize] = max(value, Vector::new(0.0));
}

/// One channel a unit: scale and shift of a batch normalisation outside training.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn fold(
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
