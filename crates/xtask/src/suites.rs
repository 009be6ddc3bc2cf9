//! `cargo xtask test`: every test of the project.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use crate::axe;
use crate::debian::{self, CHROMIUM, FFMPEG, FFPROBE, MAKE, Packaged};
use crate::minilm;
use crate::npm;
use crate::places::Places;
use crate::process::{clean, line, program, run};
use crate::python;
use crate::site;
use crate::step::{note, step};
use crate::tally::{self, Tally};
use crate::toolchain::{PROFILE, TARGET, WasmToolchain, for_target};
use crate::tools::require_web_tools;

/// Crates that are compiled for the browser.
pub const WEB_CRATES: [&str; 4] = ["mesm-engine", "mesm-page", "mesm-bench-web", WEB_TESTS];

/// Tests that run inside the browser and nowhere else.
pub const WEB_TESTS: &str = "mesm-web-tests";

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
const PROGRAMS: [Packaged; 6] = [
    CHROMIUM,
    Packaged {
        programs: &["chromedriver"],
        package: "chromium-driver",
        elsewhere: "the chromedriver of the same version",
    },
    FFMPEG,
    FFPROBE,
    Packaged {
        programs: &["espeak-ng"],
        package: "espeak-ng",
        elsewhere: "espeak-ng from its project page",
    },
    MAKE,
];

/// Brings what the tests need, builds everything and runs the chosen suites. The sum is printed on the last line.
///
/// # Errors
/// When something is missing that cannot be brought. Failing tests are no error here: they are in the tally.
pub fn test(places: &Places, suites: &[Suite]) -> Result<Tally> {
    let toolchain = prepare(places)?;
    let commands = Commands {
        places,
        toolchain,
        dist: places.cache.join("sites").join("tests"),
        package: places.cache.join("sites").join("npm"),
    };
    let built = step("build everything for the tests", || {
        Ok(build(&commands, suites))
    })?;

    let mut total = Tally::default();
    for (suite, outcome) in built {
        let outcome = match (suite, outcome) {
            (Suite::Native, Ok(())) => step("native tests", || {
                tally::run(&mut commands.native(&["--no-fail-fast"])?)
            }),
            (Suite::Browser, Ok(())) => step("tests inside Chromium", || {
                tally::run(&mut commands.browser(&["--no-fail-fast"])?)
            }),
            (Suite::Features, Ok(())) => Ok(Tally {
                passed: 1,
                failed: 0,
            }),
            (_, Err(error)) => Err(error),
        };
        total.add(outcome.unwrap_or_else(|error| {
            note(&format!("{suite:?} tests: {error:#}"));
            Tally {
                passed: 0,
                failed: 1,
            }
        }));
    }
    println!("{total}");
    Ok(total)
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
    step("accessibility checks", || axe::require(places))?;
    step("Python with pyarrow, pandas, datasets", || {
        python::require(places)
    })?;
    Ok(toolchain)
}

/// Compiles native and web parts at the same time: either alone leaves a core idle for minutes while its longest crates
/// compile one after the other.
fn build(commands: &Commands, suites: &[Suite]) -> Vec<(Suite, Result<()>)> {
    let wanted = |suite| suites.contains(&suite);
    let log = |name: &str| commands.places.cache.join("logs").join(name);
    thread::scope(|scope| {
        let background = scope.spawn(|| {
            let native = wanted(Suite::Native)
                .then(|| logged(commands.native(&["--no-run"])?, &log("native-tests.log")));
            let features =
                wanted(Suite::Features).then(|| logged(commands.features(), &log("features.log")));
            (native, features)
        });
        let site = wanted(Suite::Native).then(|| {
            step("web site and npm package for the end-to-end tests", || {
                site::build(commands.places, SUB_PATH, &commands.dist)?;
                npm::build(commands.places, &commands.dist, &commands.package)
            })
        });
        let browser = wanted(Suite::Browser).then(|| {
            step("tests for Chromium", || {
                run(&mut commands.browser(&["--no-run"])?)
            })
        });
        let join = || {
            let broke = |_| (Some(Err(anyhow!("the build's thread broke"))), None);
            background.join().unwrap_or_else(broke)
        };
        let (native, features) = if wanted(Suite::Native) || wanted(Suite::Features) {
            let what = "native tests, type check of the features cuda and vulkan (begun with the web site)";
            step(what, || Ok(join())).unwrap_or_default()
        } else {
            join()
        };
        // Without the site the end-to-end tests would see an older one: it fails the run whatever they say.
        let site = site.filter(Result::is_err);
        [
            (Suite::Native, site),
            (Suite::Native, native),
            (Suite::Features, features),
            (Suite::Browser, browser),
        ]
        .into_iter()
        .filter_map(|(suite, outcome)| outcome.map(|outcome| (suite, outcome)))
        .collect()
    })
}

/// Runs a command with all its output in a file, whose end is shown when it fails.
fn logged(mut command: Command, log: &Path) -> Result<()> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let file = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
    let shown = line(&command);
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

/// The commands of one test run; building and running a suite differ in the last arguments only.
struct Commands<'a> {
    places: &'a Places,
    toolchain: WasmToolchain,
    /// The built site.
    dist: PathBuf,
    /// The built npm package.
    package: PathBuf,
}

impl Commands<'_> {
    fn cargo(&self) -> Command {
        let mut cargo = clean("cargo");
        cargo
            .current_dir(&self.places.root)
            .env("CARGO_TARGET_DIR", &self.places.native_target);
        cargo
    }

    fn native(&self, last: &[&str]) -> Result<Command> {
        let mut cargo = self.cargo();
        cargo
            .args(["test", "--release", "--workspace", "--exclude", WEB_TESTS])
            .args(last)
            .env("MESM_TEXT_ENCODER", self.places.minilm())
            .env("MESM_AXE", axe::require(self.places)?)
            .env("MESM_DIST", &self.dist)
            .env("MESM_NPM", &self.package)
            .env("MESM_PYTHON", python::interpreter(self.places))
            .env("MESM_CHROMIUM", chromium()?)
            .env("CHROMEDRIVER", driver()?);
        Ok(cargo)
    }

    fn features(&self) -> Command {
        let mut cargo = self.cargo();
        cargo
            .args(["check", "--release", "-p", "mesm-cli", "--features", "cuda,vulkan"])
            // Makes the CUDA compiler's build script accept a machine without LLVM: nothing is linked here.
            .env("DOCS_RS", "1");
        cargo
    }

    fn browser(&self, last: &[&str]) -> Result<Command> {
        let mut cargo = self.toolchain.cargo(self.places)?;
        cargo
            .args(["test", "--profile", PROFILE, "--target", TARGET, "-p", WEB_TESTS])
            .args(last)
            .env(for_target("RUNNER"), "wasm-bindgen-test-runner")
            .env("CHROMEDRIVER", driver()?)
            // A software GPU on a busy machine is slow; the runner's own limit is 20 seconds.
            .env("WASM_BINDGEN_TEST_TIMEOUT", "600");
        Ok(cargo)
    }
}

fn chromium() -> Result<PathBuf> {
    CHROMIUM
        .programs
        .iter()
        .find_map(|name| program(name))
        .context("Chromium is not installed")
}

fn driver() -> Result<PathBuf> {
    program("chromedriver").context("chromedriver is not installed")
}
