//! Batch normalisation with the statistics of the batch, and ReLU: forwards and backwards.
//!
//! Its passes are gone through in tiles: as many rows as fill whole vectors, so that narrow layers use them too.

use pulp::{Arch, Simd, WithSimd};

use crate::parallel::for_each_chunk;

/// Rows that are added up in `f32` before their sums go on in `f64`: a fixed number, so that a sum does not depend on how
/// many threads there are.
const ROWS_AT_ONCE: usize = 256;

/// Values of the widest vector.
const WIDEST: usize = 16;

/// Values that a tile has at the least.
const LEAST_TILE: usize = 256;

/// Rows of a tile.
fn rows_of_a_tile(channels: usize) -> usize {
    let whole = (1..=WIDEST).find(|rows| (rows * channels).is_multiple_of(WIDEST));
    let whole = whole.unwrap_or(WIDEST);
    whole * (LEAST_TILE / (whole * channels)).max(1)
}

/// One value a column, as often as a tile has rows.
fn tiled(columns: impl IntoIterator<Item = f32>) -> Vec<f32> {
    let columns: Vec<f32> = columns.into_iter().collect();
    columns.repeat(rows_of_a_tile(columns.len()))
}

/// Mean and biased variance of each column of `rows` `[rows, channels]`.
///
/// # Panics
/// When the rows are not whole.
#[must_use]
pub fn statistics(rows: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let count = rows.len() / channels;
    let share = |sums: Vec<f64>| -> Vec<f32> {
        let count = count.max(1) as f64;
        sums.into_iter().map(|sum| (sum / count) as f32).collect()
    };
    let mean = share(column_sums(rows, channels));
    let tiled = tiled(mean.iter().copied());
    let squares = reduce::<1>(rows.len(), channels, |part, [sums]| {
        Arch::new().dispatch(Squares {
            rows: &rows[part],
            mean: &tiled,
            sums,
        });
    });
    (mean, share(squares))
}

/// The sum of each column of `rows` `[rows, channels]`.
///
/// # Panics
/// When the rows are not whole.
#[must_use]
pub fn column_sums(rows: &[f32], channels: usize) -> Vec<f64> {
    assert!(rows.len().is_multiple_of(channels), "whole rows");
    reduce::<1>(rows.len(), channels, |part, [sums]| {
        let rows = &rows[part];
        Arch::new().dispatch(Sums { rows, sums });
    })
}

/// A normalisation as it was carried out: `max(0, (x - mean) / deviation * weight + bias)`, one value a column each.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalised {
    /// Mean of the batch.
    pub mean: Vec<f32>,
    /// One over the standard deviation of the batch.
    pub inverse_deviation: Vec<f32>,
    /// What it is scaled by.
    pub weight: Vec<f32>,
    /// What is added.
    pub bias: Vec<f32>,
}

/// The same, a tile long.
struct Tiled {
    mean: Vec<f32>,
    inverse_deviation: Vec<f32>,
    /// One over the deviation, times the weight.
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl Normalised {
    fn tiled(&self) -> Tiled {
        let both = self.inverse_deviation.iter().zip(&self.weight);
        Tiled {
            mean: tiled(self.mean.iter().copied()),
            inverse_deviation: tiled(self.inverse_deviation.iter().copied()),
            scale: tiled(both.map(|(inverse, weight)| inverse * weight)),
            bias: tiled(self.bias.iter().copied()),
        }
    }
}

/// The normalised rows.
///
/// # Panics
/// When the rows are not whole.
#[must_use]
pub fn normalise(rows: &[f32], by: &Normalised) -> Vec<f32> {
    let channels = by.mean.len();
    assert!(rows.len().is_multiple_of(channels), "whole rows");
    let by = by.tiled();
    let mut out = vec![0.0; rows.len()];
    let size = size_of_a_part(channels);
    for_each_chunk(&mut out, size, |part, out| {
        Arch::new().dispatch(Forward {
            rows: &rows[part * size..][..out.len()],
            by: &by,
            out,
        });
    });
    out
}

/// The gradients of rows, weight and bias from those of the normalised rows.
///
/// # Panics
/// When the lengths do not fit each other.
#[must_use]
pub fn normalise_back(
    rows: &[f32],
    gradients: &[f32],
    by: &Normalised,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let channels = by.mean.len();
    assert_eq!(rows.len(), gradients.len(), "gradients");
    let count = rows.len() / channels;
    let by = by.tiled();
    let sums = reduce::<2>(rows.len(), channels, |part, [biases, weights]| {
        Arch::new().dispatch(BackSums {
            rows: &rows[part.clone()],
            gradients: &gradients[part],
            by: &by,
            biases,
            weights,
        });
    });
    let (bias, weight): (Vec<f32>, Vec<f32>) = (0..channels)
        .map(|c| (sums[c] as f32, sums[channels + c] as f32))
        .unzip();
    let share = 1.0 / count.max(1) as f32;
    let means = [&bias, &weight].map(|sums| tiled(sums.iter().map(|sum| sum * share)));
    let mut out = vec![0.0; rows.len()];
    let size = size_of_a_part(channels);
    for_each_chunk(&mut out, size, |part, out| {
        let place = part * size..part * size + out.len();
        Arch::new().dispatch(Back {
            rows: &rows[place.clone()],
            gradients: &gradients[place],
            by: &by,
            means: [&means[0], &means[1]],
            out,
        });
    });
    (out, weight, bias)
}

/// Values of as many rows as are worked on at once.
fn size_of_a_part(channels: usize) -> usize {
    ROWS_AT_ONCE.next_multiple_of(rows_of_a_tile(channels)) * channels
}

/// `N` sums a column, `[N, channels]`, of `values` values: `add` adds those of a part of them to sums a tile long.
fn reduce<const N: usize>(
    values: usize,
    channels: usize,
    add: impl Fn(std::ops::Range<usize>, [&mut [f32]; N]) + Send + Sync,
) -> Vec<f64> {
    let size = size_of_a_part(channels);
    let tile = rows_of_a_tile(channels) * channels;
    let mut partial = vec![0.0_f32; values.div_ceil(size) * N * channels];
    for_each_chunk(&mut partial, N * channels, |part, sums| {
        let mut tiles = vec![0.0_f32; N * tile];
        let mut parts = tiles.chunks_exact_mut(tile);
        let first = part * size;
        add(
            first..(first + size).min(values),
            std::array::from_fn(|_| parts.next().unwrap_or_default()),
        );
        for (sums, tile) in sums
            .chunks_exact_mut(channels)
            .zip(tiles.chunks_exact(tile))
        {
            for row in tile.chunks_exact(channels) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        }
    });
    let mut sums = vec![0.0; N * channels];
    for part in partial.chunks_exact(N * channels) {
        for (sum, part) in sums.iter_mut().zip(part) {
            *sum += f64::from(*part);
        }
    }
    sums
}

/// Vectors of some values, and what is left of them, filled up with zeros.
#[inline(always)]
fn vectors<S: Simd>(simd: S, values: &[f32]) -> (&[S::f32s], S::f32s) {
    let (whole, rest) = S::as_simd_f32s(values);
    (whole, simd.partial_load_f32s(rest))
}

/// Adds rows to sums.
struct Sums<'a> {
    rows: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.sums.len();
        let sums = S::as_mut_simd_f32s(self.sums).0;
        for rows in self.rows.chunks(tile) {
            let (whole, rest) = vectors(simd, rows);
            for (sum, x) in sums.iter_mut().zip(whole) {
                *sum = simd.add_f32s(*sum, *x);
            }
            if let Some(sum) = sums.get_mut(whole.len()) {
                *sum = simd.add_f32s(*sum, rest);
            }
        }
    }
}

/// Adds the squares of what rows are beside the mean to sums.
struct Squares<'a> {
    rows: &'a [f32],
    mean: &'a [f32],
    sums: &'a mut [f32],
}

impl WithSimd for Squares<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.sums.len();
        let sums = S::as_mut_simd_f32s(self.sums).0;
        let mean = S::as_simd_f32s(self.mean).0;
        for rows in self.rows.chunks(tile) {
            let (whole, rest) = S::as_simd_f32s(rows);
            for ((sum, x), mean) in sums.iter_mut().zip(whole).zip(mean) {
                let beside = simd.sub_f32s(*x, *mean);
                *sum = simd.mul_add_e_f32s(beside, beside, *sum);
            }
            if !rest.is_empty() {
                // Values that are not there are no distance from the mean.
                let at = whole.len();
                let means = &self.mean[at * S::F32_LANES..][..rest.len()];
                let (x, mean) = (simd.partial_load_f32s(rest), simd.partial_load_f32s(means));
                let beside = simd.sub_f32s(x, mean);
                sums[at] = simd.mul_add_e_f32s(beside, beside, sums[at]);
            }
        }
    }
}

/// Normalises rows.
struct Forward<'a> {
    rows: &'a [f32],
    by: &'a Tiled,
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.by.mean.len();
        let by = Vectors::new(simd, self.by);
        let zero = simd.splat_f32s(0.0);
        for (rows, out) in self.rows.chunks(tile).zip(self.out.chunks_mut(tile)) {
            let (rows, row) = vectors(simd, rows);
            let (out, out_rest) = S::as_mut_simd_f32s(out);
            for (i, (out, x)) in out.iter_mut().zip(rows).enumerate() {
                *out = simd.max_f32s(by.value(*x, i).1, zero);
            }
            if !out_rest.is_empty() {
                let value = simd.max_f32s(by.value(row, rows.len()).1, zero);
                simd.partial_store_f32s(out_rest, value);
            }
        }
    }
}

/// Adds what reaches bias and weight of each column to sums.
struct BackSums<'a> {
    rows: &'a [f32],
    gradients: &'a [f32],
    by: &'a Tiled,
    biases: &'a mut [f32],
    weights: &'a mut [f32],
}

impl WithSimd for BackSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.biases.len();
        let by = Vectors::new(simd, self.by);
        let biases = S::as_mut_simd_f32s(self.biases).0;
        let weights = S::as_mut_simd_f32s(self.weights).0;
        for (rows, gradients) in self.rows.chunks(tile).zip(self.gradients.chunks(tile)) {
            let (rows, row) = vectors(simd, rows);
            let (gradients, gradient) = vectors(simd, gradients);
            for (i, (bias, weight)) in biases.iter_mut().zip(weights.iter_mut()).enumerate() {
                // Behind the last row no gradient arrives.
                let (x, gradient) = match rows.get(i).zip(gradients.get(i)) {
                    Some((x, gradient)) => (*x, *gradient),
                    None if i == rows.len() => (row, gradient),
                    None => break,
                };
                let (standard, gradient) = by.standard_and_gradient(x, gradient, i);
                *bias = simd.add_f32s(*bias, gradient);
                *weight = simd.mul_add_e_f32s(gradient, standard, *weight);
            }
        }
    }
}

/// The gradients of rows; `means` are those of the gradients of bias and weight, a tile long.
struct Back<'a> {
    rows: &'a [f32],
    gradients: &'a [f32],
    by: &'a Tiled,
    means: [&'a [f32]; 2],
    out: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.by.mean.len();
        let by = Vectors::new(simd, self.by);
        let means = self.means.map(|values| S::as_simd_f32s(values).0);
        let sources = self.rows.chunks(tile).zip(self.gradients.chunks(tile));
        for (out, (rows, gradients)) in self.out.chunks_mut(tile).zip(sources) {
            let (rows, row) = vectors(simd, rows);
            let (gradients, gradient) = vectors(simd, gradients);
            let (out, out_rest) = S::as_mut_simd_f32s(out);
            let both = rows.iter().zip(gradients);
            for (i, (out, (x, gradient))) in out.iter_mut().zip(both).enumerate() {
                *out = by.gradient(*x, *gradient, means, i);
            }
            if !out_rest.is_empty() {
                let found = by.gradient(row, gradient, means, rows.len());
                simd.partial_store_f32s(out_rest, found);
            }
        }
    }
}

/// A normalisation of vectors, by their place in a tile.
struct Vectors<'a, S: Simd> {
    simd: S,
    mean: &'a [S::f32s],
    inverse_deviation: &'a [S::f32s],
    scale: &'a [S::f32s],
    bias: &'a [S::f32s],
}

impl<'a, S: Simd> Vectors<'a, S> {
    #[inline(always)]
    fn new(simd: S, by: &'a Tiled) -> Self {
        Self {
            simd,
            mean: S::as_simd_f32s(&by.mean).0,
            inverse_deviation: S::as_simd_f32s(&by.inverse_deviation).0,
            scale: S::as_simd_f32s(&by.scale).0,
            bias: S::as_simd_f32s(&by.bias).0,
        }
    }

    /// How far values are from the mean, and the normalised values before ReLU.
    #[inline(always)]
    fn value(&self, x: S::f32s, i: usize) -> (S::f32s, S::f32s) {
        let beside = self.simd.sub_f32s(x, self.mean[i]);
        let value = self
            .simd
            .mul_add_e_f32s(beside, self.scale[i], self.bias[i]);
        (beside, value)
    }

    /// The normalised values before weight and bias, and the gradients where ReLU let the values through.
    #[inline(always)]
    fn standard_and_gradient(&self, x: S::f32s, gradient: S::f32s, i: usize) -> (S::f32s, S::f32s) {
        let simd = self.simd;
        let (beside, value) = self.value(x, i);
        let zero = simd.splat_f32s(0.0);
        let passed = simd.greater_than_f32s(value, zero);
        let gradient = simd.select_f32s(passed, gradient, zero);
        (simd.mul_f32s(beside, self.inverse_deviation[i]), gradient)
    }

    /// The gradients of values; `means` are those of the gradients of bias and weight.
    #[inline(always)]
    fn gradient(
        &self,
        x: S::f32s,
        gradient: S::f32s,
        [bias, weight]: [&[S::f32s]; 2],
        i: usize,
    ) -> S::f32s {
        let simd = self.simd;
        let (standard, gradient) = self.standard_and_gradient(x, gradient, i);
        let centred = simd.sub_f32s(gradient, bias[i]);
        let centred = simd.sub_f32s(centred, simd.mul_f32s(standard, weight[i]));
        simd.mul_f32s(self.scale[i], centred)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(seed: usize, count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| ((i * 193 + seed * 71 + i / 7) % 127) as f32 / 32.0 - 2.0)
            .collect()
    }

    fn by(rows: &[f32], channels: usize) -> Normalised {
        let (mean, variance) = statistics(rows, channels);
        Normalised {
            mean,
            inverse_deviation: variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect(),
            weight: values(5, channels),
            bias: values(6, channels),
        }
    }

    #[test]
    fn statistics_are_those_of_all_rows() {
        let rows = values(1, 700 * 3);
        let (mean, variance) = statistics(&rows, 3);
        for c in 0..3 {
            let column: Vec<f64> = rows[c..].iter().step_by(3).map(|v| f64::from(*v)).collect();
            let m = column.iter().sum::<f64>() / 700.0;
            let v = column.iter().map(|x| (x - m) * (x - m)).sum::<f64>() / 700.0;
            assert!((f64::from(mean[c]) - m).abs() < 1e-6);
            assert!((f64::from(variance[c]) - v).abs() < 1e-5);
        }
    }

    /// Every number of columns and rows that a vector, a tile or a part may end in, against sums written out.
    #[test]
    fn every_remainder_is_that_of_its_columns() {
        for (channels, count) in [(1, 1), (3, 700), (24, 300), (40, 7), (64, 513)] {
            let rows = values(1, count * channels);
            let pull = values(2, count * channels);
            let by = by(&rows, channels);
            let out = normalise(&rows, &by);
            let (dx, dw, db) = normalise_back(&rows, &pull, &by);
            for c in 0..channels {
                let column = |all: &[f32]| -> Vec<f64> {
                    let column = all[c..].iter().step_by(channels);
                    column.map(|value| f64::from(*value)).collect()
                };
                let [weight, bias, mean, inverse] =
                    [&by.weight, &by.bias, &by.mean, &by.inverse_deviation]
                        .map(|v| f64::from(v[c]));
                let standard: Vec<f64> =
                    column(&rows).iter().map(|x| (x - mean) * inverse).collect();
                let passed: Vec<f64> = standard
                    .iter()
                    .zip(column(&pull))
                    .map(|(s, pull)| if s * weight + bias > 0.0 { pull } else { 0.0 })
                    .collect();
                let to_bias: f64 = passed.iter().sum();
                let to_weight: f64 = passed.iter().zip(&standard).map(|(g, s)| g * s).sum();
                assert!(
                    (to_bias - f64::from(db[c])).abs() < 1e-2,
                    "{to_bias} {}",
                    db[c]
                );
                assert!(
                    (to_weight - f64::from(dw[c])).abs() < 1e-2,
                    "{to_weight} {}",
                    dw[c]
                );
                let both = column(&out).into_iter().zip(column(&dx));
                for ((found, back), (s, g)) in both.zip(standard.iter().zip(&passed)) {
                    assert!((found - (s * weight + bias).max(0.0)).abs() < 1e-4);
                    let expected =
                        weight * inverse * (g - (to_bias + s * to_weight) / count as f64);
                    let scale = 1.0 + (weight * inverse).abs();
                    assert!((back - expected).abs() < 1e-3 * scale, "{back} {expected}");
                }
            }
        }
    }

    /// Against finite differences of the sum of all normalised values, each times a weight of its own.
    #[test]
    fn gradients_are_slopes() {
        let (channels, count) = (3, 40);
        let rows = values(1, count * channels);
        let pull = values(2, count * channels);
        let loss = |rows: &[f32], change: &dyn Fn(&mut Normalised)| -> f64 {
            let mut by = by(rows, channels);
            change(&mut by);
            let out = normalise(rows, &by);
            out.iter().zip(&pull).map(|(a, b)| f64::from(a * b)).sum()
        };
        let (dx, dw, db) = normalise_back(&rows, &pull, &by(&rows, channels));
        let step = 1e-2;
        let keep: &dyn Fn(&mut Normalised) = &|_| {};
        for i in [0, 7, 55, 118] {
            let moved = |by: f32| {
                let mut rows = rows.clone();
                rows[i] += by;
                loss(&rows, keep)
            };
            let slope = (moved(step) - moved(-step)) / f64::from(2.0 * step);
            assert!((slope - f64::from(dx[i])).abs() < 2e-2, "{slope} {}", dx[i]);
        }
        for c in 0..channels {
            let weight = |by: f32| loss(&rows, &move |n: &mut Normalised| n.weight[c] += by);
            let bias = |by: f32| loss(&rows, &move |n: &mut Normalised| n.bias[c] += by);
            let slope = |f: &dyn Fn(f32) -> f64| (f(1e-3) - f(-1e-3)) / 2e-3;
            assert!(
                (slope(&weight) - f64::from(dw[c])).abs() < 0.3,
                "{} {}",
                slope(&weight),
                dw[c]
            );
            assert!(
                (slope(&bias) - f64::from(db[c])).abs() < 0.3,
                "{} {}",
                slope(&bias),
                db[c]
            );
        }
    }
}
