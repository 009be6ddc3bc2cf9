//! From scores to the points that are kept.

use cubecl::prelude::*;

use super::vectors::{four_rows, times, total};

/// One point a unit: its score. Where points were `chosen` the others are neither read nor written.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn score<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    points: &Tensor<Vector<f32, N>>,
    shift: &Tensor<Vector<f32, N>>,
    scores: &Tensor<Vector<f32, N>>,
    score_shift: &Tensor<f32>,
    queries: &Tensor<Vector<f32, N>>,
    mask: &Tensor<f32>,
    out: &mut Tensor<f32>,
    count: u32,
    points_of_query: u32,
    channels: u32,
    width: u32,
    #[comptime] chosen: bool,
) {
    let row = ABSOLUTE_POS as u32;
    if row >= count {
        terminate!();
    }
    if chosen {
        if mask[row as usize] == 0.0 {
            terminate!();
        }
    }
    let query = row / points_of_query;
    let mut sum = Vector::<f32, N>::new(0.0);
    for k in 0..width {
        let mut hidden = shift[k as usize] + queries[(query * width + k) as usize];
        for channel in 0..channels {
            let value = rows[(row * channels + channel) as usize];
            let (w0, w1, w2, w3) = four_rows(points, channel * 4 * width + k, width);
            hidden += times(w0, w1, w2, w3, value);
        }
        // From there on it is 1, and compilers that write it with exponentials give no number.
        let hidden = max(min(hidden, Vector::new(9.0)), Vector::new(-9.0));
        sum += hidden.tanh() * scores[k as usize];
    }
    out[row as usize] = total(sum) + score_shift[0usize];
}

/// What stands for the score of a point that is no candidate.
const ABSENT: f32 = -1e30;

/// Units of a cube of [`choose`].
pub(in crate::gpu) const CHOOSERS: u32 = 256;

/// Points of a map that [`choose`] can take.
pub(in crate::gpu) const MOST_POINTS: usize = 1024;

/// One map a cube: dither, softmax and nucleus of the scores of its candidates.
///
/// A point is kept when the weight ranked before it is below `top_p`, by comparing all pairs; weights are split at multiples
/// of 2^-12, so that what is summed of the larger part is exact. `list` `[frames, 1 + points]` gets how many points are kept,
/// and which, in rising order.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn choose(
    scores: &Tensor<f32>,
    candidates: &Tensor<f32>,
    weights: &mut Tensor<f32>,
    mask: &mut Tensor<f32>,
    list: &mut Tensor<i32>,
    height: u32,
    width: u32,
    top_p: f32,
    amplitude: f32,
    #[comptime] chosen: bool,
    #[comptime] dithered: bool,
) {
    let unit = UNIT_POS;
    let frame = CUBE_POS as u32;
    let points = height * width;
    let start = frame * points;
    let share = points.div_ceil(CHOOSERS);
    let first = u32::min(unit * share, points);
    let end = u32::min(first + share, points);
    let mut values = Shared::<[f32]>::new_slice(MOST_POINTS);
    let mut partial = Shared::<[f32]>::new_slice(CHOOSERS as usize);

    for i in first..end {
        let score = scores[(start + i) as usize];
        if chosen {
            let candidate = candidates[(start + i) as usize] > 0.0;
            values[i as usize] = select(candidate, score, ABSENT);
        } else {
            values[i as usize] = score;
        }
    }
    if dithered {
        #[unroll]
        for _ in 0..2u32 {
            sync_cube();
            // Put aside until every unit has read what it replaces.
            for i in first..end {
                let score = values[i as usize];
                if score == ABSENT {
                    weights[(start + i) as usize] = score;
                } else {
                    weights[(start + i) as usize] = mean_around(&values, i, height, width);
                }
            }
            sync_cube();
            for i in first..end {
                values[i as usize] = weights[(start + i) as usize];
            }
        }
        for i in first..end {
            if values[i as usize] != ABSENT {
                let down = select(i / width % 2 == 0, 1.0f32, -1.0f32);
                let across = select(i % width % 2 == 0, 1.0f32, -0.333_333_34f32);
                values[i as usize] += amplitude * (down * across);
            }
        }
    }

    let mut peak = f32::new(ABSENT);
    for i in first..end {
        peak = max(peak, values[i as usize]);
    }
    let peak = of_cube(&mut partial, peak, true);
    let mut sum = 0.0;
    for i in first..end {
        let score = values[i as usize];
        let power = select(score == ABSENT, 0.0, (score - peak).exp());
        values[i as usize] = power;
        sum += power;
    }
    let sum = of_cube(&mut partial, sum, false);
    for i in first..end {
        let weight = values[i as usize] / sum;
        values[i as usize] = weight;
        weights[(start + i) as usize] = weight;
    }
    sync_cube();

    let mut kept = 0.0;
    for i in first..end {
        let this = values[i as usize];
        let mut large = 0.0;
        let mut small = 0.0;
        for j in 0..points {
            let other = values[j as usize];
            let earlier = other > this || (other == this && j < i);
            let part = select(earlier, other, 0.0);
            let whole = (part * 4096.0).floor() / 4096.0;
            large += whole;
            small += part - whole;
        }
        let mut keep = f32::cast_from(large + small < top_p);
        if chosen {
            keep *= candidates[(start + i) as usize];
        }
        mask[(start + i) as usize] = keep;
        kept += keep;
    }
    partial[unit as usize] = kept;
    sync_cube();
    let mut before = 0.0;
    for other in 0..unit {
        before += partial[other as usize];
    }
    let places = frame * (points + 1);
    if unit == CHOOSERS - 1 {
        list[places as usize] = i32::cast_from(before + kept);
    }
    let mut at = places + 1 + u32::cast_from(before);
    for i in first..end {
        if mask[(start + i) as usize] > 0.0 {
            list[at as usize] = i as i32;
            at += 1;
        }
    }
}

/// The sum of one value of each unit of a cube of [`CHOOSERS`], or the `largest` of them.
#[cube]
fn of_cube(partial: &mut Shared<[f32]>, value: f32, #[comptime] largest: bool) -> f32 {
    let unit = UNIT_POS;
    partial[unit as usize] = value;
    sync_cube();
    let mut half = CUBE_DIM / 2;
    while half > 0 {
        if unit < half {
            let this = partial[unit as usize];
            let other = partial[(unit + half) as usize];
            if largest {
                partial[unit as usize] = max(this, other);
            } else {
                partial[unit as usize] = this + other;
            }
        }
        sync_cube();
        half /= 2;
    }
    let found = partial[0usize];
    sync_cube();
    found
}

/// The mean over the candidates among the three by three points around `point`, which is one.
#[cube]
fn mean_around(values: &Shared<[f32]>, point: u32, height: u32, width: u32) -> f32 {
    let mut sum = 0.0;
    let mut count = 0.0;
    for tap in 0..9u32 {
        let y = point / width + tap / 3 - 1;
        let x = point % width + tap % 3 - 1;
        if y < height && x < width {
            let value = values[(y * width + x) as usize];
            if value != ABSENT {
                sum += value;
                count += 1.0;
            }
        }
    }
    sum / count
}
