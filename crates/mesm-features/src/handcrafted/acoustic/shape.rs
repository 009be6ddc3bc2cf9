//! The shape of one spectrum in eight numbers.
//!
//! Centroid, bandwidth, roll-off and flatness have the numbers of librosa 0.11 for the same
//! spectrum. Slope, alpha ratio and Hammarberg index follow Eyben et al. 2016, "The Geneva Minimalistic
//! Acoustic Parameter Set", section 6.1, with natural logarithms.

use std::ops::Range;

use super::{FLOOR, log_power};

/// Share of the magnitude below the roll-off.
const ROLL_OFF: f64 = 0.85;
/// What the alpha ratio compares, hertz.
const ALPHA_HZ: [f64; 3] = [50.0, 1_000.0, 5_000.0];
/// Where the Hammarberg index looks for two peaks, hertz.
const HAMMARBERG_HZ: [f64; 3] = [0.0, 2_000.0, 5_000.0];

/// What does not depend on the spectrum. Half of the sample rate cuts every range.
pub(super) struct ShapePlan {
    /// Frequency of each place of a spectrum, hertz.
    pub(super) frequencies_hz: Vec<f64>,
    alpha: [Range<usize>; 2],
    hammarberg: [Range<usize>; 2],
    /// Weights that make a least-squares slope of the values between the outer
    /// [`ALPHA_HZ`], per kilohertz.
    slope: Vec<f64>,
}

/// The eight numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Mean frequency, weighted by magnitude, hertz; 0 for silence.
    pub(super) centroid: f64,
    /// Deviation from it, hertz; 0 for silence.
    pub(super) bandwidth: f64,
    /// Frequency below which 85 % of the magnitude lie, hertz; 0 for silence.
    pub(super) roll_off: f64,
    /// Geometric by arithmetic mean of the power, 0 to 1; 1 for silence.
    pub(super) flatness: f64,
    /// Entropy of the power's distribution over the frequencies, 0 to 1; 1 for silence.
    pub(super) entropy: f64,
    /// Slope of the log power from 50 to 5000 Hz, per kilohertz.
    pub(super) slope: f64,
    /// Log ratio of the power from 50 to 1000 Hz to that from 1000 to 5000 Hz.
    pub(super) alpha_ratio: f64,
    /// Log ratio of the highest power below 2000 Hz to the highest from 2000 to 5000 Hz.
    pub(super) hammarberg: f64,
}

impl ShapePlan {
    pub(super) fn new(sample_rate_hz: u32, n_fft: usize) -> Self {
        let frequencies_hz: Vec<f64> = (0..=n_fft / 2)
            .map(|bin| bin as f64 * f64::from(sample_rate_hz) / n_fft as f64)
            .collect();
        let from = |edge: f64| frequencies_hz.partition_point(|hz| *hz < edge);
        let pair =
            |[low, middle, high]: [f64; 3]| [from(low)..from(middle), from(middle)..from(high)];
        let alpha = pair(ALPHA_HZ);
        let khz: Vec<f64> = frequencies_hz[alpha[0].start..alpha[1].end]
            .iter()
            .map(|hz| hz / 1000.0)
            .collect();
        let mean = khz.iter().sum::<f64>() / khz.len() as f64;
        let spread: f64 = khz.iter().map(|f| (f - mean).powi(2)).sum();
        Self {
            slope: khz.iter().map(|f| (f - mean) / spread).collect(),
            alpha,
            hammarberg: pair(HAMMARBERG_HZ),
            frequencies_hz,
        }
    }

    /// The shape of a power spectrum, `[bins]`.
    pub(super) fn shape(&self, power: &[f64]) -> Shape {
        let (centroid, bandwidth, roll_off) = self.moments(power);
        let (flatness, entropy) = evenness(power);
        let sum = |range: &Range<usize>| log_power(power[range.clone()].iter().sum());
        let peak = |range: &Range<usize>| {
            log_power(power[range.clone()].iter().copied().fold(0.0, f64::max))
        };
        let [low, high] = &self.alpha;
        let slope = self.slope.iter().zip(&power[low.start..high.end]);
        Shape {
            centroid,
            bandwidth,
            roll_off,
            flatness,
            entropy,
            slope: slope.map(|(weight, p)| weight * log_power(*p)).sum(),
            alpha_ratio: sum(low) - sum(high),
            hammarberg: peak(&self.hammarberg[0]) - peak(&self.hammarberg[1]),
        }
    }

    /// Centroid, bandwidth and roll-off, all by magnitude.
    fn moments(&self, power: &[f64]) -> (f64, f64, f64) {
        let magnitudes: Vec<f64> = power.iter().map(|p| p.sqrt()).collect();
        let total: f64 = magnitudes.iter().sum();
        if total < FLOOR {
            return (0.0, 0.0, 0.0);
        }
        let weighted = |value: &dyn Fn(f64) -> f64| {
            let products = self.frequencies_hz.iter().zip(&magnitudes);
            products.map(|(hz, m)| value(*hz) * m).sum::<f64>() / total
        };
        let centroid = weighted(&|hz| hz);
        let bandwidth = weighted(&|hz| (hz - centroid).powi(2)).sqrt();
        let mut below = 0.0;
        let place = magnitudes.iter().position(|magnitude| {
            below += magnitude;
            below >= ROLL_OFF * total
        });
        let roll_off = place.map_or(0.0, |place| self.frequencies_hz[place]);
        (centroid, bandwidth, roll_off)
    }
}

/// Flatness and entropy.
fn evenness(power: &[f64]) -> (f64, f64) {
    let count = power.len() as f64;
    let floored = || power.iter().map(|p| p.max(FLOOR));
    let total: f64 = floored().sum();
    let flatness = (floored().map(f64::ln).sum::<f64>() / count).exp() / (total / count);
    let entropy: f64 = floored().map(|p| -(p / total) * (p / total).ln()).sum();
    (flatness, entropy / count.ln())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINS: usize = 257;

    fn plan() -> ShapePlan {
        ShapePlan::new(16_000, 512)
    }

    #[test]
    fn a_single_line_is_a_point() {
        let mut power = [0.0; BINS];
        power[32] = 4.0;
        let shape = plan().shape(&power);
        assert!((shape.centroid - 1000.0).abs() < 1e-9);
        assert!(shape.bandwidth < 1e-9 && (shape.roll_off - 1000.0).abs() < 1e-9);
        assert!(shape.flatness < 1e-8 && shape.entropy < 1e-6, "{shape:?}");
        // 1000 Hz belongs to the upper range of the alpha ratio, the lower of Hammarberg's.
        assert!(shape.alpha_ratio < -24.0 && shape.hammarberg > 24.0);
    }

    #[test]
    fn silence_is_level() {
        let shape = plan().shape(&[0.0; BINS]);
        assert!(shape.centroid + shape.bandwidth + shape.roll_off < 1e-300);
        assert!((shape.flatness - 1.0).abs() < 1e-9 && (shape.entropy - 1.0).abs() < 1e-9);
        assert!(shape.slope.abs() < 1e-9 && shape.hammarberg.abs() < 1e-9);
    }

    #[test]
    fn a_slope_is_found() {
        let plan = plan();
        let falling: Vec<f64> = plan
            .frequencies_hz
            .iter()
            .map(|hz| (-1.5 * hz / 1000.0).exp())
            .collect();
        assert!((plan.shape(&falling).slope + 1.5).abs() < 1e-9);
        // At 8 kHz the range ends at 4000 Hz.
        let narrow = ShapePlan::new(8_000, 256);
        let falling: Vec<f64> = narrow
            .frequencies_hz
            .iter()
            .map(|hz| (-hz / 500.0).exp())
            .collect();
        assert!((narrow.shape(&falling).slope + 2.0).abs() < 1e-9);
    }
}
