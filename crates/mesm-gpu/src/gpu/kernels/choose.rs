//! From scores to the points that are kept.

use cubecl::prelude::*;

/// What stands for the score of a point that is no candidate.
const ABSENT: f32 = -1e30;

/// Points of a map that [`choose`] can take.
pub(in crate::gpu) const MOST_POINTS: usize = 1024;

/// One map a cube of `units`: dither, softmax and nucleus of the scores of its candidates.
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
    #[comptime] units: u32,
) {
    let unit = UNIT_POS;
    let frame = CUBE_POS as u32;
    let points = height * width;
    let start = frame * points;
    let share = points.div_ceil(units);
    let first = u32::min(unit * share, points);
    let end = u32::min(first + share, points);
    let mut values = Shared::<[f32]>::new_slice(MOST_POINTS);
    let mut wholes = Shared::<[f32]>::new_slice(MOST_POINTS);
    let mut partial = Shared::<[f32]>::new_slice(comptime!(units as usize));

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
        wholes[i as usize] = (weight * 4096.0).floor() / 4096.0;
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
            let whole = wholes[j as usize];
            let earlier = other > this || (other == this && j < i);
            large += select(earlier, whole, 0.0);
            small += select(earlier, other - whole, 0.0);
        }
        let mut keep = f32::cast_from(large + small < top_p);
        if chosen {
            keep *= candidates[(start + i) as usize];
        }
        mask[(start + i) as usize] = keep;
        kept += keep;
    }
    let until = up_to(&mut partial, kept);
    let places = frame * (points + 1);
    if unit == CUBE_DIM - 1 {
        list[places as usize] = i32::cast_from(until);
    }
    let mut at = places + 1 + u32::cast_from(until - kept);
    for i in first..end {
        if mask[(start + i) as usize] > 0.0 {
            list[at as usize] = i as i32;
            at += 1;
        }
    }
}

/// The sum of one value of each unit of a cube, or the `largest` of them.
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

/// The sum of one value of each unit of a cube up to this one.
#[cube]
fn up_to(partial: &mut Shared<[f32]>, value: f32) -> f32 {
    let unit = UNIT_POS;
    let mut sum = value;
    let mut reach = 1u32;
    while reach < CUBE_DIM {
        partial[unit as usize] = sum;
        sync_cube();
        if unit >= reach {
            sum += partial[(unit - reach) as usize];
        }
        sync_cube();
        reach *= 2;
    }
    sum
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
