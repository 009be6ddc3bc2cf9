//! Encoded pictures and sounds, as a store keeps them, to what the models are given.
//!
//! The bytes are anybody's: sizes, sides and lengths are bounded before memory is taken for them, and whatever is wrong
//! with them comes back as a [`MediaError`].

mod area;
mod error;
mod face;
mod flac;
#[cfg(test)]
mod flac_writer;
mod rate;
#[cfg(test)]
mod real_data;
mod recording;
mod voice;
mod wav;

pub use error::MediaError;
pub use face::{FACE_SIDE, FACE_VALUES, MAX_FACE_BYTES, MAX_FACE_SIDE, face};
pub(crate) use rate::at_speed;
pub use recording::{MAX_CHANNELS, MAX_VOICE_S, RATES_HZ, VOICE_RATE_HZ};
pub use voice::{MAX_VOICE_BYTES, voice};
