//! The native programs, for the commands that run them.

use std::path::PathBuf;

use anyhow::Result;

use crate::debian::{self, FFMPEG, FFPROBE, MAKE};
use crate::places::Places;
use crate::process::{clean, run};
use crate::step::step;

/// Builds the program mesm, for the devices that `features` names too, and the programs of the tests; gives the folder
/// they are in. What they need of the system is brought first: whoever lacks it should not learn so after the build.
///
/// # Errors
/// When a program of the system is missing and cannot be brought, or the build fails.
pub fn build(places: &Places, features: &[&str]) -> Result<PathBuf> {
    step("programs: ffmpeg, make", || {
        debian::require(&[FFMPEG, FFPROBE, MAKE])
    })?;
    step("build the program mesm", || {
        run(clean("cargo")
            .current_dir(&places.root)
            .env("CARGO_TARGET_DIR", &places.native_target)
            .args(["build", "--release", "-p", "mesm-cli", "-p", "mesm-tests"])
            .args(features))
    })?;
    Ok(places.native_target.join("release"))
}
