//! Max-pools over 2x2 windows, rows of channels.

use pulp::Arch;

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
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let table = &table[task * rows * 4..];
                for (out, sources) in out.chunks_exact_mut(channels).zip(table.chunks_exact(4)) {
                    for &source in sources {
                        let start = source as usize * channels;
                        if let Some(row) = features.get(start..start + channels) {
                            for (out, value) in out.iter_mut().zip(row) {
                                *out = if *value > *out { *value } else { *out };
                            }
                        }
                    }
                }
            },
        );
    });
    out
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
    let rows = features.len() / channels;
    let mut out = vec![0.0; features.len()];
    let mut largest = vec![(0.0_f32, usize::MAX); channels];
    for (sources, gradients) in table.chunks_exact(4).zip(gradients.chunks_exact(channels)) {
        largest.fill((0.0, usize::MAX));
        for source in sources.iter().map(|&source| source as usize) {
            if source < rows {
                let row = &features[source * channels..(source + 1) * channels];
                for (largest, value) in largest.iter_mut().zip(row) {
                    if *value > largest.0 {
                        *largest = (*value, source);
                    }
                }
            }
        }
        for (c, ((_, source), gradient)) in largest.iter().zip(gradients).enumerate() {
            if *source < rows {
                out[source * channels + c] = *gradient;
            }
        }
    }
    out
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

    #[test]
    fn odd_edges_belong_to_no_window() {
        assert_eq!(windows(2, 3, 2), [0, 1, 2, 3, 6, 7, 8, 9]);
    }
}
