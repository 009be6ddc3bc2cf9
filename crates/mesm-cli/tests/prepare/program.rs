//! Runs of the program.

use std::path::Path;
use std::process::Command;

/// What a run left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `mesm prepare manifest DATA --out STORE MORE`, not started.
pub(crate) fn command(data: &Path, store: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
    command
        .args(["prepare", "manifest"])
        .arg(data)
        .arg("--out")
        .arg(store)
        .args(more);
    command
}

/// The same, run to its end.
pub(crate) fn prepare(data: &Path, store: &Path, more: &[&str]) -> Run {
    finish(&mut command(data, store, more))
}

/// Runs a command to its end.
pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
