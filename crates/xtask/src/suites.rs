//! `cargo xtask test`: every test of the project.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use crate::debian::{self, Packaged};
use crate::minilm;
use crate::places::Places;
use crate::process::{clean, line, program};
use crate::site;
use crate::step::{note, step};
use crate::tally::{self, Tally};
use crate::toolchain::{TARGET, WasmToolchain, for_target};
use crate::tools::require_web_tools;

/// Crates that exist for the browser; natively they would compile a GPU stack nobody runs.
pub const WEB_CRATES: [&str; 3] = ["mesm-engine", "mesm-page", "mesm-web-tests"];

/// Tests that run inside the browser.
const WEB_TESTS: &str = "mesm-web-tests";

/// The path below which the built site is tested: a host may serve it anywhere.
const SUB_PATH: &str = "/a/b/";

/// A part of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// Unit, golden, agreement and end-to-end tests, run by native programs.
    Native,
    /// The optional GPU back ends of the command line program, type-checked.
    Features,
    /// Golden tests inside headless Chromium.
    Browser,
}

impl Suite {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 3] = [Self::Native, Self::Features, Self::Browser];

    /// The suite of a name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "native" => Some(Self::Native),
            "features" => Some(Self::Features),
            "browser" => Some(Self::Browser),
            _ => None,
        }
    }
}

/// The programs that the tests start.
const PROGRAMS: [Packaged; 4] = [
    Packaged {
        programs: &["chromium", "chromium-browser", "google-chrome"],
        package: "chromium",
        elsewhere: "Chromium 113 or newer from your distribution",
    },
    Packaged {
        programs: &["chromedriver"],
        package: "chromium-driver",
        elsewhere: "the chromedriver of the same version",
    },
    Packaged {
        programs: &["ffmpeg"],
        package: "ffmpeg",
        elsewhere: "ffmpeg from ffmpeg.org",
    },
    Packaged {
        programs: &["espeak-ng"],
        package: "espeak-ng",
        elsewhere: "espeak-ng from its project page",
    },
];

/// Brings what the tests need, builds everything and runs the chosen suites.
///
/// # Errors
/// When something is missing that cannot be brought, or a test fails.
pub fn test(places: &Places, suites: &[Suite]) -> Result<()> {
    let toolchain = prepare(places)?;
    let dist = places.cache.join("sites").join("tests");
    let mut broken = Vec::new();
    let mut total = Tally::default();

    if suites.contains(&Suite::Native) {
        build(places, &dist)?;
        total.add(step("native tests", || {
            tally::run(native_tests(places, &dist)?.arg("--no-fail-fast"))
        })?);
    }
    if suites.contains(&Suite::Features)
        && step("type check: features cuda, vulkan", || features(places)).is_err()
    {
        broken.push("type check of the features cuda and vulkan");
    }
    if suites.contains(&Suite::Browser) {
        total.add(step("tests inside Chromium", || {
            tally::run(&mut browser_tests(places, &toolchain)?)
        })?);
    }

    for what in &broken {
        note(&format!("failed: {what}"));
        total.failed += 1;
    }
    println!("{total}");
    if total.failed > 0 {
        bail!("{} failed", total.failed);
    }
    Ok(())
}

/// Brings programs, toolchain, tools and weights.
///
/// # Errors
/// When one of them can neither be found nor brought.
pub fn prepare(places: &Places) -> Result<WasmToolchain> {
    step("programs: Chromium, its driver, ffmpeg, espeak-ng", || {
        debian::require(&PROGRAMS)
    })?;
    let toolchain = step("toolchain for wasm32", || {
        let toolchain = WasmToolchain::require()?;
        note(&toolchain.describe());
        Ok(toolchain)
    })?;
    step("tools: trunk, wasm-bindgen", || require_web_tools(places))?;
    step("weights: text encoder", || minilm::require(places))?;
    Ok(toolchain)
}

/// Compiles the native tests and builds the site at the same time: either alone leaves a core idle for minutes while
/// its longest crates compile one after the other.
fn build(places: &Places, dist: &Path) -> Result<()> {
    let log = places.cache.join("native-build.log");
    step(
        "build: native tests (in the background) and the web site",
        || {
            let mut command = native_tests(places, dist)?;
            command.arg("--no-run");
            thread::scope(|scope| {
                let native = scope.spawn(|| logged(&mut command, &log));
                let web = step("web site", || site::build(places, SUB_PATH, dist));
                let native = native
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("the build's thread broke")));
                web.and(native)
            })
        },
    )
}

/// Runs a command with all its output in a file, whose end is shown when it fails.
fn logged(command: &mut Command, log: &Path) -> Result<()> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
    let shown = line(command);
    let status = command
        .stdout(file.try_clone()?)
        .stderr(file)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        let text = fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(100)..].join("\n"));
        bail!(
            "`{shown}` ended with {status}; all of its output is in {}",
            log.display()
        );
    }
    Ok(())
}

fn native_tests(places: &Places, dist: &Path) -> Result<Command> {
    let mut cargo = clean("cargo");
    cargo.args(["test", "--release", "--workspace"]);
    for name in WEB_CRATES {
        cargo.args(["--exclude", name]);
    }
    cargo
        .current_dir(&places.root)
        .env("CARGO_TARGET_DIR", &places.native_target)
        .env("MESM_MINILM", places.minilm())
        .env("MESM_DIST", dist)
        .env("MESM_CHROMIUM", chromium()?)
        .env("CHROMEDRIVER", driver()?);
    Ok(cargo)
}

fn features(places: &Places) -> Result<()> {
    crate::process::run(
        clean("cargo")
            .args(["check", "--release", "-p", "mesm-cli", "--features", "cuda,vulkan"])
            .current_dir(&places.root)
            .env("CARGO_TARGET_DIR", &places.native_target)
            // Makes the CUDA compiler's build script accept a machine without LLVM: nothing is linked here.
            .env("DOCS_RS", "1"),
    )
}

fn browser_tests(places: &Places, toolchain: &WasmToolchain) -> Result<Command> {
    let mut cargo = toolchain.cargo(places)?;
    cargo
        .args(["test", "--release", "--target", TARGET, "-p", WEB_TESTS, "--no-fail-fast"])
        .env(for_target("RUNNER"), "wasm-bindgen-test-runner")
        .env("CHROMEDRIVER", driver()?)
        // A software GPU on a busy machine is slow; the runner's own limit is 20 seconds.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    Ok(cargo)
}

fn chromium() -> Result<PathBuf> {
    PROGRAMS[0]
        .programs
        .iter()
        .find_map(|name| program(name))
        .context("Chromium is not installed")
}

fn driver() -> Result<PathBuf> {
    program("chromedriver").context("chromedriver is not installed")
}
