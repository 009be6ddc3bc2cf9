//! Short-time power spectra, summed into mel bands and cut into pieces.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use super::config::MelConfig;
use super::error::MelError;
use super::filterbank::FilterBank;
use super::{MELS, PIECE_FRAMES};

/// Everything about a spectrogram that does not depend on the samples.
pub struct MelPlan {
    config: MelConfig,
    /// Periodic Hann window, centred in the transform, `[n_fft]`.
    window: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
    bank: FilterBank,
}

/// A mel spectrogram.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrogram {
    /// Columns.
    pub frames: usize,
    /// `[128, frames]` row-major: powers, or their logarithms.
    pub values: Vec<f32>,
}

/// A mel spectrogram cut into pieces for the model.
#[derive(Debug, Clone, PartialEq)]
pub struct MelPieces {
    /// Number of pieces, at least 1.
    pub count: usize,
    /// `[count, 1, 128, 32]` row-major.
    pub values: Vec<f32>,
}

impl MelPieces {
    /// The powers behind the values, for pictures: `[count, 1, 128, 32]`, at least 0, whatever the model reads.
    #[must_use]
    pub fn powers(&self, plan: &MelPlan) -> Vec<f32> {
        self.values
            .iter()
            .map(|value| plan.config.amplitude.power(*value))
            .collect()
    }
}

impl fmt::Debug for MelPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MelPlan")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl MelPlan {
    /// Plans spectrograms with these settings.
    ///
    /// # Errors
    /// See [`MelConfig::validate`].
    pub fn new(config: &MelConfig) -> Result<Self, MelError> {
        config.validate()?;
        let n_fft = config.n_fft();
        let length = config.window();
        let before = (n_fft - length) / 2;
        let mut window = vec![0.0; n_fft];
        for (i, value) in window[before..before + length].iter_mut().enumerate() {
            *value = (0.5 - 0.5 * (TAU * i as f64 / length as f64).cos()) as f32;
        }
        Ok(Self {
            window,
            transform: RealFftPlanner::new().plan_fft_forward(n_fft),
            bank: FilterBank::new(config.sample_rate_hz, n_fft / 2 + 1),
            config: config.clone(),
        })
    }

    /// The filter bank in use.
    #[must_use]
    pub fn filter_bank(&self) -> &FilterBank {
        &self.bank
    }

    /// Fewest samples that make a spectrogram: one more than the edge frames reflect.
    #[must_use]
    pub fn min_samples(&self) -> usize {
        self.config.n_fft() / 2 + 1
    }

    /// Frames of the spectrogram of `samples` samples.
    #[must_use]
    pub fn frames(&self, samples: usize) -> usize {
        // An odd transform reflects one sample less in all than it is long.
        let padded = samples + self.config.n_fft() / 2 * 2;
        padded.saturating_sub(self.config.n_fft()) / self.config.hop() + 1
    }

    /// The mel spectrogram of mono `samples` (-1..1). Frames are centred on multiples of the hop;
    /// those that reach over an end see the audio reflected there (the end sample itself is not
    /// repeated).
    ///
    /// # Errors
    /// When there are fewer than [`min_samples`](Self::min_samples) samples, or one of them is
    /// not finite.
    pub fn spectrogram(&self, samples: &[f32]) -> Result<Spectrogram, MelError> {
        if samples.len() < self.min_samples() {
            return Err(MelError::TooShort {
                found: samples.len(),
                needed: self.min_samples(),
                reflected: self.config.n_fft() / 2,
            });
        }
        if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
            return Err(MelError::NotFinite {
                index,
                value: samples[index],
            });
        }
        let frames = self.frames(samples.len());
        let mut values = vec![0.0; MELS * frames];
        let mut segment = self.transform.make_input_vec();
        let mut bins = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut spectrum = vec![0.0; bins.len()];
        for frame in 0..frames {
            self.fill_segment(&mut segment, samples, frame * self.config.hop());
            self.transform
                .process_with_scratch(&mut segment, &mut bins, &mut scratch)
                .map_err(|error| MelError::Transform {
                    reason: error.to_string(),
                })?;
            for (power, bin) in spectrum.iter_mut().zip(&bins) {
                *power = bin.norm_sqr();
            }
            for band in 0..MELS {
                let power = self.bank.band_power(band, &spectrum);
                values[band * frames + frame] = self.config.amplitude.apply(power);
            }
        }
        Ok(Spectrogram { frames, values })
    }

    /// Windowed samples around `centre`.
    fn fill_segment(&self, segment: &mut [f32], samples: &[f32], centre: usize) {
        let half = segment.len() / 2;
        for (i, (value, weight)) in segment.iter_mut().zip(&self.window).enumerate() {
            *value = weight * samples[reflected(centre + i, half, samples.len())];
        }
    }

    /// The spectrogram of mono `samples` (-1..1) in pieces; see
    /// [`spectrogram`](Self::spectrogram) and [`cut`](Self::cut).
    ///
    /// # Errors
    /// Those of [`spectrogram`](Self::spectrogram).
    pub fn pieces(&self, samples: &[f32]) -> Result<MelPieces, MelError> {
        Ok(self.cut(&self.spectrogram(samples)?))
    }

    /// Cuts a spectrogram into pieces of 32 frames; the last one is filled up on the right with
    /// silence, which is 0 where the power itself is used.
    #[must_use]
    pub fn cut(&self, spectrogram: &Spectrogram) -> MelPieces {
        let frames = spectrogram.frames;
        let count = frames.div_ceil(PIECE_FRAMES);
        let mut values = vec![self.config.amplitude.apply(0.0); count * MELS * PIECE_FRAMES];
        for (row, out) in values.chunks_exact_mut(PIECE_FRAMES).enumerate() {
            let (piece, band) = (row / MELS, row % MELS);
            let start = piece * PIECE_FRAMES;
            let length = PIECE_FRAMES.min(frames - start);
            let from = band * frames + start;
            out[..length].copy_from_slice(&spectrogram.values[from..from + length]);
        }
        MelPieces { count, values }
    }
}

/// Position in the audio of place `i` of the audio with `pad` reflected samples before it. One
/// reflection is enough: `pad` is below `length`.
fn reflected(i: usize, pad: usize, length: usize) -> usize {
    if i < pad {
        pad - i
    } else if i - pad < length {
        i - pad
    } else {
        2 * (length - 1) - (i - pad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mel::{MelAmplitude, MelStyle, mel_pieces};

    fn tone(count: usize, hz: f64, rate: f64) -> Vec<f32> {
        (0..count)
            .map(|i| (0.5 * (TAU * hz * i as f64 / rate).sin()) as f32)
            .collect()
    }

    #[test]
    fn edges_are_reflected_without_repeating_the_end() {
        let places: Vec<usize> = (0..10).map(|i| reflected(i, 3, 4)).collect();
        assert_eq!(places, [3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
    }

    #[test]
    fn a_tone_lands_in_its_band() {
        let plan = MelPlan::new(&MelConfig::default()).unwrap();
        let spectrogram = plan.spectrogram(&tone(16_000, 1000.0, 16_000.0)).unwrap();
        assert_eq!(spectrogram.frames, 81);
        let middle: Vec<f32> = (0..MELS)
            .map(|band| spectrogram.values[band * 81 + 40])
            .collect();
        let loudest = (0..MELS)
            .max_by(|a, b| middle[*a].total_cmp(&middle[*b]))
            .unwrap();
        // 1000 mel of 2840 mel in 129 steps.
        assert!((43..=46).contains(&loudest), "band {loudest}");
        // A sine of amplitude 0.5 under a Hann window: (0.5 / 2 * 400 / 2)^2 at its frequency.
        let total: f32 = middle.iter().sum();
        assert!((2500.0..2500.0 * 1.6).contains(&total), "power {total}");
    }

    #[test]
    fn shortest_audio_and_shorter() {
        let plan = MelPlan::new(&MelConfig::default()).unwrap();
        assert_eq!(plan.pieces(&[0.0; 201]).unwrap().count, 1);
        assert_eq!(
            plan.pieces(&[0.0; 200]),
            Err(MelError::TooShort {
                found: 200,
                needed: 201,
                reflected: 200
            })
        );
        assert!(matches!(
            plan.pieces(&[]),
            Err(MelError::TooShort { found: 0, .. })
        ));
    }

    #[test]
    fn a_window_shorter_than_the_transform() {
        let config = MelConfig {
            sample_rate_hz: 8_000,
            ..MelConfig::default()
        };
        let plan = MelPlan::new(&config).unwrap();
        assert_eq!(plan.window[..100], [0.0; 100]);
        assert_eq!(plan.window[300..], [0.0; 100]);
        assert!((plan.window[200] - 1.0).abs() < 1e-6);
        assert_eq!(
            plan.spectrogram(&tone(8_000, 440.0, 8_000.0))
                .unwrap()
                .frames,
            81
        );
    }

    #[test]
    fn an_odd_transform() {
        // 11025 Hz: a window of 275 samples.
        let config = MelConfig {
            sample_rate_hz: 11_025,
            style: MelStyle::Mosei,
            ..MelConfig::default()
        };
        assert_eq!(config.n_fft(), 275);
        let plan = MelPlan::new(&config).unwrap();
        for count in [138, 274, 1000, 11_025] {
            let spectrogram = plan.spectrogram(&tone(count, 440.0, 11_025.0)).unwrap();
            assert_eq!(spectrogram.values.len(), MELS * spectrogram.frames);
            assert!(spectrogram.values.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn samples_must_be_finite() {
        let mut samples = vec![0.0; 1000];
        samples[7] = f32::NAN;
        assert!(matches!(
            mel_pieces(&samples, &MelConfig::default()),
            Err(MelError::NotFinite { index: 7, .. })
        ));
    }

    #[test]
    fn missing_frames_are_silence_in_either_amplitude() {
        let samples = tone(7_000, 440.0, 16_000.0);
        let power = mel_pieces(&samples, &MelConfig::default()).unwrap();
        assert_eq!(power.count, 2);
        let (floor, mean, std) = (1e-6, -3.0, 2.0);
        let config = MelConfig {
            amplitude: MelAmplitude::Log { floor, mean, std },
            ..MelConfig::default()
        };
        let log = mel_pieces(&samples, &config).unwrap();
        let last = power.values.len() - 1;
        assert_eq!(power.values[last].to_bits(), 0.0f32.to_bits());
        for (power, log) in power.values.iter().zip(&log.values) {
            assert!((((power + floor).ln() - mean) / std - log).abs() < 1e-5);
        }
        let plan = MelPlan::new(&config).unwrap();
        for (back, power) in log.powers(&plan).iter().zip(&power.values) {
            assert!(
                (back - power).abs() <= 1e-4 * power + 1e-6,
                "{back} {power}"
            );
        }
    }
}
