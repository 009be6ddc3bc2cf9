//! What stands between trunk and wasm-bindgen.
//!
//! trunk starts whatever `wasm-bindgen` is first on `PATH` and hands on no option to drop function names, which are
//! half of a module of this size. So a small script of that name comes first; it starts this program again, which adds
//! the options. Doing it here, before trunk computes hashes, keeps the page's integrity attributes right.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::places::Places;
use crate::process::program;

/// The hidden command of this program that the script uses.
pub const COMMAND: &str = "wasm-bindgen-without-names";

/// Tells [`stand_in`] which program it stands in for.
const REAL: &str = "MESM_WASM_BINDGEN";

/// Writes the script and returns its folder, to be put first on `PATH`, and the variable it needs.
///
/// # Errors
/// When wasm-bindgen is not there or the script cannot be written.
pub fn script(places: &Places) -> Result<(PathBuf, (&'static str, PathBuf))> {
    let own = places
        .tools()
        .join("bin")
        .join(format!("wasm-bindgen{}", env::consts::EXE_SUFFIX));
    let real = if own.is_file() {
        Some(own)
    } else {
        program("wasm-bindgen")
    };
    let real = real.context("wasm-bindgen is not installed")?;
    let this = env::current_exe().context("the path of this program is unknown")?;
    let folder = places.cache.join("stand-in");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    write(&folder, &this).with_context(|| format!("cannot write to {}", folder.display()))?;
    Ok((folder, (REAL, real)))
}

#[cfg(unix)]
fn write(folder: &Path, this: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let script = folder.join("wasm-bindgen");
    fs::write(
        &script,
        format!("#!/bin/sh\nexec '{}' {COMMAND} \"$@\"\n", this.display()),
    )?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn write(folder: &Path, this: &Path) -> std::io::Result<()> {
    fs::write(
        folder.join("wasm-bindgen.cmd"),
        format!("@\"{}\" {COMMAND} %*\r\n", this.display()),
    )
}

/// Runs the real wasm-bindgen with the arguments of trunk and the options for a small module.
///
/// # Errors
/// When the real program is not named or does not start.
pub fn stand_in(arguments: &[OsString]) -> Result<ExitCode> {
    let real = env::var_os(REAL)
        .with_context(|| format!("{REAL} names no program: this command is for trunk"))?;
    let mut command = Command::new(real);
    command.args(arguments);
    // Only a run that writes a module takes the options; trunk also asks for the version.
    if arguments
        .iter()
        .any(|one| one.to_string_lossy().starts_with("--out-dir"))
    {
        command.args(["--remove-name-section", "--remove-producers-section"]);
    }
    let status = command.status().context("wasm-bindgen does not start")?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
