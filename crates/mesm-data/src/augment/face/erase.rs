//! Random erasing: a hand, hair, a microphone before the face.

use rand::Rng;

use super::super::draw::{around, between, up_to};
use crate::media::FACE_SIDE;

/// Smallest rectangle, as a share of the face.
const LEAST_AREA: f32 = 0.02;
/// Largest logarithm of height over width: a ratio of 3.
const MAX_LOG_RATIO: f32 = 1.1;

/// Covers a rectangle of up to `area` of the face, anywhere in it, with one colour.
pub(super) fn erase<R: Rng + ?Sized>(face: &mut [f32], area: f32, rng: &mut R) {
    let pixels = between(LEAST_AREA.min(area), area, rng) * (FACE_SIDE * FACE_SIDE) as f32;
    let ratio = around(MAX_LOG_RATIO, rng).exp();
    let side = |length: f32| (length as usize).clamp(1, FACE_SIDE);
    let (height, width) = (side((pixels * ratio).sqrt()), side((pixels / ratio).sqrt()));
    let top = up_to(FACE_SIDE - height, rng);
    let left = up_to(FACE_SIDE - width, rng);
    for plane in face.chunks_exact_mut(FACE_SIDE * FACE_SIDE) {
        let colour = between(0.0, 255.0, rng);
        for row in plane.chunks_exact_mut(FACE_SIDE).skip(top).take(height) {
            row[left..left + width].fill(colour);
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "one value is copied")]
mod tests {
    use super::*;
    use crate::media::FACE_VALUES;
    use crate::seed::rng;

    /// What is covered is a rectangle of one colour, the same in all channels, no larger than asked for.
    #[test]
    fn one_rectangle_is_covered() {
        const PLANE: usize = FACE_SIDE * FACE_SIDE;
        let mut largest = 0;
        for item in 0..200 {
            let mut face = vec![-1.0; FACE_VALUES];
            erase(&mut face, 0.2, &mut rng(1, &[item]));
            let covered: Vec<usize> = (0..PLANE).filter(|i| face[*i] >= 0.0).collect();
            let rows = covered.iter().map(|i| i / FACE_SIDE);
            let columns = covered.iter().map(|i| i % FACE_SIDE);
            let height = rows.clone().max().unwrap() - rows.min().unwrap() + 1;
            let width = columns.clone().max().unwrap() - columns.min().unwrap() + 1;
            assert_eq!(covered.len(), height * width);
            assert!(covered.len() as f32 <= 0.2 * PLANE as f32);
            for channel in 0..3 {
                let values = covered.iter().map(|i| face[channel * PLANE + i]);
                let first = face[channel * PLANE + covered[0]];
                assert!((0.0..=255.0).contains(&first) && values.clone().all(|v| v == first));
            }
            largest = largest.max(covered.len());
        }
        assert!(largest as f32 > 0.15 * PLANE as f32, "{largest}");
    }
}
