//! What a cheap camera and a call do to a picture: softness, noise, JPEG.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat, ImageResult};
use rand::Rng;

use super::super::draw::normal;
use crate::media::FACE_SIDE;

/// Largest standard deviation of a blur, in pixels.
pub(super) const MAX_SIGMA: f32 = 3.0;
const PLANE: usize = FACE_SIDE * FACE_SIDE;

/// A Gaussian blur; the border is repeated.
pub(super) fn blur(face: &mut [f32], sigma: f32) {
    let weights = half_kernel(sigma);
    let mut line = [0.0; FACE_SIDE];
    for plane in face.chunks_exact_mut(PLANE) {
        for row in plane.chunks_exact_mut(FACE_SIDE) {
            line.copy_from_slice(row);
            row.iter_mut()
                .enumerate()
                .for_each(|(x, v)| *v = weighted(&line, x, &weights));
        }
        for x in 0..FACE_SIDE {
            line.iter_mut()
                .enumerate()
                .for_each(|(y, v)| *v = plane[y * FACE_SIDE + x]);
            for y in 0..FACE_SIDE {
                plane[y * FACE_SIDE + x] = weighted(&line, y, &weights);
            }
        }
    }
}

/// The weights of a pixel itself and of those at distance 1, 2, ... to either side, up to three deviations; together
/// they are 1.
fn half_kernel(sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma.min(MAX_SIGMA)).ceil() as usize;
    let mut weights: Vec<f32> = (0..=reach)
        .map(|d| (-(d as f32 / sigma).powi(2) / 2.0).exp())
        .collect();
    let sum = 2.0 * weights.iter().sum::<f32>() - weights[0];
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

fn weighted(line: &[f32; FACE_SIDE], at: usize, weights: &[f32]) -> f32 {
    let sides = weights.iter().enumerate().skip(1).map(|(d, w)| {
        let (before, after) = (at.saturating_sub(d), (at + d).min(FACE_SIDE - 1));
        w * (line[before] + line[after])
    });
    (weights[0] * line[at] + sides.sum::<f32>()).clamp(0.0, 255.0)
}

/// Noise of that standard deviation, every value on its own, cut at black and white.
pub(super) fn noise<R: Rng + ?Sized>(face: &mut [f32], std: f32, rng: &mut R) {
    for value in face {
        *value = (*value + std * normal(rng)).clamp(0.0, 255.0);
    }
}

/// Through a JPEG file of that quality (1 to 100) and back: blocks, ringing, coarse colours, whole values.
pub(super) fn jpeg(face: &mut [f32], quality: u8) {
    if let Err(error) = through_jpeg(face, quality) {
        // Memory takes any number of bytes, and what the encoder writes the decoder reads; should this ever not hold, the
        // face is as good without.
        tracing::error!(%error, quality, "a face could not be encoded as JPEG, it stays as it is");
    }
}

fn through_jpeg(face: &mut [f32], quality: u8) -> ImageResult<()> {
    let mut rgb = vec![0u8; face.len()];
    for (channel, plane) in face.chunks_exact(PLANE).enumerate() {
        for (pixel, value) in rgb.chunks_exact_mut(3).zip(plane) {
            pixel[channel] = value.round() as u8;
        }
    }
    let side = FACE_SIDE as u32;
    let mut file = Vec::new();
    JpegEncoder::new_with_quality(&mut file, quality).encode(
        &rgb,
        side,
        side,
        ExtendedColorType::Rgb8,
    )?;
    let decoded = image::load_from_memory_with_format(&file, ImageFormat::Jpeg)?.into_rgb8();
    for (channel, plane) in face.chunks_exact_mut(PLANE).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(decoded.pixels()) {
            *value = f32::from(pixel.0[channel]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::FACE_VALUES;
    use crate::seed::rng;

    fn mean(values: &[f32]) -> f64 {
        values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64
    }

    fn deviation(values: &[f32]) -> f64 {
        let mean = mean(values);
        let squares: f64 = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum();
        (squares / values.len() as f64).sqrt()
    }

    /// A point spreads into the bell that was asked for, in both directions, and nothing is lost.
    #[test]
    fn a_point_becomes_a_bell() {
        for sigma in [0.5f32, 1.0, 2.0] {
            let mut face = vec![0.0; FACE_VALUES];
            face[24 * FACE_SIDE + 24] = 255.0;
            blur(&mut face, sigma);
            let plane = &face[..PLANE];
            assert!((plane.iter().sum::<f32>() - 255.0).abs() < 0.1);
            let spread = |place: fn(usize) -> usize| {
                let moments = plane
                    .iter()
                    .enumerate()
                    .map(|(i, v)| v * (place(i) as f32 - 24.0).powi(2));
                (moments.sum::<f32>() / 255.0).sqrt()
            };
            assert!((spread(|i| i / FACE_SIDE) - sigma).abs() < 0.06, "{sigma}");
            assert!((spread(|i| i % FACE_SIDE) - sigma).abs() < 0.06, "{sigma}");
            assert!(face[PLANE..].iter().all(|v| *v == 0.0));
        }
    }

    #[test]
    fn a_flat_face_stays_flat_under_blur() {
        let mut face = vec![200.0; FACE_VALUES];
        blur(&mut face, 3.0);
        assert!(face.iter().all(|v| (v - 200.0).abs() < 0.01));
    }

    #[test]
    fn noise_has_the_deviation_asked_for_and_no_bias() {
        let mut face = vec![128.0; FACE_VALUES];
        noise(&mut face, 10.0, &mut rng(1, &[]));
        assert!((deviation(&face) - 10.0).abs() < 0.4);
        assert!((mean(&face) - 128.0).abs() < 0.5);
    }

    #[test]
    fn jpeg_is_nearer_with_more_quality() {
        let before: Vec<f32> = (0..FACE_VALUES)
            .map(|i| 128.0 + 80.0 * ((i % FACE_SIDE) as f32 / 3.0).sin())
            .collect();
        let errors = [5, 40, 95].map(|quality| {
            let mut face = before.clone();
            jpeg(&mut face, quality);
            let off: Vec<f32> = face.iter().zip(&before).map(|(a, b)| a - b).collect();
            deviation(&off)
        });
        assert!(errors[0] > errors[1] && errors[1] > errors[2], "{errors:?}");
        assert!(errors[2] < 3.0 && errors[2] > 0.0, "{errors:?}");
    }
}
