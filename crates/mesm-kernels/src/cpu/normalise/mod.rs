//! Batch normalisation with the statistics of the batch, and ReLU: forwards and backwards.
//!
//! Its passes are gone through in tiles: as many rows as fill whole vectors, so that narrow layers use them too.

mod passes;
#[cfg(test)]
mod tests;

use pulp::Arch;

use crate::parallel::for_each_chunk;
use passes::{Back, BackSums, Forward, Squares, Sums};

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
