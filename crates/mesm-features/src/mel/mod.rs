//! Power mel spectrograms in pieces, with torchaudio's numbers.
//!
//! As the authors' code, which differs from common practice: the power is used as it is, without
//! logarithm and without normalisation. [`MelAmplitude::Log`] is our option for models trained
//! here; the setting travels with the model.

mod config;
mod error;
mod filterbank;
mod spectrogram;

pub use config::{MelAmplitude, MelConfig, MelStyle};
pub use error::MelError;
pub use filterbank::FilterBank;
pub use spectrogram::{MelPieces, MelPlan, Spectrogram};

/// Mel bands, and rows of a piece.
pub const MELS: usize = 128;

/// Spectrogram frames, and columns of a piece.
pub const PIECE_FRAMES: usize = 32;

/// The pieces of mono `samples` (-1..1) taken at `config.sample_rate_hz`.
///
/// Plans the transform anew; a caller with many calls keeps a [`MelPlan`].
///
/// # Errors
/// See [`MelPlan::new`] and [`MelPlan::pieces`].
pub fn mel_pieces(samples: &[f32], config: &MelConfig) -> Result<MelPieces, MelError> {
    MelPlan::new(config)?.pieces(samples)
}
