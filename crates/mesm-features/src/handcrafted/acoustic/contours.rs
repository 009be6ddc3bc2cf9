//! Eighteen contours of a window: what stands in for the originals' 18 phonological classes.

use super::cepstrum::{Cepstrum, deltas, length};
use super::log_power;
use super::pitch::{Pitch, PitchSearch};
use super::shape::{Shape, ShapePlan};

pub(super) const CONTOURS: usize = 18;

/// Correlation with the next period from which on a frame is voiced.
const VOICED: f64 = 0.5;

/// Amplitudes up to this one count as 0 where zero crossings are counted (as in librosa).
const ZERO: f64 = 1e-10;

/// The harmonicity ends at 40 dB either way: beyond, a periodic sound is a tone.
const HARMONICITY_LIMIT: f64 = 1e-4;

/// The contours of a window, in the order of the names: of the samples log energy, zero crossings per sample, pitch
/// (hertz), voicing (0 to 1), harmonicity (dB), jitter and shimmer (relative change from one voiced frame
/// to the next); of the spectra what [`Shape`] tells, and their flux; of the cepstra the length of
/// first and second deltas.
///
/// `frames` are `[frames][frame]` samples, `powers` their spectra, `cepstra` their coefficients. Contours have one
/// value a frame, but pitch has none and harmonicity has none where a frame is unvoiced; jitter and shimmer have one
/// for every two neighbours that are voiced, flux one for every two.
pub(super) fn contours(
    pitch: &PitchSearch,
    shape: &ShapePlan,
    frames: &[&[f64]],
    powers: &[Vec<f64>],
    cepstra: &[Cepstrum],
) -> [Vec<f64>; CONTOURS] {
    let pitches: Vec<Option<Pitch>> = frames.iter().map(|frame| pitch.pitch(frame)).collect();
    let strengths: Vec<f64> = pitches
        .iter()
        .map(|found| found.map_or(0.0, |pitch| pitch.strength))
        .collect();
    let voiced: Vec<Option<Pitch>> = pitches
        .iter()
        .map(|found| found.filter(|pitch| pitch.strength >= VOICED))
        .collect();
    let heard = || voiced.iter().flatten();
    let periods = frames.iter().zip(&voiced);
    let periods = periods.map(|(frame, pitch)| pitch.map(|p| (1.0 / p.f0_hz, peak(frame))));
    let (jitter, shimmer) = perturbations(&periods.collect::<Vec<_>>());
    let shapes: Vec<Shape> = powers.iter().map(|power| shape.shape(power)).collect();
    let of = |value: fn(&Shape) -> f64| shapes.iter().map(value).collect::<Vec<f64>>();
    let first = deltas(cepstra);
    let second = deltas(&first);
    [
        frames.iter().map(|frame| log_energy(frame)).collect(),
        frames.iter().map(|frame| zero_crossings(frame)).collect(),
        heard().map(|pitch| pitch.f0_hz).collect(),
        strengths,
        heard().map(|pitch| harmonicity(pitch.strength)).collect(),
        jitter,
        shimmer,
        of(|shape| shape.centroid),
        of(|shape| shape.bandwidth),
        of(|shape| shape.roll_off),
        of(|shape| shape.flatness),
        of(|shape| shape.entropy),
        of(|shape| shape.slope),
        of(|shape| shape.alpha_ratio),
        of(|shape| shape.hammarberg),
        powers
            .windows(2)
            .map(|pair| flux(&pair[0], &pair[1]))
            .collect(),
        first.iter().map(length).collect(),
        second.iter().map(length).collect(),
    ]
}

/// Logarithm of the mean power.
fn log_energy(frame: &[f64]) -> f64 {
    log_power(frame.iter().map(|s| s * s).sum::<f64>() / frame.len() as f64)
}

/// Changes of sign by samples.
fn zero_crossings(frame: &[f64]) -> f64 {
    let below = |sample: f64| sample < -ZERO;
    let pairs = frame.windows(2);
    let changes = pairs
        .filter(|pair| below(pair[0]) != below(pair[1]))
        .count();
    changes as f64 / frame.len() as f64
}

fn peak(frame: &[f64]) -> f64 {
    frame
        .iter()
        .fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Power of the periodic part by that of the rest, decibels (Boersma 1993, equation 4).
fn harmonicity(strength: f64) -> f64 {
    let share = strength.clamp(HARMONICITY_LIMIT, 1.0 - HARMONICITY_LIMIT);
    10.0 * (share / (1.0 - share)).log10()
}

/// Relative changes of period and peak between neighbouring voiced frames. The names are those of
/// the measures from one period to the next; a frame holds a few of them.
fn perturbations(frames: &[Option<(f64, f64)>]) -> (Vec<f64>, Vec<f64>) {
    let change = |a: f64, b: f64| {
        if a + b > 0.0 {
            2.0 * (a - b).abs() / (a + b)
        } else {
            0.0
        }
    };
    let both = frames
        .windows(2)
        .filter_map(|pair| Some((pair[0]?, pair[1]?)));
    both.map(|((period, peak), (next_period, next_peak))| {
        (change(period, next_period), change(peak, next_peak))
    })
    .unzip()
}

/// Distance of two spectra's magnitudes, each with the sum 1; a silent one is 0 everywhere.
fn flux(before: &[f64], after: &[f64]) -> f64 {
    let sum = |power: &[f64]| power.iter().map(|p| p.sqrt()).sum::<f64>();
    let scale = |total: f64| {
        if total < super::FLOOR {
            0.0
        } else {
            1.0 / total
        }
    };
    let (a, b) = (scale(sum(before)), scale(sum(after)));
    let changes = before.iter().zip(after);
    changes
        .map(|(x, y)| (b * y.sqrt() - a * x.sqrt()).powi(2))
        .sum::<f64>()
        .sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_counted_without_the_last_bits() {
        assert!((zero_crossings(&[1.0, -1.0, 1.0, -1e-12]) - 0.5).abs() < 1e-12);
        assert!(zero_crossings(&[0.0; 9]) < 1e-300);
    }

    #[test]
    fn perturbations_need_two_voiced_neighbours() {
        let frames = [Some((2.0, 1.0)), Some((3.0, 1.0)), None, Some((1.0, 1.0))];
        let (jitter, shimmer) = perturbations(&frames);
        assert_eq!((jitter.len(), shimmer.len()), (1, 1));
        assert!((jitter[0] - 0.4).abs() < 1e-12 && shimmer[0] < 1e-12);
    }

    #[test]
    fn harmonicity_is_bounded() {
        assert!(harmonicity(0.5).abs() < 1e-12);
        assert!((harmonicity(1.0) - 40.0).abs() < 0.01);
        assert!((harmonicity(0.0) + 40.0).abs() < 0.01);
    }

    #[test]
    fn flux_ignores_loudness() {
        let power = [1.0, 4.0, 9.0];
        let louder = power.map(|p| p * 100.0);
        assert!(flux(&power, &louder) < 1e-12);
        assert!((flux(&[1.0, 0.0], &[0.0, 1.0]) - 2f64.sqrt()).abs() < 1e-12);
        assert!(flux(&[0.0; 3], &[0.0; 3]) < 1e-300);
    }
}
