//! Changes of the sample rate, by the rubato crate.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, PolynomialDegree, Resampler, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

use super::MediaError;
use super::recording::{Recording, VOICE_RATE_HZ};

/// Length of the interpolating filter at the lower of the two rates, in samples: the passband ends 6 % below half of
/// that rate.
const FILTER_SAMPLES: usize = 128;
/// Samples handed to the resampler at once.
const CHUNK: usize = 1024;

/// The samples at 16 kHz; those that have that rate are left alone.
pub(super) fn to_voice_rate(recording: Recording) -> Result<Vec<f32>, MediaError> {
    let Recording { rate_hz, mono } = recording;
    if rate_hz == VOICE_RATE_HZ {
        return Ok(mono);
    }
    let parameters =
        SincInterpolationParameters::new(FILTER_SAMPLES, WindowFunction::BlackmanHarris2)
            .interpolation(SincInterpolationType::Cubic);
    let ratio = f64::from(VOICE_RATE_HZ) / f64::from(rate_hz);
    let resampler = Async::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input)
        .map_err(|e| failed(&e))?;
    resample(resampler, &mono)
}

/// Samples at 16 kHz, `factor` times as fast and as high, interpolated by polynomials: quick, and tones that rise beyond
/// half of the rate come back from there, which for a little more speed are faint.
pub(crate) fn at_speed(samples: &[f32], factor: f32) -> Result<Vec<f32>, MediaError> {
    let ratio = 1.0 / f64::from(factor);
    let degree = PolynomialDegree::Septic;
    let resampler =
        Async::new_poly(ratio, 1.0, degree, CHUNK, 1, FixedAsync::Input).map_err(|e| failed(&e))?;
    resample(resampler, samples)
}

/// `mono` through `resampler`, without the resampler's delay.
fn resample(mut resampler: Async<f32>, mono: &[f32]) -> Result<Vec<f32>, MediaError> {
    let source = InterleavedSlice::new(mono, 1, mono.len()).map_err(|e| failed(&e))?;
    let target = resampler
        .process_all(&source, mono.len(), None)
        .map_err(|e| failed(&e))?;
    Ok(target.take_data())
}

fn failed(e: &dyn std::fmt::Display) -> MediaError {
    MediaError::Sound {
        reason: format!("its rate cannot be changed: {e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    fn tone(rate_hz: u32, hz: f64, seconds: f64) -> Recording {
        let count = (f64::from(rate_hz) * seconds) as usize;
        let mono = (0..count)
            .map(|i| (0.5 * (TAU * hz * i as f64 / f64::from(rate_hz)).sin()) as f32)
            .collect();
        Recording { rate_hz, mono }
    }

    #[test]
    fn sixteen_thousand_is_left_alone() {
        let before = tone(16_000, 440.0, 0.1);
        assert_eq!(to_voice_rate(before.clone()).unwrap(), before.mono);
    }

    /// A tone of 1 kHz: its loudness, and how many samples it comes late.
    fn loudness_and_lag(samples: &[f32]) -> (f64, f64) {
        // Whole periods, away from the ends, which reach into silence.
        let inner = samples[160..7840].iter().enumerate();
        let (sin, cos) = inner.fold((0.0, 0.0), |(sin, cos), (i, s)| {
            let (a, b) = (TAU / 16.0 * i as f64).sin_cos();
            (sin + f64::from(*s) * a, cos + f64::from(*s) * b)
        });
        (
            f64::hypot(sin, cos) * 2.0 / 7680.0,
            -f64::atan2(cos, sin) / TAU * 16.0,
        )
    }

    /// The tone is as loud as it was, and where it was but for one sample: the resampler begins with its second one.
    #[test]
    fn tones_keep_their_place() {
        let (loudness, lag) = loudness_and_lag(&tone(16_000, 1000.0, 0.5).mono);
        assert!((loudness - 0.5).abs() < 1e-5 && lag.abs() < 1e-5);
        for rate_hz in [8_000, 11_025, 22_050, 44_100, 48_000, 192_000, 47_999] {
            let after = to_voice_rate(tone(rate_hz, 1000.0, 0.5)).unwrap();
            assert!(
                after.len().abs_diff(8000) <= 1,
                "{rate_hz}: {}",
                after.len()
            );
            let (loudness, lag) = loudness_and_lag(&after);
            assert!(
                (loudness - 0.5).abs() < 2e-3,
                "{rate_hz}: loudness {loudness}"
            );
            assert!(lag.abs() < 1.1, "{rate_hz}: {lag} samples late");
        }
    }

    /// What 16 kHz cannot hold is gone, not folded down.
    #[test]
    fn high_tones_do_not_alias() {
        let after = to_voice_rate(tone(48_000, 11_000.0, 0.5)).unwrap();
        let loudest = after[200..7800].iter().fold(0f32, |m, v| m.max(v.abs()));
        assert!(loudest < 1e-3, "{loudest}");
    }

    #[test]
    fn very_short_sounds_have_their_length() {
        for count in [1, 2, 3, 100] {
            let recording = Recording {
                rate_hz: 48_000,
                mono: vec![0.1; count],
            };
            assert_eq!(to_voice_rate(recording).unwrap().len(), count.div_ceil(3));
        }
    }
}
