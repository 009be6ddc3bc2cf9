//! Noise of a room.

use rand::Rng;

use super::super::draw::normal;

/// Adds noise `snr_db` decibels below the mean power of the samples. Where they are silent it adds nothing.
///
/// A noise sample is `darkness` times the one before it plus a normal number: white at 0, falling towards high tones the
/// more the nearer to 1. Its power is measured, not expected: short utterances have the ratio too.
pub(super) fn add<R: Rng + ?Sized>(samples: &mut [f32], snr_db: f32, darkness: f32, rng: &mut R) {
    let mut last = 0.0;
    let noise: Vec<f32> = samples
        .iter()
        .map(|_| {
            last = darkness * last + normal(rng);
            last
        })
        .collect();
    let wanted = power(samples) / 10f64.powf(f64::from(snr_db) / 10.0);
    let found = power(&noise);
    if found <= 0.0 {
        return;
    }
    let scale = (wanted / found).sqrt() as f32;
    for (sample, noise) in samples.iter_mut().zip(noise) {
        *sample = (*sample + scale * noise).clamp(-1.0, 1.0);
    }
}

/// Mean square.
fn power(samples: &[f32]) -> f64 {
    let squares: f64 = samples.iter().map(|s| f64::from(*s).powi(2)).sum();
    squares / samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::rng;

    fn voice() -> Vec<f32> {
        (0..16_000).map(|i| 0.1 * (i as f32 * 0.05).sin()).collect()
    }

    fn noise(snr_db: f32, darkness: f32) -> Vec<f32> {
        let mut samples = voice();
        add(&mut samples, snr_db, darkness, &mut rng(2, &[]));
        samples.iter().zip(voice()).map(|(a, b)| a - b).collect()
    }

    #[test]
    fn the_ratio_is_what_was_asked_for() {
        for snr_db in [0.0, 10.0, 35.0] {
            for darkness in [0.0, 0.9] {
                let ratio = power(&voice()) / power(&noise(snr_db, darkness));
                let found = 10.0 * ratio.log10();
                assert!(
                    (found - f64::from(snr_db)).abs() < 0.05,
                    "{snr_db} {darkness}: {found}"
                );
            }
        }
    }

    /// Neighbouring samples of dark noise are alike; white ones have nothing in common.
    #[test]
    fn dark_noise_has_fewer_high_tones() {
        let likeness = |noise: &[f32]| {
            let products: f64 = noise.windows(2).map(|w| f64::from(w[0] * w[1])).sum();
            products / noise.len() as f64 / power(noise)
        };
        assert!(likeness(&noise(10.0, 0.0)).abs() < 0.05);
        assert!((likeness(&noise(10.0, 0.8)) - 0.8).abs() < 0.05);
    }

    #[test]
    fn silence_stays_silent() {
        let mut samples = vec![0.0; 1000];
        add(&mut samples, 10.0, 0.5, &mut rng(2, &[]));
        assert!(samples.iter().all(|s| *s == 0.0));
    }
}
