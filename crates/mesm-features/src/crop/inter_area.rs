//! Resizing as OpenCV's `INTER_AREA` does it on float pictures.

use crate::picture::{CHANNELS, Intensity, Picture};

/// Parts of a source position smaller than this are left out.
const SLIVER: f64 = 1e-3;

/// Weighted source positions of one output position.
type Taps = Vec<(usize, f32)>;

/// `picture` at another size: `[height, width, 3]` row-major, 0..255.
///
/// Where neither side grows, an output pixel is the mean of its area, source pixels on the border
/// counting with the share that lies inside. Where one side grows, OpenCV changes the method for
/// both: two neighbours are mixed by the share of the output pixel that each of them covers.
///
/// # Panics
/// When `height` or `width` is 0.
#[must_use]
pub fn inter_area<T: Intensity>(picture: &Picture<'_, T>, height: usize, width: usize) -> Vec<f32> {
    let taps = if width <= picture.width() && height <= picture.height() {
        shrinking
    } else {
        enlarging
    };
    let columns = taps(picture.width(), width);
    let rows = taps(picture.height(), height);

    let row_length = width * CHANNELS;
    let mut narrow = vec![0.0; picture.height() * row_length];
    for (y, out) in narrow.chunks_exact_mut(row_length).enumerate() {
        let (pixels, _) = picture.row(y).as_chunks::<CHANNELS>();
        let (sums, _) = out.as_chunks_mut::<CHANNELS>();
        for (sum, taps) in sums.iter_mut().zip(&columns) {
            for (x, weight) in taps {
                for (sum, value) in sum.iter_mut().zip(pixels[*x]) {
                    *sum += weight * value.into();
                }
            }
        }
    }

    let mut out = vec![0.0; height * row_length];
    for (sums, taps) in out.chunks_exact_mut(row_length).zip(&rows) {
        for (y, weight) in taps {
            let row = &narrow[y * row_length..(y + 1) * row_length];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
    }
    out
}

/// Output position `i` covers the stretch `i * ratio .. (i + 1) * ratio` of the source.
fn shrinking(inputs: usize, outputs: usize) -> Vec<Taps> {
    let ratio = inputs as f64 / outputs as f64;
    (0..outputs)
        .map(|i| {
            let start = i as f64 * ratio;
            let end = start + ratio;
            let length = ratio.min(inputs as f64 - start);
            let last = (end.floor() as usize).min(inputs - 1);
            let first = (start.ceil() as usize).min(last);
            let mut taps = Taps::new();
            let before = first as f64 - start;
            if before > SLIVER {
                taps.push((first - 1, (before / length) as f32));
            }
            taps.extend((first..last).map(|x| (x, (1.0 / length) as f32)));
            let after = end - last as f64;
            if after > SLIVER {
                taps.push((last, (after.min(1.0).min(length) / length) as f32));
            }
            taps
        })
        .collect()
}

/// Output position `i` begins in source position `floor(i * ratio)`; the next one takes over
/// where it begins within the output position.
fn enlarging(inputs: usize, outputs: usize) -> Vec<Taps> {
    let ratio = inputs as f64 / outputs as f64;
    let inverse = outputs as f64 / inputs as f64;
    (0..outputs)
        .map(|i| {
            let place = (i as f64 * ratio).floor() as usize;
            let share = ((i + 1) as f64 - (place + 1) as f64 * inverse) as f32;
            let share = if share <= 0.0 {
                0.0
            } else {
                share - share.floor()
            };
            if place + 1 >= inputs {
                vec![(inputs - 1, 1.0)]
            } else {
                vec![(place, 1.0 - share), (place + 1, share)]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one() {
        for (inputs, outputs) in [(61, 48), (96, 48), (48, 48), (50, 48), (500, 7)] {
            for taps in shrinking(inputs, outputs) {
                let sum: f32 = taps.iter().map(|(_, weight)| weight).sum();
                assert!((sum - 1.0).abs() < 1e-4, "{inputs} to {outputs}: {sum}");
            }
        }
        for (inputs, outputs) in [(30, 48), (1, 48), (47, 48), (61, 48)] {
            for taps in enlarging(inputs, outputs) {
                let sum: f32 = taps.iter().map(|(_, weight)| weight).sum();
                assert!((sum - 1.0).abs() < 1e-6, "{inputs} to {outputs}: {sum}");
            }
        }
    }

    #[test]
    fn border_pixels_count_with_their_share() {
        assert_eq!(
            shrinking(3, 2),
            [
                vec![(0, 2.0 / 3.0), (1, 1.0 / 3.0)],
                vec![(1, 1.0 / 3.0), (2, 2.0 / 3.0)]
            ]
        );
    }

    #[test]
    fn a_half_covered_pixel_is_mixed() {
        // Two pixels on three: the middle one is half of each.
        let taps = enlarging(2, 3);
        assert_eq!(taps[0], [(0, 1.0), (1, 0.0)]);
        assert_eq!(taps[1], [(0, 0.5), (1, 0.5)]);
        assert_eq!(taps[2], [(1, 1.0)]);
    }

    #[test]
    fn a_picture_of_one_colour_keeps_it() {
        let samples = [40u8, 80, 120].repeat(30 * 70);
        let picture = Picture::new(30, 70, &samples).unwrap();
        for (height, width) in [(48, 48), (7, 9), (100, 100)] {
            for pixel in inter_area(&picture, height, width).chunks_exact(3) {
                for (value, expected) in pixel.iter().zip([40.0, 80.0, 120.0]) {
                    assert!((value - expected).abs() < 1e-2);
                }
            }
        }
    }
}
