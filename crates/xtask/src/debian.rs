//! Programs that come as packages on Debian and Ubuntu.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{capture, program};
use crate::step::{note, step};

/// Whether packages can be installed here without asking anyone: Debian or Ubuntu, as root.
pub fn can_install() -> bool {
    Path::new("/etc/debian_version").exists()
        && program("apt-get").is_some()
        && capture(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// A program and the Debian package that brings it.
#[derive(Debug, Clone, Copy)]
pub struct Packaged {
    /// Any of these on `PATH` is enough.
    pub programs: &'static [&'static str],
    /// The package's name.
    pub package: &'static str,
    /// How to get it elsewhere.
    pub elsewhere: &'static str,
}

/// The browser.
pub const CHROMIUM: Packaged = Packaged {
    programs: &["chromium", "chromium-browser", "google-chrome"],
    package: "chromium",
    elsewhere: "Chromium 113 or newer from your distribution",
};

/// What the program mesm reads videos and sounds with.
pub const FFMPEG: Packaged = Packaged {
    programs: &["ffmpeg"],
    package: "ffmpeg",
    elsewhere: "ffmpeg from ffmpeg.org",
};

/// What tells the program mesm what is in them: of the same package, but some have one without the other.
pub const FFPROBE: Packaged = Packaged {
    programs: &["ffprobe"],
    ..FFMPEG
};

/// What the native program's allocator is built with.
pub const MAKE: Packaged = Packaged {
    programs: &["make"],
    package: "make",
    elsewhere: "make from your distribution",
};

/// Brings every missing program, or says in one line what to install.
///
/// # Errors
/// When something is missing and cannot be installed here.
pub fn require(wanted: &[Packaged]) -> Result<()> {
    let missing: Vec<&Packaged> = wanted
        .iter()
        .filter(|one| one.programs.iter().all(|name| program(name).is_none()))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|one| one.package).collect();
    packages.dedup();
    if !can_install() {
        let mut elsewhere: Vec<&str> = missing.iter().map(|one| one.elsewhere).collect();
        elsewhere.dedup();
        bail!(
            "missing: {}. Install: `apt-get install -y {}` (Debian, Ubuntu) or {}",
            missing
                .iter()
                .map(|one| one.programs[0])
                .collect::<Vec<_>>()
                .join(", "),
            packages.join(" "),
            elsewhere.join(", ")
        );
    }
    install(&packages)?;
    for one in missing {
        if one.programs.iter().all(|name| program(name).is_none()) {
            bail!(
                "package {} is installed, but brought no {}; {}",
                one.package,
                one.programs[0],
                one.elsewhere
            );
        }
    }
    Ok(())
}

/// Installs packages; refreshes the package lists first.
///
/// # Errors
/// When apt-get fails.
pub fn install(packages: &[&str]) -> Result<()> {
    step(&format!("apt-get install {}", packages.join(" ")), || {
        if let Err(error) = capture(Command::new("apt-get").args(["update", "-qq"])) {
            // One unreachable third-party source fails the whole refresh; the distribution's own may be fresh.
            note(&format!(
                "{error:#}: going on with the package lists at hand"
            ));
        }
        capture(
            Command::new("apt-get")
                .env("DEBIAN_FRONTEND", "noninteractive")
                .args(["install", "-y", "--no-install-recommends"])
                .args(packages),
        )
        .map(drop)
    })
}
