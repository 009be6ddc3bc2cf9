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

const PYTHON: Packaged = Packaged {
    programs: &["python3", "python"],
    package: "python3",
    elsewhere: "Python 3.10 or newer from python.org",
};

/// The interpreter of the environment, whether it is there or not.
#[must_use]
pub fn interpreter(places: &Places) -> PathBuf {
    let folder = places.tools().join("python");
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
    let list = folder.join("packages.txt");
    // Written last: an environment that was broken off is made again.
    if fs::read_to_string(&list).is_ok_and(|found| found == PACKAGES)
        && capture(Command::new(interpreter(places)).arg("--version")).is_ok()
    {
        return Ok(());
    }
    debian::require(&[PYTHON])?;
    let Some(python) = PYTHON.programs.iter().find_map(|name| program(name)) else {
        bail!("no Python on PATH: {}", PYTHON.elsewhere);
    };
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    make(&python, &folder)?;
    fs::write(folder.join("wanted.txt"), PACKAGES)?;
    step("pip install pyarrow, pandas, datasets, pillow", || {
        capture(
            Command::new(interpreter(places))
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-input",
                    "--only-binary=:all:",
                ])
                .args(["--disable-pip-version-check", "--requirement"])
                .arg(folder.join("wanted.txt")),
        )
    })?;
    fs::rename(folder.join("wanted.txt"), &list)
        .with_context(|| format!("cannot write {}", list.display()))
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
