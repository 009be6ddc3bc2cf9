//! Settings of the spectrogram; they are part of a model, which only knows the kind it was
//! trained on.

use serde::{Deserialize, Serialize};

use super::error::MelError;

/// Rate at which a window has [`BASE_WINDOW`] samples.
const BASE_RATE_HZ: f64 = 16_000.0;
/// Samples of a window at [`BASE_RATE_HZ`]: 25 ms.
const BASE_WINDOW: usize = 400;
const RATES_HZ: (u32, u32) = (1_000, 384_000);

/// How long the transform is, as the authors' loaders of the two data sets have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MelStyle {
    /// A transform of 400 samples whatever the rate; rates above 16 kHz are refused.
    #[default]
    Iemocap,
    /// A transform as long as the window of 25 ms.
    Mosei,
}

/// What is done with the power in a mel band.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MelAmplitude {
    /// Nothing: the authors' way.
    #[default]
    Power,
    /// `(ln(power + floor) - mean) / std`. Missing frames of the last piece are silence.
    Log {
        /// Added to the power, above 0.
        floor: f32,
        /// Mean over the training data of `ln(power + floor)`.
        #[serde(default)]
        mean: f32,
        /// Standard deviation over the training data, above 0.
        #[serde(default = "one")]
        std: f32,
    },
}

fn one() -> f32 {
    1.0
}

/// Settings of a mel spectrogram. The default is the authors' for IEMOCAP at 16 kHz.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MelConfig {
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Length of the transform.
    pub style: MelStyle,
    /// Power or logarithm.
    pub amplitude: MelAmplitude,
}

impl Default for MelConfig {
    fn default() -> Self {
        Self {
            sample_rate_hz: 16_000,
            style: MelStyle::default(),
            amplitude: MelAmplitude::default(),
        }
    }
}

impl MelConfig {
    /// Samples of the window: 25 ms, rounded down.
    #[must_use]
    pub fn window(&self) -> usize {
        // The order of the operations is the authors': it decides where the fraction is cut.
        (f64::from(self.sample_rate_hz) / BASE_RATE_HZ * BASE_WINDOW as f64) as usize
    }

    /// Samples from one frame to the next: half a window.
    #[must_use]
    pub fn hop(&self) -> usize {
        self.window() / 2
    }

    /// Samples of the transform.
    #[must_use]
    pub fn n_fft(&self) -> usize {
        match self.style {
            MelStyle::Iemocap => BASE_WINDOW,
            MelStyle::Mosei => self.window(),
        }
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    /// When the sample rate or the logarithm's settings are out of range, or the window is longer
    /// than the transform.
    pub fn validate(&self) -> Result<(), MelError> {
        let (low, high) = RATES_HZ;
        if !(low..=high).contains(&self.sample_rate_hz) {
            return Err(MelError::SampleRate {
                found: self.sample_rate_hz,
                low,
                high,
            });
        }
        if self.window() > self.n_fft() {
            return Err(MelError::WindowTooLong {
                sample_rate_hz: self.sample_rate_hz,
                window: self.window(),
                n_fft: self.n_fft(),
            });
        }
        if let MelAmplitude::Log { floor, mean, std } = self.amplitude {
            for (setting, value) in [("floor", floor), ("std", std)] {
                if !value.is_finite() || value <= 0.0 {
                    return Err(MelError::LogSetting {
                        setting,
                        found: value,
                    });
                }
            }
            if !mean.is_finite() {
                return Err(MelError::LogSetting {
                    setting: "mean",
                    found: mean,
                });
            }
        }
        Ok(())
    }
}

impl MelAmplitude {
    /// The model's input for a band of this power.
    pub(super) fn apply(self, power: f32) -> f32 {
        match self {
            Self::Power => power,
            Self::Log { floor, mean, std } => ((power + floor).ln() - mean) / std,
        }
    }

    /// The power behind a model's input, at least 0.
    pub(super) fn power(self, input: f32) -> f32 {
        match self {
            Self::Power => input,
            Self::Log { floor, mean, std } => ((input * std + mean).exp() - floor).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(sample_rate_hz: u32, style: MelStyle) -> MelConfig {
        MelConfig {
            sample_rate_hz,
            style,
            ..MelConfig::default()
        }
    }

    #[test]
    fn windows_are_25_ms() {
        let sizes = |c: MelConfig| (c.window(), c.hop(), c.n_fft());
        assert_eq!(sizes(config(16_000, MelStyle::Iemocap)), (400, 200, 400));
        assert_eq!(sizes(config(8_000, MelStyle::Iemocap)), (200, 100, 400));
        assert_eq!(sizes(config(44_100, MelStyle::Mosei)), (1102, 551, 1102));
    }

    #[test]
    fn the_fixed_transform_refuses_higher_rates() {
        assert_eq!(
            config(44_100, MelStyle::Iemocap).validate(),
            Err(MelError::WindowTooLong {
                sample_rate_hz: 44_100,
                window: 1102,
                n_fft: 400
            })
        );
        assert!(config(0, MelStyle::Mosei).validate().is_err());
        assert!(config(44_100, MelStyle::Mosei).validate().is_ok());
    }

    #[test]
    fn logarithm_settings_are_checked() {
        let log = |floor, mean, std| MelConfig {
            amplitude: MelAmplitude::Log { floor, mean, std },
            ..MelConfig::default()
        };
        assert!(log(1e-6, -5.0, 4.0).validate().is_ok());
        for bad in [
            log(0.0, 0.0, 1.0),
            log(1e-6, f32::NAN, 1.0),
            log(1e-6, 0.0, -1.0),
        ] {
            assert!(matches!(bad.validate(), Err(MelError::LogSetting { .. })));
        }
    }
}
