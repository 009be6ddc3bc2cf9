//! What microphone and line do to a voice: loudness and band.

use std::f64::consts::{FRAC_1_SQRT_2, TAU};

use crate::media::VOICE_RATE_HZ;

/// Half of the sample rate: the highest tone there is.
pub(super) const HIGHEST_HZ: f32 = VOICE_RATE_HZ as f32 / 2.0;
/// A cut-off nearer to that than this share cuts nothing.
const NEAR: f64 = 0.98;

/// Louder by that many decibels, quieter below 0; clipped at full scale.
pub(super) fn gain(samples: &mut [f32], decibels: f32) {
    let factor = 10f32.powf(decibels / 20.0);
    for sample in samples {
        *sample = (*sample * factor).clamp(-1.0, 1.0);
    }
}

/// A Butterworth low-pass of second order: 3 dB down at `cutoff_hz`, 12 dB more an octave above.
///
/// The bilinear transform with the cut-off in its place, after R. Bristow-Johnson's "Audio EQ Cookbook".
pub(super) fn low_pass(samples: &mut [f32], cutoff_hz: f32) {
    let turn = f64::from(cutoff_hz) / f64::from(VOICE_RATE_HZ);
    if turn >= NEAR / 2.0 {
        return;
    }
    let (sin, cos) = (TAU * turn).sin_cos();
    let alpha = sin * FRAC_1_SQRT_2;
    let a0 = 1.0 + alpha;
    let (b0, b1) = ((1.0 - cos) / 2.0 / a0, (1.0 - cos) / a0);
    let (a1, a2) = (-2.0 * cos / a0, (1.0 - alpha) / a0);
    // What the two last samples leave for the next ones.
    let (mut first, mut second) = (0.0, 0.0);
    for sample in samples {
        let x = f64::from(*sample);
        let y = b0 * x + first;
        first = b1 * x - a1 * y + second;
        second = b0 * x - a2 * y;
        *sample = y.clamp(-1.0, 1.0) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f64) -> Vec<f32> {
        (0..16_000)
            .map(|i| (0.5 * (TAU * hz * f64::from(i) / 16_000.0).sin()) as f32)
            .collect()
    }

    /// Decibels that a tone loses, its beginning left out.
    fn loss_db(hz: f64, cutoff_hz: f32) -> f64 {
        let mut samples = tone(hz);
        low_pass(&mut samples, cutoff_hz);
        let power = |s: &[f32]| s[2000..].iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        10.0 * (power(&tone(hz)) / power(&samples)).log10()
    }

    #[test]
    fn low_tones_pass_and_high_ones_do_not() {
        for cutoff_hz in [500.0, 1000.0, 3000.0] {
            let hz = f64::from(cutoff_hz);
            assert!(loss_db(hz / 8.0, cutoff_hz) < 0.05);
            assert!((loss_db(hz, cutoff_hz) - 3.01).abs() < 0.1);
            assert!(loss_db(2.0 * hz, cutoff_hz) > 11.0);
        }
    }

    #[test]
    fn at_the_highest_tone_nothing_is_cut() {
        let mut samples = tone(7000.0);
        low_pass(&mut samples, HIGHEST_HZ);
        assert_eq!(samples, tone(7000.0));
    }

    #[test]
    fn six_decibels_are_about_a_factor_of_two() {
        let mut samples = vec![0.25, -0.1, 0.9];
        gain(&mut samples, 6.0206);
        assert!((samples[0] - 0.5).abs() < 1e-4 && (samples[1] + 0.2).abs() < 1e-4);
        assert!((samples[2] - 1.0).abs() < f32::EPSILON);
        gain(&mut samples, -6.0206);
        assert!((samples[0] - 0.25).abs() < 1e-4);
    }
}
