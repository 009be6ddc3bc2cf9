//! From raw media to the inputs of the model, by the same code natively and in a Web Worker.
//!
//! | input | from | to |
//! | --- | --- | --- |
//! | [`mel`] | mono samples | power mel spectrogram in pieces of 128 mels by 32 frames |
//! | [`face`], [`crop`], [`track`] | RGB frames | face crops of 48x48, or the authors' fallback crop |
//! | [`tokens`] | words | token numbers of a text encoder |
//! | [`sample`] | a clip's length | the moments at which frames are taken |
//! | [`handcrafted`] | samples, face crops, words | features by rules, for the two-phase baselines |
//! | [`window`] | what a window of a clip holds | the model's input, and what is absent |
//!
//! Everything works on slices and tensors: no file, no clock, no thread, no capture device.

#![forbid(unsafe_code)]

pub mod crop;
pub mod face;
pub mod handcrafted;
pub mod mel;
pub mod picture;
pub mod sample;
pub mod tokens;
pub mod track;
pub mod window;

pub use picture::{Intensity, Picture, PictureError, RgbFrame};
