//! Decoding of video and audio files by the `ffmpeg` and `ffprobe` programs.
//!
//! ```no_run
//! # fn main() -> Result<(), mesm_data::clip::ClipError> {
//! use mesm_data::clip::{ClipInfo, WindowOptions, WindowReader};
//!
//! let info = ClipInfo::probe("talk.mp4".as_ref())?;
//! for window in WindowReader::open(&info, &WindowOptions::default())? {
//!     let window = window?;
//!     println!("{} s: {} frames", window.start_s, window.frames.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The programs are found and started through the crate `ffmpeg-sidecar` (beside the executable first, then on the
//! path). Their pipes are read here and not by that crate's event iterator: the iterator drains the program to its
//! end when it is dropped early, drops a half-read last frame without a word, and takes the picture size from log lines; a
//! window reader over a ten-hour file must be able to stop, to wait and to say what was cut off.

mod error;
mod frames;
mod probe;
mod program;
mod samples;
mod stretch;
mod windows;

pub use error::{ClipError, INSTALL_LINE};
pub use frames::{Frame, FrameOptions, FrameReader};
pub use probe::{AudioTrack, ClipInfo, VideoTrack};
pub use samples::{SAMPLE_RATE_HZ, SampleReader};
pub use stretch::{Half, Stretch};
pub use windows::{Window, WindowOptions, WindowReader};
