//! The gradient of a kernel's weights.

use std::array;

use pulp::{Arch, Simd, WithSimd};

use super::{Order, Taps};
use crate::parallel::for_each_chunk;

/// Pairs that are gone through for all columns before the next: their rows stay in the second-level cache.
const PAIRS_AT_ONCE: usize = 256;

/// For each tap the sum over its pairs of a row of `features` `[rows in, channels in]` times a row of `gradients`
/// `[rows out, channels out]`, laid out as the weights are: `order`.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn outer(
    features: &[f32],
    gradients: &[f32],
    taps: &Taps,
    [channels_in, channels_out]: [usize; 2],
    order: Order,
) -> Vec<f32> {
    assert_eq!(features.len(), taps.rows_in() * channels_in, "features");
    assert_eq!(gradients.len(), taps.rows_out() * channels_out, "gradients");
    let mut out = vec![0.0; taps.count() * channels_in * channels_out];
    // A task has some channels of one tap, all columns.
    let group = (1..=32)
        .rev()
        .find(|g| channels_in.is_multiple_of(*g))
        .unwrap_or(1);
    let groups = channels_in / group;
    let all: Vec<_> = taps.iter().collect();
    for_each_chunk(&mut out, group * channels_out, |task, out| {
        let pairs = all[task / groups];
        Arch::new().dispatch(Task {
            features,
            gradients,
            to: &pairs.to,
            from: &pairs.from,
            sizes: [channels_in, channels_out],
            first: task % groups * group,
            out,
        });
    });
    match order {
        Order::InOut => out,
        Order::OutIn => {
            let sizes = [taps.count(), channels_in, channels_out];
            let [to_tap, to_channel, to_column] = order.strides(sizes);
            let mut turned = vec![0.0; out.len()];
            // A chunk is what belongs to one column.
            for_each_chunk(&mut turned, to_column, |column, turned| {
                for (row, value) in out[column..].iter().step_by(channels_out).enumerate() {
                    let (tap, channel) = (row / channels_in, row % channels_in);
                    turned[tap * to_tap + channel * to_channel] = *value;
                }
            });
            turned
        }
    }
}

/// Some channels of one tap.
struct Task<'a> {
    features: &'a [f32],
    gradients: &'a [f32],
    to: &'a [u32],
    from: &'a [u32],
    sizes: [usize; 2],
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let [_, columns] = self.sizes;
        let pairs = self
            .to
            .chunks(PAIRS_AT_ONCE)
            .zip(self.from.chunks(PAIRS_AT_ONCE));
        let many = S::REGISTER_COUNT >= 32;
        for (to, from) in pairs {
            let mut column = 0;
            while column < columns {
                let left = (columns - column).div_ceil(S::F32_LANES);
                let vectors = left.min(if many { 4 } else { 2 });
                macro_rules! channels_of {
                    ($vectors:literal, $rows:literal) => {
                        channels::<S, $vectors, $rows>(simd, &mut self, to, from, column)
                    };
                }
                // As many sums as there are registers for, and enough of them that none waits for the one before.
                match (vectors, many) {
                    (4, _) => channels_of!(4, 4),
                    (3, _) => channels_of!(3, 8),
                    (2, true) => channels_of!(2, 8),
                    (2, false) => channels_of!(2, 4),
                    _ => channels_of!(1, 8),
                }
                column += vectors * S::F32_LANES;
            }
        }
    }
}

/// All channels of the task for some columns.
#[inline(always)]
fn channels<S: Simd, const VECTORS: usize, const ROWS: usize>(
    simd: S,
    task: &mut Task<'_>,
    to: &[u32],
    from: &[u32],
    column: usize,
) {
    let count = task.out.len() / task.sizes[1];
    let mut channel = 0;
    macro_rules! tiles_of {
        ($rows:tt) => {
            while count - channel >= $rows {
                tile::<S, $rows, VECTORS>(simd, task, to, from, channel, column);
                channel += $rows;
            }
        };
    }
    tiles_of!(ROWS);
    tiles_of!(4);
    tiles_of!(1);
}

#[inline(always)]
fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    task: &mut Task<'_>,
    to: &[u32],
    from: &[u32],
    channel: usize,
    column: usize,
) {
    let [channels, columns] = task.sizes;
    let lanes = S::F32_LANES;
    let count = (columns - column).min(VECTORS * lanes);
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    let first = task.first + channel;
    for (to, from) in to.iter().zip(from) {
        let row = *from as usize * channels + first;
        let row: [f32; ROWS] = array::from_fn(|i| task.features[row..row + ROWS][i]);
        let start = *to as usize * columns + column;
        // Beyond the last column the next row is read, which adds to sums that nobody takes.
        let beyond = task.gradients.get(start..start + VECTORS * lanes);
        let gradients: [S::f32s; VECTORS] = if let Some(gradients) = beyond {
            let whole = S::as_simd_f32s(gradients).0;
            array::from_fn(|v| whole[v])
        } else {
            let gradients = &task.gradients[start..start + count];
            array::from_fn(|v| simd.partial_load_f32s(&gradients[(v * lanes).min(count)..]))
        };
        for (sums, value) in sums.iter_mut().zip(row) {
            let value = simd.splat_f32s(value);
            for (sum, gradient) in sums.iter_mut().zip(gradients) {
                *sum = simd.mul_add_e_f32s(value, gradient, *sum);
            }
        }
    }
    // As in the product: what follows must not force the sums into memory.
    let sums = std::hint::black_box(sums);
    for (i, sums) in sums.iter().enumerate() {
        let start = (channel + i) * columns + column;
        let (whole, rest) = S::as_mut_simd_f32s(&mut task.out[start..start + count]);
        for (out, sum) in whole.iter_mut().zip(sums) {
            *out = simd.add_f32s(*out, *sum);
        }
        if !rest.is_empty() {
            let sum = simd.add_f32s(simd.partial_load_f32s(rest), sums[VECTORS - 1]);
            simd.partial_store_f32s(rest, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_remainder_is_the_sum_of_its_pairs() {
        let value = |seed: usize, i: usize| ((i * 193 + seed * 71) % 127) as f32 / 64.0 - 1.0;
        for (rows_in, rows_out, taps, [channels, columns]) in [
            (1, 1, 1, [1, 1]),
            (7, 5, 9, [3, 5]),
            (300, 900, 2, [24, 24]),
            (33, 40, 4, [17, 130]),
            (9, 12, 9, [64, 64]),
            (50, 60, 3, [75, 40]),
        ] {
            let features: Vec<f32> = (0..rows_in * channels).map(|i| value(1, i)).collect();
            let gradients: Vec<f32> = (0..rows_out * columns).map(|i| value(2, i)).collect();
            let table: Vec<u32> = (0..rows_out * taps)
                .map(|i| ((i * 7919 + i / 13) % (2 * rows_in)).min(rows_in) as u32)
                .collect();
            let pairs = Taps::from_table(&table, taps, rows_in);
            let sizes = [channels, columns];
            let found = outer(&features, &gradients, &pairs, sizes, Order::InOut);
            let turned = outer(&features, &gradients, &pairs, sizes, Order::OutIn);
            for tap in 0..taps {
                for k in 0..channels {
                    for column in 0..columns {
                        let expected: f64 = (0..rows_out)
                            .filter(|row| (table[row * taps + tap] as usize) < rows_in)
                            .map(|row| {
                                let source = table[row * taps + tap] as usize;
                                f64::from(features[source * channels + k])
                                    * f64::from(gradients[row * columns + column])
                            })
                            .sum();
                        let found = found[(tap * channels + k) * columns + column];
                        assert!(
                            (f64::from(found) - expected).abs() < 1e-3,
                            "{found}, not {expected}"
                        );
                        let at = (column * channels + k) * taps + tap;
                        assert!((turned[at] - found).abs() < 1e-30);
                    }
                }
            }
        }
    }
}
