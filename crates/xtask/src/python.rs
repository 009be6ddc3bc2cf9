//! A Python of the project's own, for the test that reads a store as researchers do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::debian::{self, Packaged};
use crate::places::Places;
use crate::process::{capture, program};
use crate::step::{note, step};

/// The packages, one pinned release a line, as pip reads them.
const PACKAGES: &str = include_str!("python.txt");

/// Names the packages of an environment that is complete.
const LIST: &str = "packages.txt";

const PYTHON: Packaged = Packaged {
    programs: &["python3", "python"],
    package: "python3",
    elsewhere: "Python 3.10 or newer from python.org",
};

/// The interpreter of the environment, whether it is there or not.
#[must_use]
pub fn interpreter(places: &Places) -> PathBuf {
    interpreter_of(&places.tools().join("python"))
}

/// The interpreter of an environment in `folder`.
#[must_use]
pub fn interpreter_of(folder: &Path) -> PathBuf {
    if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    }
}

/// Makes the environment with its packages, unless it is there.
///
/// # Errors
/// When there is no Python, or pip cannot bring a package.
pub fn require(places: &Places) -> Result<()> {
    let folder = places.tools().join("python");
    if is_there(&folder, PACKAGES) {
        return Ok(());
    }
    debian::require(&[PYTHON])?;
    let Some(python) = PYTHON.programs.iter().find_map(|name| program(name)) else {
        bail!("no Python on PATH: {}", PYTHON.elsewhere);
    };
    bring(&python, &folder, PACKAGES)
}

/// Makes an environment in `folder` with the packages that the file `requirements` pins, unless it is there.
///
/// # Errors
/// When the file does not read, or pip cannot bring a package.
pub fn environment(python: &Path, folder: &Path, requirements: &Path) -> Result<()> {
    let packages = fs::read_to_string(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    if is_there(folder, &packages) {
        return Ok(());
    }
    bring(python, folder, &packages)
}

/// Whether the environment has just these packages. The list is written last: one that was broken off is made again.
fn is_there(folder: &Path, packages: &str) -> bool {
    fs::read_to_string(folder.join(LIST)).is_ok_and(|found| found == packages)
        && capture(Command::new(interpreter_of(folder)).arg("--version")).is_ok()
}

fn bring(python: &Path, folder: &Path, packages: &str) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    make(python, folder)?;
    let (wanted, list) = (folder.join("wanted.txt"), folder.join(LIST));
    fs::write(&wanted, packages)?;
    let names: Vec<&str> = packages
        .lines()
        .filter_map(|line| line.split_once("==").map(|(name, _)| name))
        .collect();
    step(&format!("pip install {}", names.join(", ")), || {
        capture(
            Command::new(interpreter_of(folder))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-input",
                    "--only-binary=:all:",
                ])
                .args(["--disable-pip-version-check", "--requirement"])
                .arg(&wanted),
        )
    })?;
    fs::rename(&wanted, &list).with_context(|| format!("cannot write {}", list.display()))
}

/// A bare environment. Debian packages the part of Python that makes them separately.
fn make(python: &Path, folder: &Path) -> Result<()> {
    let attempt = || capture(Command::new(python).args(["-m", "venv"]).arg(folder)).map(drop);
    let Err(error) = attempt() else { return Ok(()) };
    if !debian::can_install() {
        return Err(error.context(
            "Python cannot make an environment. Debian, Ubuntu: `apt-get install -y python3-venv`",
        ));
    }
    note(&format!("{error:#}: installing python3-venv"));
    debian::install(&["python3-venv"])?;
    attempt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned() {
        let packages: Vec<&str> = PACKAGES
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .collect();
        assert!(packages.len() >= 3);
        for package in packages {
            assert!(package.contains("=="), "{package}");
        }
    }
}
