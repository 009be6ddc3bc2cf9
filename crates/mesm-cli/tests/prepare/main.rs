//! `mesm prepare manifest` as a process: what it makes, what it says, what a kill leaves, and that Python reads it.
//!
//! The data are made here. The last needs a Python with pyarrow, pandas and Hugging Face `datasets`, which `cargo xtask
//! test` brings and names in `MESM_PYTHON`; without it the test fails with the line that installs it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod data;
mod kill;
mod killed;
mod program;
mod python;
mod runs;
