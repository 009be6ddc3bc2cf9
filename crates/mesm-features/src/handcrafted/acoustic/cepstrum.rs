//! Mel-frequency cepstral coefficients, with the numbers of `python_speech_features` 0.6.
//!
//! Pre-emphasis 0.97 over the window, Hamming frames, 26 triangles from 0 Hz to half of the sample rate on
//! the HTK mel scale with their corners moved down to frequencies of the transform, natural
//! logarithm, orthonormal cosine transform, sinusoidal lifter of 22. Coefficient 0 is left out: the
//! loudness is a contour of its own.

use std::f64::consts::PI;

use super::log_power;

/// Coefficients kept: 1 to 12.
pub(super) const COEFFICIENTS: usize = 12;
const FILTERS: usize = 26;
const PRE_EMPHASIS: f64 = 0.97;
const LIFTER: f64 = 22.0;
/// Frames to each side that a delta looks at.
const DELTA_REACH: usize = 2;

pub(super) type Cepstrum = [f64; COEFFICIENTS];

pub(super) struct CepstrumPlan {
    /// Places of the triangles' corners in a spectrum: low, peak and high are neighbours.
    corners: [usize; FILTERS + 2],
    /// Lifted cosine transform, `[12, 26]`.
    cosines: [[f64; FILTERS]; COEFFICIENTS],
}

impl CepstrumPlan {
    pub(super) fn new(sample_rate_hz: u32, n_fft: usize) -> Self {
        let rate = f64::from(sample_rate_hz);
        let step = mel_of(rate / 2.0) / (FILTERS + 1) as f64;
        let corner =
            |i: usize| ((n_fft + 1) as f64 * hz_of(i as f64 * step) / rate).floor() as usize;
        Self {
            corners: std::array::from_fn(corner),
            cosines: std::array::from_fn(|row| {
                let order = (row + 1) as f64;
                let lift = 1.0 + LIFTER / 2.0 * (PI * order / LIFTER).sin();
                let scale = lift * (2.0 / FILTERS as f64).sqrt();
                std::array::from_fn(|j| {
                    scale * (PI * order * (j as f64 + 0.5) / FILTERS as f64).cos()
                })
            }),
        }
    }

    /// Coefficients 1 to 12 of the power spectrum of a pre-emphasised frame.
    pub(super) fn coefficients(&self, power: &[f64]) -> Cepstrum {
        let logs: [f64; FILTERS] = std::array::from_fn(|j| log_power(self.filtered(j, power)));
        std::array::from_fn(|row| {
            let products = self.cosines[row].iter().zip(&logs).map(|(c, log)| c * log);
            products.sum()
        })
    }

    fn filtered(&self, filter: usize, power: &[f64]) -> f64 {
        let [low, peak, high] = [0, 1, 2].map(|k| self.corners[filter + k]);
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        let rise = (low..peak).map(|i| share(i - low, peak - low) * power[i]);
        let fall = (peak..high).map(|i| share(high - i, high - peak) * power[i]);
        rise.chain(fall).sum()
    }
}

/// Each sample less 0.97 of the one before; the first stays.
pub(super) fn pre_emphasised(block: &[f64]) -> Vec<f64> {
    let rest = block
        .windows(2)
        .map(|pair| pair[1] - PRE_EMPHASIS * pair[0]);
    block.iter().take(1).copied().chain(rest).collect()
}

/// Slope of each coefficient over five frames by least squares; beyond the ends the first and the last
/// frame go on.
pub(super) fn deltas(frames: &[Cepstrum]) -> Vec<Cepstrum> {
    let weight: usize = 2 * (1..=DELTA_REACH).map(|k| k * k).sum::<usize>();
    (0..frames.len())
        .map(|t| {
            std::array::from_fn(|c| {
                let rise = (1..=DELTA_REACH).map(|k| {
                    let after = frames[(t + k).min(frames.len() - 1)][c];
                    k as f64 * (after - frames[t.saturating_sub(k)][c])
                });
                rise.sum::<f64>() / weight as f64
            })
        })
        .collect()
}

/// Euclidean length of a set of coefficients.
pub(super) fn length(cepstrum: &Cepstrum) -> f64 {
    cepstrum.iter().map(|c| c * c).sum::<f64>().sqrt()
}

fn mel_of(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn hz_of(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_spectrum_of_any_loudness_has_no_shape() {
        let plan = CepstrumPlan::new(16_000, 512);
        let silent = plan.coefficients(&[0.0; 257]);
        assert!(silent.iter().all(|c| c.abs() < 1e-9), "{silent:?}");
        let (quiet, loud) = (
            plan.coefficients(&[1e-3; 257]),
            plan.coefficients(&[10.0; 257]),
        );
        for (a, b) in quiet.iter().zip(&loud) {
            assert!((a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn corners_rise_at_every_rate() {
        for rate in [8_000u32, 11_025, 16_000, 44_100, 48_000] {
            let n_fft = ((rate / 40) as usize).next_power_of_two();
            let plan = CepstrumPlan::new(rate, n_fft);
            assert!(plan.corners.is_sorted(), "{rate}");
            assert_eq!(plan.corners[FILTERS + 1], n_fft / 2);
        }
    }

    #[test]
    fn deltas_of_a_ramp_are_its_slope() {
        let frames: Vec<Cepstrum> = (0..7).map(|t| [3.0 * f64::from(t); COEFFICIENTS]).collect();
        let slopes: Vec<f64> = deltas(&frames).iter().map(|delta| delta[4]).collect();
        // At the ends: (1 * 3 + 2 * 6) / 10, and (2 * 3 ... 2 * 9) / 10.
        let expected = [1.5, 2.4, 3.0, 3.0, 3.0, 2.4, 1.5];
        for (got, expected) in slopes.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-12, "{slopes:?}");
        }
        assert!((length(&[2.0; COEFFICIENTS]) - 48f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn emphasis_takes_the_level_away() {
        let out = pre_emphasised(&[1.0, 1.0, 2.0]);
        assert!((out[0] - 1.0).abs() < 1e-12 && (out[1] - 0.03).abs() < 1e-12);
        assert!((out[2] - 1.03).abs() < 1e-12);
        assert!(pre_emphasised(&[]).is_empty());
    }
}
