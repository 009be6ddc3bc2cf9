//! Pitch and voicing of a frame by normalised cross-correlation.
//!
//! After Talkin 1995, "A Robust Algorithm for Pitch Tracking (RAPT)", its first half: the stretch at the frame's
//! start is compared with stretches of the same length further on. Every lag is weighed on its own energy, so a
//! rising voice is as periodic as a level one. RAPT's search for the best path through all frames is left out: frames
//! are judged one by one.

/// Lowest and highest pitch looked for, hertz: deep and shouting voices.
const RANGE_HZ: (f64, f64) = (75.0, 500.0);

/// How much a correlation at the longest lag counts less than one at lag 0. Twice a period
/// correlates as well as one, and the shorter lag is meant (RAPT: `LAG_WT`).
const LAG_WEIGHT: f64 = 0.3;

/// Mean power below which nothing is periodic.
const QUIET: f64 = super::FLOOR;

/// The best period of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pitch {
    /// Cycles a second.
    pub(super) f0_hz: f64,
    /// Correlation with the next period, 0 to 1.
    pub(super) strength: f64,
}

pub(super) struct PitchSearch {
    rate_hz: f64,
    min_lag: usize,
    max_lag: usize,
    /// Samples compared: what a frame has beside its longest lag.
    compared: usize,
}

impl PitchSearch {
    /// A search in frames of `frame` samples.
    pub(super) fn new(sample_rate_hz: u32, frame: usize) -> Self {
        let rate_hz = f64::from(sample_rate_hz);
        let max_lag = (rate_hz / RANGE_HZ.0).ceil() as usize;
        Self {
            rate_hz,
            min_lag: (rate_hz / RANGE_HZ.1).floor() as usize,
            max_lag,
            compared: frame - (max_lag + 1),
        }
    }

    /// The pitch of a frame; none where no lag stands out.
    pub(super) fn pitch(&self, frame: &[f64]) -> Option<Pitch> {
        let mean = frame.iter().sum::<f64>() / frame.len() as f64;
        let level: Vec<f64> = frame.iter().map(|sample| sample - mean).collect();
        let first = self.min_lag - 1;
        let correlations: Vec<f64> = (first..=self.max_lag + 1)
            .map(|lag| self.correlation(&level, lag))
            .collect();
        let mut best: Option<(f64, Pitch)> = None;
        for (i, around) in correlations.windows(3).enumerate() {
            let [before, here, after] = [around[0], around[1], around[2]];
            if here <= 0.0 || here <= before || here < after {
                continue;
            }
            let lag = (first + i + 1) as f64;
            let score = here * (1.0 - LAG_WEIGHT * lag / self.max_lag as f64);
            if best.is_none_or(|(highest, _)| score > highest) {
                let (offset, height) = vertex(before, here, after);
                let pitch = Pitch {
                    f0_hz: self.rate_hz / (lag + offset),
                    strength: height.clamp(0.0, 1.0),
                };
                best = Some((score, pitch));
            }
        }
        best.map(|(_, pitch)| pitch)
    }

    /// -1 to 1; towards 0 where there is hardly a sound.
    fn correlation(&self, level: &[f64], lag: usize) -> f64 {
        let here = &level[..self.compared];
        let later = &level[lag..lag + self.compared];
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let quiet = QUIET * self.compared as f64;
        dot(here, later) / ((dot(here, here) + quiet) * (dot(later, later) + quiet)).sqrt()
    }
}

/// Place (relative to the middle) and height of the top of the parabola through three points, of
/// which the middle one is above the first and not below the last.
fn vertex(before: f64, here: f64, after: f64) -> (f64, f64) {
    let offset = 0.5 * (before - after) / (before - 2.0 * here + after);
    (offset, here - 0.25 * (before - after) * offset)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    fn tone(hz: f64, harmonics: u32, rate: f64) -> Vec<f64> {
        let frame = (rate / 40.0) as u32;
        (0..frame)
            .map(|i| {
                let phase = TAU * hz * f64::from(i) / rate;
                (1..=harmonics)
                    .map(|k| (f64::from(k) * phase).sin() / f64::from(k))
                    .sum()
            })
            .collect()
    }

    #[test]
    fn voices_from_deep_to_high() {
        for rate in [8_000u32, 16_000, 44_100] {
            let search = PitchSearch::new(rate, (rate / 40) as usize);
            for hz in [82.0, 120.0, 211.3, 330.0, 470.0] {
                for harmonics in [1, 6] {
                    let pitch = search.pitch(&tone(hz, harmonics, f64::from(rate))).unwrap();
                    let error = (pitch.f0_hz / hz - 1.0).abs();
                    assert!(error < 0.01, "{hz} Hz at {rate}: {pitch:?}");
                    assert!(pitch.strength > 0.97, "{hz} Hz at {rate}: {pitch:?}");
                }
            }
        }
    }

    #[test]
    fn a_fading_voice_is_as_periodic() {
        let search = PitchSearch::new(16_000, 400);
        let mut fading = tone(150.0, 5, 16_000.0);
        for (i, sample) in fading.iter_mut().enumerate() {
            *sample *= (-(i as f64) / 200.0).exp();
        }
        let pitch = search.pitch(&fading).unwrap();
        assert!((pitch.f0_hz - 150.0).abs() < 3.0, "{pitch:?}");
        assert!(pitch.strength > 0.95, "{pitch:?}");
    }

    #[test]
    fn what_is_no_voice_has_no_pitch() {
        let search = PitchSearch::new(16_000, 400);
        assert_eq!(search.pitch(&[0.0; 400]), None);
        assert_eq!(search.pitch(&[0.7; 400]), None);
        let drift: Vec<f64> = (0..400).map(|i| f64::from(i) / 400.0).collect();
        let strength = search.pitch(&drift).map_or(0.0, |pitch| pitch.strength);
        assert!(strength < 0.5, "{strength}");
        // A tone far below the last bit of 16.
        let faint: Vec<f64> = tone(150.0, 1, 16_000.0).iter().map(|s| s * 1e-7).collect();
        let strength = search.pitch(&faint).map_or(0.0, |pitch| pitch.strength);
        assert!(strength < 0.01, "{strength}");
    }
}
