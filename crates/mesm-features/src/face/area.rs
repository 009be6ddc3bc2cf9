//! Resizing by averaging, as PyTorch's `interpolate(mode="area")` does it.

use std::ops::Range;

use crate::picture::{CHANNELS, Intensity, Picture};

/// Source positions that output position `i` of `outputs` averages: every one it touches, each
/// with full weight. Neighbours share a source position where the ratio is no whole number, and
/// enlarging repeats positions.
fn bin(i: usize, inputs: usize, outputs: usize) -> Range<usize> {
    i * inputs / outputs..((i + 1) * inputs).div_ceil(outputs)
}

/// `picture` at another size: `[height, width, 3]` row-major, 0..255. Every value is the mean of
/// the pixels its area touches.
///
/// # Panics
/// When `height` or `width` is 0.
#[must_use]
pub fn area_resample<T: Intensity>(
    picture: &Picture<'_, T>,
    height: usize,
    width: usize,
) -> Vec<f32> {
    // Columns first: the sums over rows are then contiguous, and each source row is read once.
    let columns: Vec<Range<usize>> = (0..width).map(|x| bin(x, picture.width(), width)).collect();
    let row_length = width * CHANNELS;
    let mut narrow = vec![0.0; picture.height() * row_length];
    for (y, out) in narrow.chunks_exact_mut(row_length).enumerate() {
        let (pixels, _) = picture.row(y).as_chunks::<CHANNELS>();
        let (sums, _) = out.as_chunks_mut::<CHANNELS>();
        for (sum, columns) in sums.iter_mut().zip(&columns) {
            let (mut red, mut green, mut blue) = (0.0, 0.0, 0.0);
            for [r, g, b] in &pixels[columns.clone()] {
                red += (*r).into();
                green += (*g).into();
                blue += (*b).into();
            }
            *sum = [red, green, blue];
        }
    }

    let mut out = vec![0.0; height * row_length];
    for (y, means) in out.chunks_exact_mut(row_length).enumerate() {
        let rows = bin(y, picture.height(), height);
        for row in narrow[rows.start * row_length..rows.end * row_length].chunks_exact(row_length) {
            for (mean, sum) in means.iter_mut().zip(row) {
                *mean += sum;
            }
        }
        let (pixels, _) = means.as_chunks_mut::<CHANNELS>();
        for (pixel, columns) in pixels.iter_mut().zip(&columns) {
            let count = (rows.len() * columns.len()) as f32;
            for value in pixel {
                *value /= count;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_cover_and_overlap() {
        let bins: Vec<_> = (0..3).map(|i| bin(i, 5, 3)).collect();
        assert_eq!(bins, [0..2, 1..4, 3..5]);
        let enlarged: Vec<_> = (0..4).map(|i| bin(i, 2, 4)).collect();
        assert_eq!(enlarged, [0..1, 0..1, 1..2, 1..2]);
    }

    #[test]
    fn means_are_taken_over_both_directions() {
        let grey = |value: u8| [value, value, value];
        let samples: Vec<u8> = [10, 20, 30, 40, 50, 60]
            .into_iter()
            .flat_map(grey)
            .collect();
        let picture = Picture::new(3, 2, &samples).unwrap();
        let out = area_resample(&picture, 1, 2);
        // Columns 0..2 and 1..3 of both rows.
        assert_eq!(out, [30.0, 30.0, 30.0, 40.0, 40.0, 40.0]);
        let same = area_resample(&picture, 2, 3);
        assert!(
            same.iter()
                .zip(&samples)
                .all(|(a, b)| a.to_bits() == f32::from(*b).to_bits())
        );
    }
}
