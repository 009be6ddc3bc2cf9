//! Programs from crates.io that the project builds for itself, once, into its cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::process::{Version, capture, clean, line, program, run, version_of};
use crate::step::{note, step};

/// Which versions of a program serve.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// This one only.
    Exactly(Version),
    /// This one is installed; a later one that is there already serves too.
    AtLeast(Version),
}

impl Wanted {
    fn serves(self, found: Version) -> bool {
        match self {
            Self::Exactly(version) => found == version,
            Self::AtLeast(version) => found >= version,
        }
    }

    fn version(self) -> Version {
        match self {
            Self::Exactly(version) | Self::AtLeast(version) => version,
        }
    }
}

/// A crate that brings programs.
struct Tool {
    package: &'static str,
    /// The first one is asked for its version.
    programs: &'static [&'static str],
    wanted: Wanted,
    /// trunk only starts other programs; wasm-bindgen rewrites tens of megabytes itself.
    opt_level: &'static str,
    features: &'static [&'static str],
}

/// Older releases mix up a module's two tables (of functions and of JavaScript objects): the page then stops with
/// "argument is invalid for table". Debian 12 packages release 108.
const OLDEST_WASM_OPT: u32 = 116;

/// The wasm-opt on `PATH`, where it is new enough to leave a module whole.
#[must_use]
pub fn wasm_opt() -> Option<PathBuf> {
    let found = program("wasm-opt")?;
    // It says `wasm-opt version 116`, not three numbers.
    let said = capture(Command::new(&found).arg("--version")).ok()?;
    let release = said
        .split_whitespace()
        .find_map(|word| word.parse::<u32>().ok())?;
    (release >= OLDEST_WASM_OPT).then_some(found)
}

/// trunk and the wasm-bindgen programs of the locked version; says whether wasm-opt is there.
///
/// # Errors
/// When one can be neither found nor built.
pub fn require_web_tools(places: &Places) -> Result<()> {
    let trunk = Tool {
        package: "trunk",
        programs: &["trunk"],
        wanted: Wanted::AtLeast(Version(0, 21, 14)),
        opt_level: "0",
        // It needs no network here: it finds every tool on PATH.
        features: &["--no-default-features"],
    };
    require(places, &[trunk, bindgen(places)?])?;
    if wasm_opt().is_none() {
        note(&format!(
            "no wasm-opt of release {OLDEST_WASM_OPT} or newer: the engine stays a quarter larger"
        ));
    }
    Ok(())
}

/// What `cargo xtask check` needs beyond the compiler.
///
/// # Errors
/// As [`require_web_tools`].
pub fn require_check_tools(places: &Places) -> Result<()> {
    let deny = Tool {
        package: "cargo-deny",
        programs: &["cargo-deny"],
        wanted: Wanted::AtLeast(Version(0, 19, 0)),
        opt_level: "0",
        features: &["--no-default-features"],
    };
    let typos = Tool {
        package: "typos-cli",
        programs: &["typos"],
        wanted: Wanted::AtLeast(Version(1, 40, 0)),
        opt_level: "1",
        features: &[],
    };
    require(places, &[deny, typos])
}

fn bindgen(places: &Places) -> Result<Tool> {
    Ok(Tool {
        package: "wasm-bindgen-cli",
        programs: &["wasm-bindgen", "wasm-bindgen-test-runner"],
        wanted: Wanted::Exactly(locked_version(places, "wasm-bindgen")?),
        opt_level: "1",
        // Transport security is for remote test drivers; ours is on this machine.
        features: &["--no-default-features"],
    })
}

fn require(places: &Places, tools: &[Tool]) -> Result<()> {
    let missing: Vec<&Tool> = tools
        .iter()
        .filter(|tool| found(places, tool).is_none())
        .collect();
    // One target folder for all of them, so that what they have in common is compiled once; not worth keeping.
    let target = places.tools().join("build");
    for tool in &missing {
        let what = format!("cargo install {} {}", tool.package, tool.wanted.version());
        step(&what, || install(places, tool, &target))?;
        if found(places, tool).is_none() {
            bail!(
                "{} was installed, but {} does not run",
                tool.package,
                tool.programs[0]
            );
        }
    }
    if !missing.is_empty() && target.exists() {
        fs::remove_dir_all(&target)
            .with_context(|| format!("cannot remove {}", target.display()))?;
    }
    Ok(())
}

/// The folder where all programs of the tool lie in a version that serves.
fn found(places: &Places, tool: &Tool) -> Option<PathBuf> {
    let own = places.tools().join("bin");
    let path =
        program(tool.programs[0]).and_then(|program| program.parent().map(Path::to_path_buf));
    [Some(own), path].into_iter().flatten().find(|folder| {
        let suffix = std::env::consts::EXE_SUFFIX;
        let mut programs = tool
            .programs
            .iter()
            .map(|name| folder.join(format!("{name}{suffix}")));
        programs.clone().all(|program| program.is_file())
            && programs
                .next()
                .and_then(|first| version_of(&first))
                .is_some_and(|found| tool.wanted.serves(found))
    })
}

fn install(places: &Places, tool: &Tool, target: &Path) -> Result<()> {
    let command = |locked: bool| {
        let mut cargo = clean("cargo");
        cargo
            .args(["install", tool.package, "--force", "--version"])
            .arg(format!("={}", tool.wanted.version()))
            .args(tool.features)
            .args(locked.then_some("--locked"))
            .arg("--root")
            .arg(places.tools())
            .env("CARGO_TARGET_DIR", target)
            // The packages ask for whole-program optimisation, which takes longer than all their work for us.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", tool.opt_level)
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_PROFILE_RELEASE_STRIP", "debuginfo")
            .env("CARGO_INCREMENTAL", "0")
            // Outside the checkout its configuration does not apply to someone else's program.
            .current_dir(&places.cache);
        cargo
    };
    fs::create_dir_all(places.tools())
        .with_context(|| format!("cannot create {}", places.tools().display()))?;
    let mut locked = command(true);
    if let Err(error) = run(&mut locked) {
        // A mirror may lack a version that the author's lock file names, where a compatible one would do.
        note(&format!(
            "{error:#}: once more without the author's lock file ({})",
            line(&command(false))
        ));
        run(&mut command(false))?;
    }
    Ok(())
}

/// The version of a package in `Cargo.lock`.
///
/// # Errors
/// When the lock file is missing or names the package not once or twice.
pub fn locked_version(places: &Places, package: &str) -> Result<Version> {
    let path = places.root.join("Cargo.lock");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    version_in_lock(&text, package)
        .with_context(|| format!("{} names no single version of {package}", path.display()))
}

fn version_in_lock(lock: &str, package: &str) -> Option<Version> {
    let name = format!("name = \"{package}\"");
    let mut versions = lock
        .split("[[package]]")
        .filter(|entry| entry.lines().any(|line| line == name));
    let entry = versions.next()?;
    if versions.next().is_some() {
        return None;
    }
    let version = entry
        .lines()
        .find_map(|line| line.strip_prefix("version = \""))?;
    Version::parse(version.trim_end_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n\n\
                        [[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.2.129\"\n\n\
                        [[package]]\nname = \"rand\"\nversion = \"0.8.1\"\n\n[[package]]\nname = \"rand\"\nversion = \"0.9.0\"\n";

    #[test]
    fn the_locked_version_is_that_of_the_very_package() {
        assert_eq!(
            version_in_lock(LOCK, "wasm-bindgen"),
            Some(Version(0, 2, 130))
        );
        assert_eq!(version_in_lock(LOCK, "wasm"), None);
    }

    #[test]
    fn two_versions_of_a_package_are_no_answer() {
        assert_eq!(version_in_lock(LOCK, "rand"), None);
    }

    #[test]
    fn a_later_trunk_serves_but_not_another_wasm_bindgen() {
        assert!(Wanted::AtLeast(Version(0, 21, 14)).serves(Version(0, 22, 1)));
        assert!(!Wanted::AtLeast(Version(0, 21, 14)).serves(Version(0, 21, 13)));
        assert!(!Wanted::Exactly(Version(0, 2, 130)).serves(Version(0, 2, 131)));
    }
}
