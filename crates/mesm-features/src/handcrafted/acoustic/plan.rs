//! From samples to rows of features.

use std::fmt;

use super::bark::{BANDS, BarkBands};
use super::cepstrum::{COEFFICIENTS, Cepstrum, CepstrumPlan, pre_emphasised};
use super::contours::{CONTOURS, contours};
use super::functionals::{FUNCTIONALS, functionals};
use super::pitch::PitchSearch;
use super::shape::ShapePlan;
use super::spectrum::FramePlan;
use crate::handcrafted::{ACOUSTIC_DIM, HandcraftedError};

/// Telephone to studio: below, most bands are empty; above, nothing is added to what is measured.
const RATES_HZ: (u32, u32) = (8_000, 48_000);

const _: () = assert!(BANDS + COEFFICIENTS + CONTOURS * FUNCTIONALS == ACOUSTIC_DIM);

/// Everything about acoustic features that does not depend on the samples.
///
/// ```
/// use mesm_features::handcrafted::{ACOUSTIC_DIM, AcousticPlan};
///
/// let plan = AcousticPlan::new(16_000)?;
/// let second: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.05).sin()).collect();
/// let rows = plan.extract(&second)?;
/// assert_eq!(rows.len(), 3 * ACOUSTIC_DIM);
/// # Ok::<(), mesm_features::handcrafted::HandcraftedError>(())
/// ```
pub struct AcousticPlan {
    sample_rate_hz: u32,
    frames: FramePlan,
    bark: BarkBands,
    cepstrum: CepstrumPlan,
    pitch: PitchSearch,
    shape: ShapePlan,
}

impl fmt::Debug for AcousticPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcousticPlan")
            .field("sample_rate_hz", &self.sample_rate_hz)
            .finish_non_exhaustive()
    }
}

impl AcousticPlan {
    /// Plans features of sound at this rate.
    ///
    /// # Errors
    /// When the rate is not in 8000..=48000 Hz.
    pub fn new(sample_rate_hz: u32) -> Result<Self, HandcraftedError> {
        let (low, high) = RATES_HZ;
        if !(low..=high).contains(&sample_rate_hz) {
            return Err(HandcraftedError::SampleRate {
                found: sample_rate_hz,
                low,
                high,
            });
        }
        let frames = FramePlan::new(sample_rate_hz);
        let shape = ShapePlan::new(sample_rate_hz, frames.n_fft);
        Ok(Self {
            sample_rate_hz,
            bark: BarkBands::new(&shape.frequencies_hz),
            cepstrum: CepstrumPlan::new(sample_rate_hz, frames.n_fft),
            pitch: PitchSearch::new(sample_rate_hz, frames.frame),
            shape,
            frames,
        })
    }

    /// Fewest samples that have features: one frame of 25 ms.
    #[must_use]
    pub fn min_samples(&self) -> usize {
        self.frames.frame
    }

    /// Samples of a window: 400 ms.
    #[must_use]
    pub fn window_samples(&self) -> usize {
        (self.sample_rate_hz * 2 / 5) as usize
    }

    /// Rows that [`extract`](Self::extract) gives for `samples` samples.
    #[must_use]
    pub fn windows(&self, samples: usize) -> usize {
        samples.div_ceil(self.window_samples())
    }

    /// The features of mono `samples` (-1..1): `[windows, 142]` row-major, one row a window of 400 ms,
    /// named by [`ACOUSTIC_NAMES`](crate::handcrafted::ACOUSTIC_NAMES). All are finite, whatever the samples.
    ///
    /// Windows follow each other without overlap. In the last one only the frames that lie wholly within the sound
    /// count, so that its statistics tell of the sound and not of where it ends; what is shorter than a frame is
    /// filled up with zeros to one.
    ///
    /// # Errors
    /// When there are fewer than [`min_samples`](Self::min_samples) samples, or one of them is not
    /// finite.
    pub fn extract(&self, samples: &[f32]) -> Result<Vec<f32>, HandcraftedError> {
        if samples.len() < self.min_samples() {
            return Err(HandcraftedError::TooShort {
                found: samples.len(),
                needed: self.min_samples(),
            });
        }
        if let Some(index) = samples.iter().position(|sample| !sample.is_finite()) {
            return Err(HandcraftedError::Sample {
                index,
                value: samples[index],
            });
        }
        let mut rows = Vec::with_capacity(self.windows(samples.len()) * ACOUSTIC_DIM);
        for window in samples.chunks(self.window_samples()) {
            self.push_row(window, &mut rows)?;
        }
        Ok(rows)
    }

    fn push_row(&self, window: &[f32], rows: &mut Vec<f32>) -> Result<(), HandcraftedError> {
        let block = self.block(window);
        let frames: Vec<&[f64]> = self.frames.frames(&block).collect();
        let powers = self.frames.powers(&block)?;
        let energies: Vec<[f64; BANDS]> = powers
            .iter()
            .map(|power| self.bark.log_energies(power))
            .collect();
        let emphasised = self.frames.powers(&pre_emphasised(&block))?;
        let cepstra: Vec<Cepstrum> = emphasised
            .iter()
            .map(|power| self.cepstrum.coefficients(power))
            .collect();
        let contours = contours(&self.pitch, &self.shape, &frames, &powers, &cepstra);
        let statistics = contours.iter().flat_map(|contour| functionals(contour));
        let row = mean(&energies)
            .into_iter()
            .chain(mean(&cepstra))
            .chain(statistics);
        rows.extend(row.map(|value| value as f32));
        Ok(())
    }

    /// The samples of all frames of a window, and no more.
    fn block(&self, window: &[f32]) -> Vec<f64> {
        let FramePlan { frame, hop, .. } = self.frames;
        let count = window.len().saturating_sub(frame) / hop + 1;
        let mut block: Vec<f64> = window.iter().map(|sample| f64::from(*sample)).collect();
        block.resize((count - 1) * hop + frame, 0.0);
        block
    }
}

/// Means over the frames, `[N]`.
fn mean<const N: usize>(frames: &[[f64; N]]) -> [f64; N] {
    let count = frames.len() as f64;
    std::array::from_fn(|k| frames.iter().map(|frame| frame[k]).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;
    use crate::handcrafted::ACOUSTIC_NAMES;

    fn column(name: &str) -> usize {
        ACOUSTIC_NAMES.iter().position(|n| *n == name).unwrap()
    }

    /// Harmonics of 130 Hz, as loud as speech.
    fn voice(count: usize, rate: f64) -> Vec<f32> {
        (0..count)
            .map(|i| {
                let phase = TAU * 130.0 * i as f64 / rate;
                let tones = (1..=20).map(|k| (f64::from(k) * phase).sin() / f64::from(k * k));
                (0.2 * tones.sum::<f64>()) as f32
            })
            .collect()
    }

    #[test]
    fn one_row_a_window_and_a_last_one_for_what_is_left() {
        let plan = AcousticPlan::new(16_000).unwrap();
        let sound = voice(16_000, 16_000.0);
        for (count, rows) in [(400, 1), (6_400, 1), (6_401, 2), (12_800, 2), (16_000, 3)] {
            let features = plan.extract(&sound[..count]).unwrap();
            assert_eq!(features.len(), rows * ACOUSTIC_DIM, "{count} samples");
            assert_eq!(plan.windows(count), rows);
        }
        // The rows of a longer sound begin with those of a shorter one.
        let (long, short) = (
            plan.extract(&sound).unwrap(),
            plan.extract(&sound[..12_800]).unwrap(),
        );
        assert_eq!(long[..2 * ACOUSTIC_DIM], short);
    }

    #[test]
    fn a_voice_is_heard_as_one() {
        for rate in [8_000u32, 16_000, 22_050, 48_000] {
            let plan = AcousticPlan::new(rate).unwrap();
            let sound = voice(plan.window_samples(), f64::from(rate));
            let row = plan.extract(&sound).unwrap();
            assert!(
                (row[column("f0 mean")] - 130.0).abs() < 1.0,
                "{rate}: {}",
                row[column("f0 mean")]
            );
            assert!(row[column("voicing min")] > 0.95, "{rate}");
            assert!(row[column("jitter max")] < 0.02, "{rate}");
            // 130 Hz is in the second band, and falls off above.
            assert!(row[1] > row[0] && row[1] > row[8], "{rate}");
        }
    }

    #[test]
    fn the_end_of_a_sound_is_no_silence() {
        // Half a window of a steady voice has nearly the statistics of a whole one.
        let plan = AcousticPlan::new(16_000).unwrap();
        let sound = voice(6_400 + 3_200, 16_000.0);
        let rows = plan.extract(&sound).unwrap();
        let (whole, half) = rows.split_at(ACOUSTIC_DIM);
        for k in (0..34).chain([column("log energy mean"), column("centroid mean")]) {
            let change = (whole[k] - half[k]).abs() / (1.0 + whole[k].abs());
            assert!(
                change < 0.25,
                "{}: {} {}",
                ACOUSTIC_NAMES[k],
                whole[k],
                half[k]
            );
        }
    }

    #[test]
    fn features_are_finite_whatever_the_samples() {
        let silence = vec![0.0f32; 7_000];
        let mut click = silence.clone();
        click[3_000] = 1.0;
        let square: Vec<f32> = (0..7_000)
            .map(|i| if i / 40 % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        let loud: Vec<f32> = square.iter().map(|s| s * f32::MAX).collect();
        let faint: Vec<f32> = square.iter().map(|s| s * f32::MIN_POSITIVE).collect();
        let level = vec![1.0f32; 7_000];
        for rate in [8_000, 11_025, 16_000, 48_000] {
            let plan = AcousticPlan::new(rate).unwrap();
            for sound in [&silence, &click, &square, &loud, &faint, &level] {
                let rows = plan.extract(sound).unwrap();
                for (k, value) in rows.iter().enumerate() {
                    let name = ACOUSTIC_NAMES[k % ACOUSTIC_DIM];
                    assert!(
                        value.is_finite(),
                        "{name} at {rate} Hz of {}: {value}",
                        sound[3_000]
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        assert_eq!(
            AcousticPlan::new(7_999).unwrap_err(),
            HandcraftedError::SampleRate {
                found: 7_999,
                low: 8_000,
                high: 48_000
            }
        );
        let plan = AcousticPlan::new(16_000).unwrap();
        assert_eq!(
            plan.extract(&[0.0; 399]),
            Err(HandcraftedError::TooShort {
                found: 399,
                needed: 400
            })
        );
        let mut broken = vec![0.0; 800];
        broken[9] = f32::INFINITY;
        assert!(matches!(
            plan.extract(&broken),
            Err(HandcraftedError::Sample { index: 9, .. })
        ));
    }
}
