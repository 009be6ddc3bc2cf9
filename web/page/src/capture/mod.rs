//! Pictures and sound as they come from a camera, a microphone or a file.

mod assets;
mod camera;
mod clip;
pub(crate) mod devices;
mod feed;
mod frames;
mod microphone;
pub(crate) mod speech;
mod trouble;
mod window;

pub(crate) use assets::Assets;
pub(crate) use camera::{Camera, rate_hz};
pub(crate) use clip::Clip;
pub(crate) use devices::Wanted;
pub(crate) use feed::Feed;
pub(crate) use frames::{FrameGrabber, Picture, context_2d};
pub(crate) use microphone::Microphone;
pub(crate) use trouble::{Cause, Device, Trouble};
pub(crate) use window::{WINDOW_MS, WindowInput, step_starts};

/// Distance of the frames in milliseconds, as the authors sample them.
pub(crate) const FRAME_STEP_MS: f64 = 500.0;
