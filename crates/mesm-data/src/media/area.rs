//! Resizing by area: a pixel of the result is the mean of what it covers.

/// How much each source pixel counts in one pixel of the result; the weights add up to 1.
struct Cover {
    first: usize,
    weights: Vec<f32>,
}

/// What the pixels of a row of `to` pixels cover of a row of `from` pixels.
fn covers(from: usize, to: usize) -> Vec<Cover> {
    let step = from as f64 / to as f64;
    (0..to)
        .map(|pixel| {
            let (start, end) = (pixel as f64 * step, (pixel + 1) as f64 * step);
            let first = start as usize;
            let last = (end.ceil() as usize).min(from);
            let weights = (first..last)
                .map(|at| {
                    let inside = end.min((at + 1) as f64) - start.max(at as f64);
                    (inside / step) as f32
                })
                .collect();
            Cover { first, weights }
        })
        .collect()
}

/// A square of `side` x `side` interleaved RGB bytes at `to` x `to` pixels: `[3, to, to]` row-major, 0..255, not
/// rounded. A square that has that size already is only taken apart into its channels.
pub(super) fn resize_square(rgb: &[u8], side: usize, to: usize) -> Vec<f32> {
    if side == to {
        let channel = |channel| rgb.iter().skip(channel).step_by(3);
        return (0..3).flat_map(channel).map(|v| f32::from(*v)).collect();
    }
    let covers = covers(side, to);
    let mut planes = vec![0.0; 3 * to * to];
    // Rows of the result at the width of the source, one channel at a time.
    let mut wide = vec![0.0f32; side];
    for (channel, plane) in planes.chunks_exact_mut(to * to).enumerate() {
        for (row, vertical) in plane.chunks_exact_mut(to).zip(&covers) {
            wide.fill(0.0);
            for (offset, weight) in vertical.weights.iter().enumerate() {
                let start = (vertical.first + offset) * side * 3;
                let source = rgb[start..start + side * 3].iter().skip(channel).step_by(3);
                for (sum, value) in wide.iter_mut().zip(source) {
                    *sum += weight * f32::from(*value);
                }
            }
            for (value, horizontal) in row.iter_mut().zip(&covers) {
                let covered = &wide[horizontal.first..];
                *value = horizontal
                    .weights
                    .iter()
                    .zip(covered)
                    .map(|(w, v)| w * v)
                    .sum();
            }
        }
    }
    planes
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers and halves: exact")]
mod tests {
    use super::*;

    fn rgb(side: usize, value: impl Fn(usize, usize) -> [u8; 3]) -> Vec<u8> {
        (0..side * side)
            .flat_map(|i| value(i / side, i % side))
            .collect()
    }

    #[test]
    fn the_same_size_is_only_taken_apart() {
        let picture = rgb(5, |y, x| [x as u8 * 50, y as u8 * 60, 255]);
        let planes = resize_square(&picture, 5, 5);
        for (i, pixel) in picture.chunks_exact(3).enumerate() {
            for channel in 0..3 {
                assert_eq!(planes[channel * 25 + i], f32::from(pixel[channel]));
            }
        }
    }

    #[test]
    fn a_half_is_the_mean_of_four() {
        let planes = resize_square(&rgb(4, |y, x| [(y * 4 + x) as u8, 10, 0]), 4, 2);
        assert_eq!(planes[..4], [2.5, 4.5, 10.5, 12.5]);
        assert_eq!(planes[4..8], [10.0; 4]);
        assert_eq!(planes[8..], [0.0; 4]);
    }

    /// Three pixels to two: one whole pixel and half of the middle one each.
    #[test]
    fn shares_of_a_pixel_count() {
        let planes = resize_square(&rgb(3, |_, x| [x as u8 * 30, 0, 0]), 3, 2);
        for row in planes[..4].chunks_exact(2) {
            assert!(
                (row[0] - 10.0).abs() < 1e-4 && (row[1] - 50.0).abs() < 1e-4,
                "{row:?}"
            );
        }
    }

    #[test]
    fn growing_repeats_and_keeps_the_mean() {
        assert_eq!(
            resize_square(&rgb(1, |_, _| [9, 8, 7]), 1, 3)[..9],
            [9.0; 9]
        );
        for (from, to) in [(31, 48), (47, 48), (49, 48), (200, 48), (1000, 7)] {
            let picture = rgb(from, |y, x| [((x * 7 + y * 13) % 256) as u8, 100, 255]);
            let planes = resize_square(&picture, from, to);
            let mean = |v: &mut dyn Iterator<Item = f32>, n: usize| {
                v.map(f64::from).sum::<f64>() / n as f64
            };
            let before = mean(
                &mut picture.iter().step_by(3).map(|v| f32::from(*v)),
                from * from,
            );
            let after = mean(&mut planes[..to * to].iter().copied(), to * to);
            assert!(
                (before - after).abs() < 0.02,
                "{from} to {to}: {before} {after}"
            );
            assert!(
                planes[2 * to * to..]
                    .iter()
                    .all(|v| (v - 255.0).abs() < 1e-3)
            );
            assert!(planes.iter().all(|v| (0.0..=255.001).contains(v)));
        }
    }
}
