//! Light and exposure: exponent, brightness, contrast.

use crate::media::FACE_SIDE;

const WHITE: f32 = 255.0;

/// `255 (v / 255)^exponent`. Values between whole numbers are interpolated from a table: a power for every value would
/// cost more than all other changes together.
pub(super) fn gamma(face: &mut [f32], exponent: f32) {
    let table: [f32; 257] =
        std::array::from_fn(|v| WHITE * (v.min(255) as f32 / WHITE).powf(exponent));
    for value in face {
        let whole = *value as usize;
        let low = table[whole.min(255)];
        *value = low + (table[whole.min(255) + 1] - low) * (*value - whole as f32);
    }
}

/// `factor v`, at most white.
pub(super) fn brightness(face: &mut [f32], factor: f32) {
    for value in face {
        *value = (*value * factor).clamp(0.0, WHITE);
    }
}

/// `mean + factor (v - mean)` with the mean brightness of the face, as cameras and picture programs have it.
pub(super) fn contrast(face: &mut [f32], factor: f32) {
    let mean = mean_brightness(face);
    for value in face {
        *value = (mean + (*value - mean) * factor).clamp(0.0, WHITE);
    }
}

/// Mean over the pixels of `0.299 R + 0.587 G + 0.114 B`.
fn mean_brightness(face: &[f32]) -> f32 {
    const PLANE: usize = FACE_SIDE * FACE_SIDE;
    let sum = |channel: usize| {
        face[channel * PLANE..(channel + 1) * PLANE]
            .iter()
            .sum::<f32>()
    };
    (0.299 * sum(0) + 0.587 * sum(1) + 0.114 * sum(2)) / PLANE as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FACE_VALUES;

    fn ramp() -> Vec<f32> {
        (0..FACE_VALUES).map(|i| (i % 511) as f32 / 2.0).collect()
    }

    #[test]
    fn gamma_follows_the_power_and_keeps_black_and_white() {
        for exponent in [0.5, 1.0, 1.7] {
            let mut face = ramp();
            gamma(&mut face, exponent);
            for (after, before) in face.iter().zip(ramp()) {
                let expected = WHITE * (before / WHITE).powf(exponent);
                // Near black the root bends too much for the table.
                let allowed = match before {
                    ..1.0 => 4.5,
                    ..8.0 => 0.5,
                    _ => 0.1,
                };
                assert!(
                    (after - expected).abs() < allowed,
                    "{before}: {after} {expected}"
                );
            }
            let mut ends = vec![0.0, WHITE];
            gamma(&mut ends, exponent);
            assert!(ends[0].abs() < 1e-6 && (ends[1] - WHITE).abs() < 1e-4);
        }
    }

    #[test]
    fn brightness_is_a_factor_below_white() {
        let mut face = vec![0.0, 100.0, 200.0];
        brightness(&mut face, 1.5);
        assert_eq!(face, [0.0, 150.0, 255.0]);
    }

    #[test]
    fn contrast_keeps_the_mean_and_scales_the_spread() {
        let mut face: Vec<f32> = (0..FACE_VALUES).map(|i| 100.0 + (i % 48) as f32).collect();
        let before = mean_brightness(&face);
        contrast(&mut face, 0.5);
        assert!((mean_brightness(&face) - before).abs() < 0.01);
        assert!((face[47] - face[0] - 23.5).abs() < 1e-3);
        contrast(&mut face, 0.0);
        assert!(face.iter().all(|v| (v - before).abs() < 0.01));
    }
}
