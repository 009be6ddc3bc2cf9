//! Max-pools over 2x2 windows, rows of channels.

use pulp::{Arch, Simd, WithSimd};

use crate::parallel::for_each_chunk;

/// The largest of four rows each, but at least 0: `table` names four rows of `features` a row of the result, and a row
/// that `features` does not have counts as zeros.
///
/// # Panics
/// When the lengths do not fit each other.
#[must_use]
pub fn pool(features: &[f32], channels: usize, table: &[u32]) -> Vec<f32> {
    assert!(features.len().is_multiple_of(channels), "features");
    assert!(table.len().is_multiple_of(4), "table");
    let mut out = vec![0.0; table.len() / 4 * channels];
    let rows = (16 * 1024 / channels).max(1);
    for_each_chunk(&mut out, rows * channels, |task, out| {
        Arch::new().dispatch(Largest {
            features,
            channels,
            table: &table[task * rows * 4..],
            out,
        });
    });
    out
}

/// The rows of `features` that windows name, of those that are there.
#[inline(always)]
fn rows_of<'a>(
    features: &'a [f32],
    channels: usize,
    sources: &'a [u32],
) -> impl Iterator<Item = (usize, &'a [f32])> + Clone {
    sources.iter().filter_map(move |&source| {
        let start = source as usize * channels;
        let row = features.get(start..start + channels)?;
        Some((start, row))
    })
}

/// Some windows.
struct Largest<'a> {
    features: &'a [f32],
    channels: usize,
    table: &'a [u32],
    out: &'a mut [f32],
}

impl WithSimd for Largest<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let windows = self.table.chunks_exact(4);
        for (out, sources) in self.out.chunks_exact_mut(self.channels).zip(windows) {
            let (out, out_rest) = S::as_mut_simd_f32s(out);
            for (_, row) in rows_of(self.features, self.channels, sources) {
                let (row, rest) = S::as_simd_f32s(row);
                for (out, value) in out.iter_mut().zip(row) {
                    *out = simd.max_f32s(*value, *out);
                }
                if !rest.is_empty() {
                    let value = simd.partial_load_f32s(rest);
                    let largest = simd.max_f32s(value, simd.partial_load_f32s(out_rest));
                    simd.partial_store_f32s(out_rest, largest);
                }
            }
        }
    }
}

/// Some rows of `features`, in the order they are named.
///
/// # Panics
/// When a row is named that is not there.
#[must_use]
pub fn select(features: &[f32], channels: usize, selected: &[u32]) -> Vec<f32> {
    let mut out = Vec::with_capacity(selected.len() * channels);
    for &row in selected {
        out.extend_from_slice(&features[row as usize * channels..][..channels]);
    }
    out
}

/// The gradients of `features` from those of what [`pool`] made of them: each goes to the first of the largest, or nowhere
/// where that is not above 0. No row may be in two windows.
///
/// # Panics
/// When the lengths do not fit each other.
#[must_use]
pub fn pool_back(features: &[f32], channels: usize, table: &[u32], gradients: &[f32]) -> Vec<f32> {
    assert_eq!(gradients.len(), table.len() / 4 * channels, "gradients");
    let mut out = vec![0.0; features.len()];
    Arch::new().dispatch(Back {
        features,
        channels,
        table,
        gradients,
        out: &mut out,
    });
    out
}

/// The way back of all windows.
struct Back<'a> {
    features: &'a [f32],
    channels: usize,
    table: &'a [u32],
    gradients: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        let gradients = self.gradients.chunks_exact(self.channels);
        for (sources, gradients) in self.table.chunks_exact(4).zip(gradients) {
            let rows = rows_of(self.features, self.channels, sources);
            for at in (0..self.channels).step_by(S::F32_LANES) {
                let end = (at + S::F32_LANES).min(self.channels);
                let largest = rows.clone().fold(zero, |largest, (_, row)| {
                    simd.max_f32s(simd.partial_load_f32s(&row[at..end]), largest)
                });
                let gradient = simd.partial_load_f32s(&gradients[at..end]);
                let above = simd.greater_than_f32s(largest, zero);
                // What is left for the rows that follow.
                let mut left = simd.select_f32s(above, gradient, zero);
                for (start, row) in rows.clone() {
                    let value = simd.partial_load_f32s(&row[at..end]);
                    let is_it = simd.equal_f32s(value, largest);
                    let out = &mut self.out[start + at..start + end];
                    simd.partial_store_f32s(out, simd.select_f32s(is_it, left, zero));
                    left = simd.select_f32s(is_it, zero, left);
                }
            }
        }
    }
}

/// The table of all whole 2x2 windows of `frames` maps, rows in (frame, y, x) order.
#[must_use]
pub fn windows(frames: usize, height: usize, width: usize) -> Vec<u32> {
    let mut table = Vec::with_capacity(frames * (height / 2) * (width / 2) * 4);
    for frame in 0..frames {
        for y in 0..height / 2 {
            let line = (frame * height + 2 * y) * width;
            for x in 0..width / 2 {
                let first = line + 2 * x;
                table
                    .extend([first, first + 1, first + width, first + width + 1].map(|i| i as u32));
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_rows_and_negative_values_are_nothing() {
        let features = [1.0, -1.0, 3.0, -4.0];
        assert_eq!(
            pool(&features, 2, &[0, 1, 2, 2, 2, 2, 2, 2]),
            [3.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn gradients_go_to_the_first_of_the_largest() {
        let features = [1.0, -1.0, 3.0, -4.0, 3.0, 0.0];
        let found = pool_back(&features, 2, &[0, 1, 2, 3], &[5.0, 7.0]);
        assert_eq!(found, [0.0, 0.0, 5.0, 0.0, 0.0, 0.0]);
    }

    /// Every number of channels that a vector may end in.
    #[test]
    fn both_ways_are_those_of_each_channel() {
        for channels in [1, 7, 16, 24, 40] {
            let (frames, height, width) = (2, 4, 6);
            let count = frames * height * width;
            let features: Vec<f32> = (0..count * channels)
                .map(|i| ((i * 193 + i / 7) % 11) as f32 - 5.0)
                .collect();
            let mut table = windows(frames, height, width);
            table[5] = count as u32;
            let gradients: Vec<f32> = (0..table.len() / 4 * channels)
                .map(|i| i as f32 + 1.0)
                .collect();
            let found = pool(&features, channels, &table);
            let back = pool_back(&features, channels, &table, &gradients);
            let mut expected = vec![0.0; features.len()];
            for (window, sources) in table.chunks_exact(4).enumerate() {
                for c in 0..channels {
                    let mut best = (0.0, None);
                    for source in sources.iter().map(|&source| source as usize) {
                        if source < count && features[source * channels + c] > best.0 {
                            best = (features[source * channels + c], Some(source));
                        }
                    }
                    assert!((found[window * channels + c] - best.0).abs() < 1e-30);
                    if let Some(source) = best.1 {
                        expected[source * channels + c] = gradients[window * channels + c];
                    }
                }
            }
            assert_eq!(back, expected, "{channels} channels");
        }
    }

    #[test]
    fn odd_edges_belong_to_no_window() {
        assert_eq!(windows(2, 3, 2), [0, 1, 2, 3, 6, 7, 8, 9]);
    }
}
