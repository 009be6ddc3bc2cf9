//! What can be wrong with audio.

use thiserror::Error;

/// Why no mel spectrogram was made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MelError {
    /// The sample rate is outside the accepted range.
    #[error("a sample rate of {found} Hz; {low} to {high} Hz are accepted: resample first")]
    SampleRate {
        /// The rate asked for.
        found: u32,
        /// Lowest accepted rate.
        low: u32,
        /// Highest accepted rate.
        high: u32,
    },
    /// The window does not fit the transform: the fixed transform of the IEMOCAP style at a
    /// rate above 16 kHz. PyTorch raises in the same place.
    #[error(
        "at {sample_rate_hz} Hz the window has {window} samples, more than the transform's {n_fft}: resample to 16000 Hz or use the `mosei` style"
    )]
    WindowTooLong {
        /// The rate asked for.
        sample_rate_hz: u32,
        /// Length of the window in samples.
        window: usize,
        /// Length of the transform in samples.
        n_fft: usize,
    },
    /// Audio that ends before its reflection does. PyTorch raises in the same place.
    #[error(
        "{found} samples of audio; at least {needed} are needed (the first frame reflects {reflected}): leave the audio out or give more"
    )]
    TooShort {
        /// Samples given.
        found: usize,
        /// Fewest samples that make a spectrogram.
        needed: usize,
        /// Samples the edge frames reflect.
        reflected: usize,
    },
    /// A sample is NaN or infinite.
    #[error("sample {index} is {value}; samples are finite numbers, -1 to 1")]
    NotFinite {
        /// Position of the sample.
        index: usize,
        /// The sample itself.
        value: f32,
    },
    /// A setting of the logarithm is out of range.
    #[error("log-mel: {setting} is {found}; a finite number above 0 is expected")]
    LogSetting {
        /// Which setting.
        setting: &'static str,
        /// Its value.
        found: f32,
    },
    /// The Fourier transform refused its input.
    #[error("the Fourier transform failed: {reason}")]
    Transform {
        /// Its own words.
        reason: String,
    },
}
