//! `mesm prepare iemocap`, `mosei`, `processed` and `mesm stats` as a process, on small data sets in the real layouts that
//! are made here with ffmpeg and espeak-ng.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod broken;
/// Where the encoder is put.
mod clips {
    pub(crate) use crate::made::folder;
}
#[path = "../infer/encoder.rs"]
mod encoder;
mod kill;
#[path = "../prepare/killed.rs"]
mod killed;
mod made;
mod program;
mod refused;
mod splits;
mod stats;
mod taken;
mod trained;
