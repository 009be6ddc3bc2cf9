//! How much a query cares about points.

use cubecl::prelude::*;

use super::parts::SHARERS;
use super::vectors::{four_rows, times, total};

/// Scores of four points by the units of a row of a cube, which share the hidden width. Where points were `chosen` the scores
/// of others are not written.
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
    first_column: u32,
    all_columns: u32,
    #[comptime] chosen: bool,
) {
    let mut partial = Shared::<[f32]>::new_slice(comptime!(4 * SHARERS as usize));
    let first = (CUBE_POS as u32 * CUBE_DIM_Y + UNIT_POS_Y) * 4;
    let mut sources = Array::<u32>::new(4usize);
    let mut asked = Array::<u32>::new(4usize);
    let mut sums = Array::<Vector<f32, N>>::new(4usize);
    let mut any = false;
    #[unroll]
    for i in 0..4usize {
        let row = u32::min(first + i as u32, count - 1);
        sources[i] = row * channels;
        asked[i] = row / points_of_query * all_columns + first_column;
        sums[i] = Vector::new(0.0);
        if chosen {
            any = any || mask[row as usize] > 0.0;
        } else {
            any = true;
        }
    }
    // Units of a cube come to its end together.
    let end = select(any && first < count, width, 0);
    for k in range_stepped(UNIT_POS_X, end, CUBE_DIM_X) {
        let mut hidden = Array::<Vector<f32, N>>::new(4usize);
        #[unroll]
        for i in 0..4usize {
            hidden[i] = shift[k as usize] + queries[(asked[i] + k) as usize];
        }
        for channel in 0..channels {
            let (w0, w1, w2, w3) = four_rows(points, channel * 4 * width + k, width);
            #[unroll]
            for i in 0..4usize {
                let value = rows[(sources[i] + channel) as usize];
                hidden[i] += times(w0, w1, w2, w3, value);
            }
        }
        #[unroll]
        for i in 0..4usize {
            // From there on it is 1, and compilers that write it with exponentials give no number.
            let within = max(min(hidden[i], Vector::new(9.0)), Vector::new(-9.0));
            sums[i] += within.tanh() * scores[k as usize];
        }
    }
    #[unroll]
    for i in 0..4usize {
        partial[i * SHARERS as usize + UNIT_POS as usize] = total(sums[i]);
    }
    sync_cube();
    #[unroll]
    for i in 0..4usize {
        let row = first + i as u32;
        if i as u32 % CUBE_DIM_X == UNIT_POS_X && row < count {
            let mut score = score_shift[0usize];
            for unit in 0..CUBE_DIM_X {
                let at = i as u32 * SHARERS + UNIT_POS_Y * CUBE_DIM_X + unit;
                score += partial[at as usize];
            }
            out[row as usize] = score;
        }
    }
}
