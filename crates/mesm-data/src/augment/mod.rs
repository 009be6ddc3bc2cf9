//! Augmentation: what a face, a voice or a spectrogram might also have looked or sounded like.
//!
//! Each kind is one struct of settings with [`FaceAugment::none`], which changes nothing, and a default of the strengths
//! that are usual in the field. Everything random comes from the generator that is passed in, so that
//! [`crate::seed::rng`] with an item's key makes the same item again. A transform whose setting is 0 draws nothing.

mod draw;
mod error;
mod face;
mod spec;
mod voice;

pub use error::AugmentError;
pub use face::FaceAugment;
pub use spec::{CHUNK_FRAMES, CHUNK_MELS, SpecAugment};
pub use voice::VoiceAugment;
