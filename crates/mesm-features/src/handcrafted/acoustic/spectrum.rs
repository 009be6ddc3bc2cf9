//! Frames and their power spectra.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex};

use crate::handcrafted::HandcraftedError;

/// How a window is cut into frames, and what transforms them.
pub(super) struct FramePlan {
    /// Samples of a frame: 25 ms.
    pub(super) frame: usize,
    /// Samples from one frame to the next: 10 ms.
    pub(super) hop: usize,
    /// Points of the transform: the power of two that holds a frame.
    pub(super) n_fft: usize,
    /// Symmetric Hamming window, `[frame]`.
    window: Vec<f64>,
    transform: Arc<dyn RealToComplex<f64>>,
}

impl FramePlan {
    pub(super) fn new(sample_rate_hz: u32) -> Self {
        let frame = (sample_rate_hz / 40) as usize;
        let n_fft = frame.next_power_of_two();
        let last = (frame - 1) as f64;
        Self {
            frame,
            hop: (sample_rate_hz / 100) as usize,
            n_fft,
            window: (0..frame)
                .map(|i| 0.54 - 0.46 * (TAU * i as f64 / last).cos())
                .collect(),
            transform: RealFftPlanner::new().plan_fft_forward(n_fft),
        }
    }

    /// The frames of a block, each `[frame]`; what is left at the end is no frame.
    pub(super) fn frames<'a>(&self, block: &'a [f64]) -> impl Iterator<Item = &'a [f64]> {
        block.windows(self.frame).step_by(self.hop)
    }

    /// Power spectra of the frames of a block, each `[n_fft / 2 + 1]`: squared magnitudes divided by
    /// [`n_fft`](Self::n_fft).
    pub(super) fn powers(&self, block: &[f64]) -> Result<Vec<Vec<f64>>, HandcraftedError> {
        let mut input = self.transform.make_input_vec();
        let mut output = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let scale = 1.0 / self.n_fft as f64;
        self.frames(block)
            .map(|frame| {
                input.fill(0.0);
                for ((value, sample), weight) in input.iter_mut().zip(frame).zip(&self.window) {
                    *value = sample * weight;
                }
                self.transform
                    .process_with_scratch(&mut input, &mut output, &mut scratch)
                    .map_err(|error| HandcraftedError::Transform {
                        reason: error.to_string(),
                    })?;
                Ok(output.iter().map(|bin| bin.norm_sqr() * scale).collect())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_rate() {
        let sizes = |rate| {
            let plan = FramePlan::new(rate);
            (plan.frame, plan.hop, plan.n_fft)
        };
        assert_eq!(sizes(16_000), (400, 160, 512));
        assert_eq!(sizes(8_000), (200, 80, 256));
        assert_eq!(sizes(44_100), (1102, 441, 2048));
    }

    #[test]
    fn power_is_that_of_the_samples() {
        // Parseval: both halves of the spectrum together hold the energy of the weighted frame.
        let plan = FramePlan::new(16_000);
        let block: Vec<f64> = (0..720).map(|i| (f64::from(i * i) * 0.01).sin()).collect();
        let powers = plan.powers(&block).unwrap();
        assert_eq!(powers.len(), 3);
        for (frame, power) in plan.frames(&block).zip(&powers) {
            let samples: f64 = frame
                .iter()
                .zip(&plan.window)
                .map(|(sample, weight)| (sample * weight).powi(2))
                .sum();
            let inner: f64 = power[1..256].iter().sum();
            let whole = power[0] + 2.0 * inner + power[256];
            assert!((samples - whole).abs() < 1e-9 * samples);
        }
    }
}
