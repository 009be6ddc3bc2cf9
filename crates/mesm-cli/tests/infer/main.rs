//! `mesm infer` as a process: what is printed, on which stream, with which exit code.
//!
//! The clips are made here by ffmpeg and espeak-ng from a public-domain portrait; a machine without these programs
//! fails the tests with the line that installs them. The text encoder is a tiny one made here, so that nothing is
//! downloaded.

#![allow(
    clippy::expect_used,
    clippy::float_cmp,
    clippy::unwrap_used,
    reason = "a test may panic, and compares numbers that are exact"
)]

mod absences;
mod answers;
mod bench;
mod clips;
mod encoder;
mod help;
mod program;
mod refusals;
mod time_line;
mod weights;
