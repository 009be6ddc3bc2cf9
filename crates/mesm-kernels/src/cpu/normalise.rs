//! Batch normalisation with the statistics of the batch, and ReLU: forwards and backwards.

use pulp::Arch;

use crate::parallel::for_each_chunk;

/// Rows that are added up in `f32` before their sums go on in `f64`: a fixed number, so that a sum does not depend on how
/// many threads there are.
const ROWS_AT_ONCE: usize = 256;

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
    let squares = reduce::<1>(count, channels, |row, [sums]| {
        let values = rows[row * channels..].iter().zip(&mean);
        for (sum, (value, mean)) in sums.iter_mut().zip(values) {
            *sum += (value - mean) * (value - mean);
        }
    });
    let variance = share(squares);
    (mean, variance)
}

/// The sum of each column of `rows` `[rows, channels]`.
///
/// # Panics
/// When the rows are not whole.
#[must_use]
pub fn column_sums(rows: &[f32], channels: usize) -> Vec<f64> {
    assert!(rows.len().is_multiple_of(channels), "whole rows");
    reduce::<1>(rows.len() / channels, channels, |row, [sums]| {
        for (sum, value) in sums.iter_mut().zip(&rows[row * channels..]) {
            *sum += value;
        }
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

impl Normalised {
    #[inline(always)]
    fn value(&self, c: usize, x: f32) -> (f32, f32) {
        let standard = (x - self.mean[c]) * self.inverse_deviation[c];
        (standard, standard * self.weight[c] + self.bias[c])
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
    let mut out = vec![0.0; rows.len()];
    let size = ROWS_AT_ONCE * channels;
    for_each_chunk(&mut out, size, |task, out| {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let rows = rows[task * size..].chunks_exact(channels);
                for (out, row) in out.chunks_exact_mut(channels).zip(rows) {
                    for (c, (out, x)) in out.iter_mut().zip(row).enumerate() {
                        *out = by.value(c, *x).1.max(0.0);
                    }
                }
            },
        );
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
    let sums = reduce::<2>(count, channels, |row, [biases, weights]| {
        let at = row * channels..(row + 1) * channels;
        let both = rows[at.clone()].iter().zip(&gradients[at]);
        for (c, (x, gradient)) in both.enumerate() {
            let (standard, value) = by.value(c, *x);
            let gradient = if value > 0.0 { *gradient } else { 0.0 };
            biases[c] += gradient;
            weights[c] += gradient * standard;
        }
    });
    let (bias, weight): (Vec<f32>, Vec<f32>) = (0..channels)
        .map(|c| (sums[c] as f32, sums[channels + c] as f32))
        .unzip();
    let share = 1.0 / count.max(1) as f32;
    let mut out = vec![0.0; rows.len()];
    let size = ROWS_AT_ONCE * channels;
    for_each_chunk(&mut out, size, |task, out| {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let rows = rows[task * size..].chunks_exact(channels);
                let gradients = gradients[task * size..].chunks_exact(channels);
                for (out, (row, gradient)) in
                    out.chunks_exact_mut(channels).zip(rows.zip(gradients))
                {
                    for (c, out) in out.iter_mut().enumerate() {
                        let (standard, value) = by.value(c, row[c]);
                        let gradient = if value > 0.0 { gradient[c] } else { 0.0 };
                        let centred = gradient - bias[c] * share - standard * (weight[c] * share);
                        *out = by.weight[c] * by.inverse_deviation[c] * centred;
                    }
                }
            },
        );
    });
    (out, weight, bias)
}

/// `N` sums a column, `[N, channels]`, over rows that `add` adds one by one.
fn reduce<const N: usize>(
    rows: usize,
    channels: usize,
    add: impl Fn(usize, [&mut [f32]; N]) + Send + Sync,
) -> Vec<f64> {
    let mut partial = vec![0.0_f32; rows.div_ceil(ROWS_AT_ONCE) * N * channels];
    for_each_chunk(&mut partial, N * channels, |task, sums| {
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let first = task * ROWS_AT_ONCE;
                for row in first..(first + ROWS_AT_ONCE).min(rows) {
                    let mut parts = sums.chunks_exact_mut(channels);
                    add(
                        row,
                        std::array::from_fn(|_| parts.next().unwrap_or_default()),
                    );
                }
            },
        );
    });
    let mut sums = vec![0.0; N * channels];
    for part in partial.chunks_exact(N * channels) {
        for (sum, part) in sums.iter_mut().zip(part) {
            *sum += f64::from(*part);
        }
    }
    sums
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
