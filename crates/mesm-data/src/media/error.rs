//! What can be wrong with a picture or a sound.

use thiserror::Error;

use super::face::MAX_FACE_SIDE;
use super::recording::{MAX_CHANNELS, MAX_VOICE_S, RATES_HZ};

/// Why bytes are no picture or sound that can be used. The caller knows whose they are and says so.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MediaError {
    /// More bytes than any picture or sound that is accepted needs.
    #[error("{found} bytes, expected at most {limit}: is this a single {what}?")]
    TooManyBytes {
        /// "face" or "utterance".
        what: &'static str,
        /// Bytes given.
        found: usize,
        /// Most bytes accepted.
        limit: usize,
    },
    /// The first bytes are those of no format that is read.
    #[error("expected {expected}, found {found}")]
    Format {
        /// The formats that are read.
        expected: &'static str,
        /// What the first bytes say.
        found: String,
    },
    /// The picture does not decode.
    #[error("damaged or unsupported picture: {reason}")]
    Picture {
        /// The decoder's reason.
        reason: String,
    },
    /// A picture without a pixel, or with more than are accepted.
    #[error(
        "a picture of {width}x{height} pixels, expected sides of 1 to {MAX_FACE_SIDE}: scale it down first"
    )]
    PictureSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// The sound does not decode.
    #[error("damaged or unsupported sound: {reason}")]
    Sound {
        /// The decoder's reason.
        reason: String,
    },
    /// The sound ends before the length that it states.
    #[error("a cut-off sound: {expected} samples a channel are stated, {found} are there")]
    CutOff {
        /// Samples a channel that the header states.
        expected: u64,
        /// Samples a channel that were decoded.
        found: u64,
    },
    /// A sound without a sample.
    #[error("a sound without a sample")]
    Silent,
    /// More sound than an utterance has.
    #[error(
        "{seconds:.1} s of sound, expected at most {MAX_VOICE_S} s: cut it into utterances first"
    )]
    TooLong {
        /// Length in seconds; at least this where decoding was given up.
        seconds: f64,
    },
    /// A sample rate outside of [`RATES_HZ`].
    #[error("{found} samples a second, expected {} to {}", RATES_HZ.start(), RATES_HZ.end())]
    Rate {
        /// Samples a second.
        found: u32,
    },
    /// No channel, or more than are accepted.
    #[error("{found} channels, expected 1 to {MAX_CHANNELS}")]
    Channels {
        /// Channels.
        found: usize,
    },
    /// A sample that is no number.
    #[error("sample {at} is no number")]
    NotFinite {
        /// Its place, counted over all channels from 0.
        at: usize,
    },
}
