//! Media on disk to the raw inputs of the models: RGB frames at chosen times and mono 16 kHz samples.
//!
//! [`clip`] decodes any file the `ffmpeg` program reads, in windows and in bounded memory; [`window_folder`]
//! reads a window that was exported as pictures, samples and words. Neither knows a model.
#![forbid(unsafe_code)]

pub mod clip;
pub mod window_folder;
