//! What `cargo xtask` is asked to do.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::bench::{Effort, Part};
use crate::bindgen;
use crate::site::check_url;
use crate::suites::Suite;
use crate::train_demo::{DEVICES, RECIPE};

/// What the user reads without an argument or with `--help`.
pub const HELP: &str = "\
cargo xtask: set up, build, serve, test and publish this project

Each command first brings what it lacks (compiler target, tools, weights, on Debian and Ubuntu as root also
programs), says what it does and how long it took, and does nothing twice. Start with:

    cargo xtask demo --open

Commands
    demo      build the web page and serve it on this machine
                --port N           port on 127.0.0.1 (8080)
                --open             open the page in the browser
    test      run every test; the last line is `N passed, N failed`
                --only SUITE       native    unit, golden, agreement and end-to-end tests
                                   features  type check of the cuda and vulkan back ends
                                   browser   golden tests inside headless Chromium
                                   (may be given more than once)
    check     rustfmt, clippy (native and wasm32), cargo-deny, typos, docs: warnings are errors
    dist      build a folder to upload to any static web host
                --public-url /p/   the path below which the host serves it (/)
                --out DIR          the folder (dist)
    npm       build the engine and its models as an npm package
                --out DIR          the folder (npm)
    train-demo  train the page's model on a folder of labelled faces, voices and sentences
                --data DIR         the folder, as `mesm prepare manifest --help` describes it
                --out DIR          store, checkpoints, log and weights (runs/web)
                --recipe FILE      phases and sizes (crates/mesm-train/recipes/web.toml; paper.toml beside it is
                                   the paper's size)
                --device D         cpu, cuda or vulkan (cpu)
    demo-report  make small data sets in the layouts of the papers', train every model on them, lay out their tables
                --out DIR          data sets, stores, trainings and reports (runs/demo-report)
    bench     measure MESM and FE2E natively and in Chromium beside PyTorch and onnxruntime, into target/bench and
              docs/performance.md; on a machine that does nothing else
                --quick            few calls of everything, no large batches
                --only PART        native, peers, browser, or dawn (Chromium's WebGPU under Node, for a machine with a
                                   graphics card); the others stay as measured last (may be given more than once)
    setup     bring everything that demo and test need, build nothing
    help      this text

Where things go
    ~/.cache/mesm (MESM_CACHE)     tools, downloads, and Cargo's target folders; safe to delete, costly to refill
    CARGO_TARGET_DIR               Cargo's target folder instead of the one in the cache; wasm32 builds use web in it

When something is in the way
    MESM_WASM_TOOLCHAIN=own        compile for wasm32 with the toolchain in use only (needs its wasm32 target)
    MESM_WASM_TOOLCHAIN=packaged   compile for wasm32 with Debian's rustc-web (no Rust distribution server needed)
    PIP_INDEX_URL                  mirror of the Python package index, from which the text encoder comes

Exit status: 0 done, 1 failed, 2 not understood.
";

/// One command with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Build and serve the page.
    Demo {
        /// Port on 127.0.0.1.
        port: u16,
        /// Whether to open the browser.
        open: bool,
    },
    /// Run the tests.
    Test {
        /// Which of them, in order.
        suites: Vec<Suite>,
    },
    /// Lint everything.
    Check,
    /// Build a folder for a static host.
    Dist {
        /// The path below which it will be served.
        public_url: String,
        /// The folder.
        out: PathBuf,
    },
    /// Build the npm package.
    Npm {
        /// The folder.
        out: PathBuf,
    },
    /// Train the page's model.
    TrainDemo {
        /// The folder of data.
        data: PathBuf,
        /// Where store, checkpoints and weights go.
        out: PathBuf,
        /// Settings of the training.
        recipe: PathBuf,
        /// Where to compute.
        device: String,
    },
    /// Train every model of the papers on small data sets.
    DemoReport {
        /// Where everything goes.
        out: PathBuf,
    },
    /// Measure what the models cost in time.
    Bench {
        /// How much is measured.
        effort: Effort,
        /// What is measured, in order.
        parts: Vec<Part>,
    },
    /// Bring tools and weights.
    Setup,
    /// Stand in for wasm-bindgen, called by trunk.
    Bindgen(Vec<OsString>),
}

impl Command {
    /// The command of a name, as it is without flags.
    fn named(name: &str) -> Result<Self, lexopt::Error> {
        Ok(match name {
            "help" => Self::Help,
            "demo" => Self::Demo {
                port: 8080,
                open: false,
            },
            "test" => Self::Test { suites: Vec::new() },
            "check" => Self::Check,
            "dist" => Self::Dist {
                public_url: "/".to_owned(),
                out: PathBuf::from("dist"),
            },
            "npm" => Self::Npm {
                out: PathBuf::from("npm"),
            },
            "train-demo" => Self::TrainDemo {
                data: PathBuf::new(),
                out: PathBuf::from("runs/web"),
                recipe: PathBuf::from(RECIPE),
                device: "cpu".to_owned(),
            },
            "demo-report" => Self::DemoReport {
                out: PathBuf::from("runs/demo-report"),
            },
            "bench" => Self::Bench {
                effort: Effort::WHOLE,
                parts: Vec::new(),
            },
            "setup" => Self::Setup,
            _ => {
                return Err(format!(
                    "no command {name:?}: expected demo, test, check, dist, npm, train-demo, demo-report, bench, setup or help"
                )
                .into());
            }
        })
    }

    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    /// One line that says what was not understood.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let Some(first) = parser.next()? else {
            return Ok(Self::Help);
        };
        let name = match first {
            Long("help") | Short('h') => return Ok(Self::Help),
            Value(name) => name.string()?,
            other => return Err(other.unexpected()),
        };
        if name == bindgen::COMMAND {
            return Ok(Self::Bindgen(parser.raw_args()?.collect()));
        }
        let mut command = Self::named(&name)?;
        while let Some(argument) = parser.next()? {
            match (&mut command, argument) {
                (_, Long("help") | Short('h')) => return Ok(Self::Help),
                (Self::Demo { port, .. }, Long("port")) => *port = parser.value()?.parse()?,
                (Self::Demo { open, .. }, Long("open")) => *open = true,
                (Self::Test { suites }, Long("only")) => {
                    let name = parser.value()?.string()?;
                    suites.push(Suite::named(&name).ok_or_else(|| {
                        format!("no suite {name:?}: expected native, features or browser")
                    })?);
                }
                (Self::Dist { public_url, .. }, Long("public-url")) => {
                    *public_url = parser.value()?.string()?;
                    check_url(public_url).map_err(|error| error.to_string())?;
                }
                (
                    Self::Dist { out, .. }
                    | Self::Npm { out }
                    | Self::TrainDemo { out, .. }
                    | Self::DemoReport { out },
                    Long("out"),
                ) => {
                    *out = parser.value()?.into();
                }
                (Self::Bench { effort, .. }, Long("quick")) => *effort = Effort::QUICK,
                (Self::Bench { parts, .. }, Long("only")) => {
                    let name = parser.value()?.string()?;
                    parts.push(Part::named(&name).ok_or_else(|| {
                        format!("no part {name:?}: expected native, peers, browser or dawn")
                    })?);
                }
                (Self::TrainDemo { data, .. }, Long("data")) => *data = parser.value()?.into(),
                (Self::TrainDemo { recipe, .. }, Long("recipe")) => {
                    *recipe = parser.value()?.into();
                }
                (Self::TrainDemo { device, .. }, Long("device")) => {
                    let name = parser.value()?.string()?;
                    if !DEVICES.contains(&name.as_str()) {
                        let known = DEVICES.join(", ");
                        return Err(format!("no device {name:?}: expected {known}").into());
                    }
                    *device = name;
                }
                (_, other) => return Err(other.unexpected()),
            }
        }
        if let Self::TrainDemo { data, .. } = &command
            && data.as_os_str().is_empty()
        {
            return Err("train-demo needs --data DIR".into());
        }
        if let Self::Bench { parts, .. } = &mut command
            && parts.is_empty()
        {
            parts.extend(Part::ALL);
        }
        if let Self::Test { suites } = &mut command
            && suites.is_empty()
        {
            suites.extend(Suite::ALL);
        }
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, lexopt::Error> {
        Command::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn defaults_are_those_of_the_help() {
        assert_eq!(parse("").unwrap(), Command::Help);
        assert_eq!(
            parse("demo").unwrap(),
            Command::Demo {
                port: 8080,
                open: false
            }
        );
        assert_eq!(
            parse("test").unwrap(),
            Command::Test {
                suites: Suite::ALL.to_vec()
            }
        );
        assert_eq!(
            parse("dist").unwrap(),
            Command::Dist {
                public_url: "/".into(),
                out: "dist".into()
            }
        );
    }

    #[test]
    fn options_are_read() {
        assert_eq!(
            parse("demo --port 9000 --open").unwrap(),
            Command::Demo {
                port: 9000,
                open: true
            }
        );
        assert_eq!(
            parse("dist --public-url=/a/b/ --out /tmp/x").unwrap(),
            Command::Dist {
                public_url: "/a/b/".into(),
                out: "/tmp/x".into()
            }
        );
        assert_eq!(
            parse("test --only browser").unwrap(),
            Command::Test {
                suites: vec![Suite::Browser]
            }
        );
        assert_eq!(
            parse("npm --out x").unwrap(),
            Command::Npm { out: "x".into() }
        );
        assert_eq!(
            parse("demo-report").unwrap(),
            Command::DemoReport {
                out: "runs/demo-report".into()
            }
        );
        assert_eq!(parse("dist --help").unwrap(), Command::Help);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, named) in [
            ("demo --prot 1", "--prot"),
            ("demo --port x", "x"),
            ("test --only all", "all"),
            ("tset", "tset"),
            ("--fast", "--fast"),
            ("dist --public-url nope", "/any/sub/path/"),
            ("check now", "now"),
        ] {
            let message = parse(line).unwrap_err().to_string();
            assert!(message.contains(named), "{line}: {message}");
        }
    }

    #[test]
    fn the_arguments_of_trunk_pass_unread() {
        let line = format!("{} --target=web --out-dir=/x file.wasm", bindgen::COMMAND);
        let Command::Bindgen(arguments) = parse(&line).unwrap() else {
            panic!("another command")
        };
        assert_eq!(arguments, ["--target=web", "--out-dir=/x", "file.wasm"]);
    }
}
