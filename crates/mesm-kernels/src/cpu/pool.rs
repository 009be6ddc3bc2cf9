//! Max-pools over 2x2 windows, rows of channels.

use pulp::Arch;

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
    super::for_each_chunk(&mut out, rows * channels, |task, out| {
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
    fn odd_edges_belong_to_no_window() {
        assert_eq!(windows(2, 3, 2), [0, 1, 2, 3, 6, 7, 8, 9]);
    }
}
