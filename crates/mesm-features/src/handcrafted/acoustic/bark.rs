//! Energies in the critical bands of hearing.

use std::ops::Range;

use super::log_power;

pub(super) const BANDS: usize = 22;

/// Edges of the first 22 critical bands, hertz (Zwicker 1961, "Subdivision of the Audible Frequency
/// Range into Critical Bands", table I; the first edge is 0 here).
const EDGES_HZ: [f64; BANDS + 1] = [
    0.0, 100.0, 200.0, 300.0, 400.0, 510.0, 630.0, 770.0, 920.0, 1080.0, 1270.0, 1480.0, 1720.0,
    2000.0, 2320.0, 2700.0, 3150.0, 3700.0, 4400.0, 5300.0, 6400.0, 7700.0, 9500.0,
];

/// Which frequencies of a spectrum belong to each band: those from its lower edge up to, but without,
/// its upper one, as rectangles.
///
/// Half of the sample rate cuts the bands above it. At 16 kHz the last band is 7700 to 8000 Hz instead of
/// 9500, at 8 kHz the 18th ends at 4000 Hz and the four above are empty, which is silence. The scale
/// is complete from 19 kHz on.
pub(super) struct BarkBands {
    bands: [Range<usize>; BANDS],
}

impl BarkBands {
    pub(super) fn new(frequencies_hz: &[f64]) -> Self {
        let first_from = |edge: f64| frequencies_hz.partition_point(|hz| *hz < edge);
        Self {
            bands: std::array::from_fn(|band| {
                first_from(EDGES_HZ[band])..first_from(EDGES_HZ[band + 1])
            }),
        }
    }

    /// Logarithms of the power in each band of a spectrum.
    pub(super) fn log_energies(&self, power: &[f64]) -> [f64; BANDS] {
        std::array::from_fn(|band| log_power(power[self.bands[band].clone()].iter().sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handcrafted::acoustic::FLOOR;

    fn bands(sample_rate_hz: f64, n_fft: u32) -> BarkBands {
        let frequencies: Vec<f64> = (0..=n_fft / 2)
            .map(|bin| f64::from(bin) * sample_rate_hz / f64::from(n_fft))
            .collect();
        BarkBands::new(&frequencies)
    }

    #[test]
    fn every_frequency_below_the_last_edge_is_in_one_band() {
        let BarkBands { bands } = bands(16_000.0, 512);
        assert_eq!(bands[0].start, 0);
        assert_eq!(bands[21].end, 257);
        for pair in bands.windows(2) {
            assert_eq!(pair[0].end, pair[1].start);
        }
        // 0, 31, 62 and 94 Hz; 7718.75 Hz is the first of the band that is cut.
        assert_eq!((bands[0].len(), bands[21].start), (4, 247));
        let BarkBands { bands } = self::bands(44_100.0, 2048);
        assert!(
            bands[21].end < 1025,
            "the scale ends below half of 44.1 kHz"
        );
    }

    #[test]
    fn bands_above_half_the_rate_are_silent() {
        let energies = bands(8_000.0, 256).log_energies(&[1.0; 129]);
        assert!(energies[17] > 0.0);
        assert!(
            energies[18..]
                .iter()
                .all(|e| (e - FLOOR.ln()).abs() < 1e-12)
        );
    }
}
