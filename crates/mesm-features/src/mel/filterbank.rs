//! Triangular filters on the HTK mel scale.

use super::MELS;

/// The `[n_freqs, 128]` filter bank that turns powers at evenly spaced frequencies into mel
/// bands: triangles with peak 1 (no area normalisation), from 0 Hz to half the sample rate,
/// evenly spaced on the HTK scale `2595 log10(1 + f / 700)`.
///
/// The lowest filters can be narrower than the spacing of the frequencies and hold nothing
/// (four of them for 201 frequencies at 16 kHz); they stay, as in torchaudio.
#[derive(Debug, Clone)]
pub struct FilterBank {
    n_freqs: usize,
    filters: Vec<Filter>,
}

/// The non-zero stretch of one triangle.
#[derive(Debug, Clone)]
struct Filter {
    first: usize,
    weights: Vec<f32>,
}

impl FilterBank {
    /// Filters for `n_freqs` frequencies from 0 to half of `sample_rate_hz`.
    #[must_use]
    pub fn new(sample_rate_hz: u32, n_freqs: usize) -> Self {
        let top_hz = f64::from(sample_rate_hz / 2);
        let spacing_hz = top_hz / n_freqs.saturating_sub(1).max(1) as f64;
        let step = mel_of(top_hz) / (MELS + 1) as f64;
        let corner = |i: usize| hz_of(i as f64 * step);
        let filters = (0..MELS)
            .map(|band| {
                let (low, peak, high) = (corner(band), corner(band + 1), corner(band + 2));
                let height = |i: usize| {
                    let hz = i as f64 * spacing_hz;
                    ((hz - low) / (peak - low)).min((high - hz) / (high - peak)) as f32
                };
                let first = (0..n_freqs).find(|i| height(*i) > 0.0).unwrap_or(0);
                Filter {
                    first,
                    weights: (first..n_freqs)
                        .map(height)
                        .take_while(|weight| *weight > 0.0)
                        .collect(),
                }
            })
            .collect();
        Self { n_freqs, filters }
    }

    /// Frequencies the bank expects.
    #[must_use]
    pub fn n_freqs(&self) -> usize {
        self.n_freqs
    }

    /// The power in `band` of a spectrum of [`n_freqs`](Self::n_freqs) powers.
    pub(super) fn band_power(&self, band: usize, spectrum: &[f32]) -> f32 {
        let filter = &self.filters[band];
        filter
            .weights
            .iter()
            .zip(&spectrum[filter.first..])
            .map(|(weight, power)| weight * power)
            .sum()
    }

    /// The whole bank, `[n_freqs, 128]` row-major.
    #[must_use]
    pub fn dense(&self) -> Vec<f32> {
        let mut dense = vec![0.0; self.n_freqs * MELS];
        for (band, filter) in self.filters.iter().enumerate() {
            for (k, weight) in filter.weights.iter().enumerate() {
                dense[(filter.first + k) * MELS + band] = *weight;
            }
        }
        dense
    }

    /// Bands without any weight.
    #[must_use]
    pub fn empty_filters(&self) -> Vec<usize> {
        (0..MELS)
            .filter(|band| self.filters[*band].weights.is_empty())
            .collect()
    }
}

fn mel_of(hz: f64) -> f64 {
    2595.0 * (1.0 + hz / 700.0).log10()
}

fn hz_of(mel: f64) -> f64 {
    700.0 * (10f64.powf(mel / 2595.0) - 1.0)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // whole numbers: exact
mod tests {
    use super::*;

    #[test]
    fn scales_are_inverse() {
        for hz in [0.0, 440.0, 8000.0] {
            assert!((hz_of(mel_of(hz)) - hz).abs() < 1e-9);
        }
        // The mel scale is made to meet the hertz scale at 1000.
        assert!((mel_of(1000.0) - 1000.0).abs() < 0.1);
    }

    #[test]
    fn neighbours_share_a_frequency_between_them() {
        let bank = FilterBank::new(16_000, 201);
        let dense = bank.dense();
        // Between the first and the last peak two triangles cross, and their heights sum to 1.
        for i in 1..195 {
            let row: f32 = dense[i * MELS..(i + 1) * MELS].iter().sum();
            assert!((row - 1.0).abs() < 1e-5, "frequency {i}: {row}");
        }
        assert!(dense[..MELS].iter().all(|weight| *weight == 0.0));
    }

    #[test]
    fn narrow_filters_stay_empty() {
        let bank = FilterBank::new(16_000, 201);
        assert_eq!(bank.empty_filters(), [0, 3, 6, 13]);
        assert_eq!(bank.band_power(3, &[1.0; 201]), 0.0);
        assert!(bank.band_power(100, &[1.0; 201]) > 1.0);
    }
}
