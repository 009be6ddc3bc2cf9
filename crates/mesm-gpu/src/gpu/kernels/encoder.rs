//! A small Transformer over a few steps, an utterance a cube.
//!
//! Its layers are many small products, one waiting for the other: launched one by one they cost more time than they compute.
//! Here a layer is two launches: [`encode`] stays in one cube up to the first norm; the wide feed-forward layer is shared
//! between cubes ([`feed_forward`]), of which whoever comes next adds up the parts.
//!
//! Parameters lie in one tensor of vectors: the vector in front, then for each layer the weights and biases of the packed
//! input projection and the output projection, scale and shift of the first norm, weights and biases of the first and weights
//! of the second feed-forward layer; its biases, scale and shift of the second norm end a layer.

use cubecl::prelude::*;

use super::vectors::{four_rows, times, total};

/// Steps that a cube has room for, the one in front included.
pub(in crate::gpu) const MOST_STEPS: usize = 16;

/// Vectors that a step may be wide: with [`MOST_STEPS`] all that every device has room for.
pub(in crate::gpu) const MOST_WIDTH: usize = 16;

/// Vectors of the feed-forward layer's hidden width that a cube works on.
pub(in crate::gpu) const PART: usize = 16;

/// The attention of a layer and the norm behind it, `[utterances, steps, width]`.
///
/// `sources` are the rows of all utterances, one after the other, in the `first` layer, and what this kernel gave for the
/// layer before in others, of which `parts` is [`feed_forward`]'s `[utterances, parts of it, steps, width]`. `at` is where
/// the layer's parameters begin.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn encode<N: Size>(
    sources: &Tensor<Vector<f32, N>>,
    parts: &Tensor<Vector<f32, N>>,
    starts: &Tensor<i32>,
    params: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    length: u32,
    steps: u32,
    count_of_parts: u32,
    at: u32,
    scale: f32,
    epsilon: f32,
    #[comptime] ragged: bool,
    #[comptime] first: bool,
    #[comptime] width: u32,
    #[comptime] heads: u32,
) {
    let mut states = Shared::<[Vector<f32, N>]>::new_slice(comptime!(MOST_STEPS * width as usize));
    let mut work =
        Shared::<[Vector<f32, N>]>::new_slice(comptime!(3 * MOST_STEPS * width as usize));
    let utterance = CUBE_POS as u32;
    let (start, count) = steps_of(starts, utterance, length, ragged);
    let own = utterance * steps;
    if first {
        for i in range_stepped(UNIT_POS, count * width, CUBE_DIM) {
            if i < width {
                states[i as usize] = params[(at - width + i) as usize];
            } else {
                states[i as usize] = sources[((start - 1) * width + i) as usize];
            }
        }
        sync_cube();
    } else {
        settle(
            &mut states,
            sources,
            parts,
            params,
            utterance,
            count,
            steps,
            count_of_parts,
            at,
            epsilon,
            width,
        );
    }

    let packed = comptime!(3 * width);
    let fours = count.div_ceil(4);
    let bias = at + comptime!(12 * width * width);
    for i in range_stepped(UNIT_POS, fours * packed, CUBE_DIM) {
        let column = i % packed;
        let row = i / packed * 4;
        let mut sums = Array::<Vector<f32, N>>::new(4usize);
        products(
            &mut sums,
            &states,
            row,
            count - 1,
            width,
            params,
            at + column,
            packed,
            width,
        );
        #[unroll]
        for j in 0..4usize {
            if row + (j as u32) < count {
                let to = (row + j as u32) * packed + column;
                work[to as usize] = sums[j] + params[(bias + column) as usize];
            }
        }
    }
    sync_cube();

    // Each head of each step a unit; what it mixes replaces its query, which nobody else reads.
    let head_width = comptime!(width / heads);
    for i in range_stepped(UNIT_POS, count * heads, CUBE_DIM) {
        let query = i / heads * packed + i % heads * head_width;
        let mut sums = Array::<Vector<f32, N>>::new(head_width as usize);
        #[unroll]
        for k in 0..head_width {
            sums[k as usize] = Vector::new(0.0);
        }
        let mut mass = 0.0;
        let mut peak = f32::new(f32::MIN);
        for step in 0..count {
            let key = step * packed + i % heads * head_width + width;
            let mut product = Vector::<f32, N>::new(0.0);
            #[unroll]
            for k in 0..head_width {
                product += work[(query + k) as usize] * work[(key + k) as usize];
            }
            let score = total(product) * scale;
            // What was added up so far is brought to the new peak.
            let higher = max(peak, score);
            let before = (peak - higher).exp();
            let weight = (score - higher).exp();
            peak = higher;
            mass = mass * before + weight;
            #[unroll]
            for k in 0..head_width {
                let value = work[(key + width + k) as usize] * Vector::new(weight);
                sums[k as usize] = sums[k as usize] * Vector::new(before) + value;
            }
        }
        #[unroll]
        for k in 0..head_width {
            work[(query + k) as usize] = sums[k as usize] / Vector::new(mass);
        }
    }
    sync_cube();

    let weights = bias + packed;
    let bias = weights + comptime!(4 * width * width);
    for i in range_stepped(UNIT_POS, fours * width, CUBE_DIM) {
        let column = i % width;
        let row = i / width * 4;
        let mut sums = Array::<Vector<f32, N>>::new(4usize);
        products(
            &mut sums,
            &work,
            row,
            count - 1,
            packed,
            params,
            weights + column,
            width,
            width,
        );
        #[unroll]
        for j in 0..4usize {
            if row + (j as u32) < count {
                let to = (row + j as u32) * width + column;
                let value = sums[j] + params[(bias + column) as usize];
                states[to as usize] += value;
            }
        }
    }
    normalise(&mut states, count, params, bias + width, epsilon, width);
    for i in range_stepped(UNIT_POS, count * width, CUBE_DIM) {
        out[(own * width + i) as usize] = states[i as usize];
    }
}

/// One part of a layer's feed-forward layer, for the steps of one utterance a cube: what [`PART`] vectors of the hidden
/// width add to it, `[utterances, parts, steps, width]`. `at` is where its parameters begin.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn feed_forward<N: Size>(
    sources: &Tensor<Vector<f32, N>>,
    starts: &Tensor<i32>,
    params: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    length: u32,
    steps: u32,
    count_of_parts: u32,
    hidden_width: u32,
    at: u32,
    #[comptime] ragged: bool,
    #[comptime] width: u32,
) {
    let mut states = Shared::<[Vector<f32, N>]>::new_slice(comptime!(MOST_STEPS * width as usize));
    let mut hidden = Shared::<[Vector<f32, N>]>::new_slice(comptime!(MOST_STEPS * PART));
    let utterance = CUBE_POS as u32 / count_of_parts;
    let part = CUBE_POS as u32 % count_of_parts;
    let (_, count) = steps_of(starts, utterance, length, ragged);
    for i in range_stepped(UNIT_POS, count * width, CUBE_DIM) {
        states[i as usize] = sources[(utterance * steps * width + i) as usize];
    }
    sync_cube();

    let first = part * PART as u32;
    let columns = u32::min(hidden_width - first, PART as u32);
    let fours = count.div_ceil(4);
    let bias = at + comptime!(4 * width) * hidden_width;
    for i in range_stepped(UNIT_POS, fours * columns, CUBE_DIM) {
        let column = i % columns;
        let row = i / columns * 4;
        let mut sums = Array::<Vector<f32, N>>::new(4usize);
        products(
            &mut sums,
            &states,
            row,
            count - 1,
            width,
            params,
            at + first + column,
            hidden_width,
            width,
        );
        #[unroll]
        for j in 0..4usize {
            if row + (j as u32) < count {
                let to = (row + j as u32) * PART as u32 + column;
                let value = sums[j] + params[(bias + first + column) as usize];
                hidden[to as usize] = max(value, Vector::new(0.0));
            }
        }
    }
    sync_cube();

    let weights = bias + hidden_width + 4 * first * width;
    let own = CUBE_POS as u32 * steps;
    for i in range_stepped(UNIT_POS, fours * width, CUBE_DIM) {
        let column = i % width;
        let row = i / width * 4;
        let mut sums = Array::<Vector<f32, N>>::new(4usize);
        products(
            &mut sums,
            &hidden,
            row,
            count - 1,
            PART as u32,
            params,
            weights + column,
            width,
            columns,
        );
        #[unroll]
        for j in 0..4usize {
            if row + (j as u32) < count {
                out[((own + row + j as u32) * width + column) as usize] = sums[j];
            }
        }
    }
}

/// The vector in front after the last layer, `[utterances, width]`. `at` is where the parameters end.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn finish<N: Size>(
    sources: &Tensor<Vector<f32, N>>,
    parts: &Tensor<Vector<f32, N>>,
    params: &Tensor<Vector<f32, N>>,
    out: &mut Tensor<Vector<f32, N>>,
    steps: u32,
    count_of_parts: u32,
    at: u32,
    epsilon: f32,
    #[comptime] width: u32,
) {
    let mut states = Shared::<[Vector<f32, N>]>::new_slice(comptime!(width as usize));
    let utterance = CUBE_POS as u32;
    settle(
        &mut states,
        sources,
        parts,
        params,
        utterance,
        1,
        steps,
        count_of_parts,
        at,
        epsilon,
        width,
    );
    for i in range_stepped(UNIT_POS, width, CUBE_DIM) {
        out[(utterance * width + i) as usize] = states[i as usize];
    }
}

/// Where an utterance's rows begin, and how many steps it has with the one in front.
#[cube]
fn steps_of(
    starts: &Tensor<i32>,
    utterance: u32,
    length: u32,
    #[comptime] ragged: bool,
) -> (u32, u32) {
    let mut start = utterance * length;
    let mut count = length + 1;
    if ragged {
        start = starts[utterance as usize] as u32;
        count = starts[(utterance + 1) as usize] as u32 - start + 1;
    }
    (start, count)
}

/// The end of a layer whose attention gave `sources` and whose feed-forward layer gave `parts`: the norm of their sum.
#[cube]
fn settle<N: Size>(
    states: &mut Shared<[Vector<f32, N>]>,
    sources: &Tensor<Vector<f32, N>>,
    parts: &Tensor<Vector<f32, N>>,
    params: &Tensor<Vector<f32, N>>,
    utterance: u32,
    count: u32,
    steps: u32,
    count_of_parts: u32,
    at: u32,
    epsilon: f32,
    #[comptime] width: u32,
) {
    let bias = at - comptime!(3 * width);
    for i in range_stepped(UNIT_POS, count * width, CUBE_DIM) {
        let mut sum = params[(bias + i % width) as usize];
        for part in 0..count_of_parts {
            let own = (utterance * count_of_parts + part) * steps * width;
            sum += parts[(own + i) as usize];
        }
        states[i as usize] = sources[(utterance * steps * width + i) as usize] + sum;
    }
    normalise(states, count, params, bias + width, epsilon, width);
}

/// Brings each of `count` rows to a mean of 0 and a variance of 1, times the scale that lies at `at`, plus the shift behind
/// it. Units of the cube wait for each other before and after.
#[cube]
fn normalise<N: Size>(
    states: &mut Shared<[Vector<f32, N>]>,
    count: u32,
    params: &Tensor<Vector<f32, N>>,
    at: u32,
    epsilon: f32,
    #[comptime] width: u32,
) {
    sync_cube();
    let values = f32::cast_from(comptime!(width * 4));
    if UNIT_POS < count {
        let first = UNIT_POS * width;
        let mut sum = Vector::<f32, N>::new(0.0);
        for k in 0..width {
            sum += states[(first + k) as usize];
        }
        let mean = total(sum) / values;
        let mut squares = Vector::<f32, N>::new(0.0);
        for k in 0..width {
            let centred = states[(first + k) as usize] - Vector::new(mean);
            squares += centred * centred;
        }
        let scale = 1.0 / (total(squares) / values + epsilon).sqrt();
        for k in 0..width {
            let standard = (states[(first + k) as usize] - Vector::new(mean)) * Vector::new(scale);
            let shift = params[(at + width + k) as usize];
            states[(first + k) as usize] = standard * params[(at + k) as usize] + shift;
        }
    }
    sync_cube();
}

/// Four rows, `stride` apart and none beyond `last`, times one vector of columns of weights that begin at `at` and are
/// `columns` wide.
#[cube]
fn products<N: Size>(
    sums: &mut Array<Vector<f32, N>>,
    rows: &Shared<[Vector<f32, N>]>,
    row: u32,
    last: u32,
    stride: u32,
    params: &Tensor<Vector<f32, N>>,
    at: u32,
    columns: u32,
    channels: u32,
) {
    let mut sources = Array::<u32>::new(4usize);
    #[unroll]
    for i in 0..4usize {
        sums[i] = Vector::new(0.0);
        sources[i] = u32::min(row + i as u32, last) * stride;
    }
    for channel in 0..channels {
        let (w0, w1, w2, w3) = four_rows(params, at + channel * 4 * columns, columns);
        #[unroll]
        for i in 0..4usize {
            let value = rows[(sources[i] + channel) as usize];
            sums[i] += times(w0, w1, w2, w3, value);
        }
    }
}
