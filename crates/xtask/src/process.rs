//! Other programs: finding them, running them, reading what they say.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The full path of a program on `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let names = if cfg!(windows) {
        vec![
            format!("{name}.exe"),
            format!("{name}.cmd"),
            name.to_owned(),
        ]
    } else {
        vec![name.to_owned()]
    };
    env::split_paths(&env::var_os("PATH")?)
        .flat_map(|folder| {
            names
                .iter()
                .map(move |name| folder.join(name))
                .collect::<Vec<_>>()
        })
        .find(|path| path.is_file())
}

/// Runs a command to its end with this terminal.
///
/// # Errors
/// When it cannot be started or does not succeed; the message carries the command line.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", line(command));
    }
    Ok(())
}

/// Runs a command quietly and returns its standard output.
///
/// # Errors
/// As [`run`], with the end of its standard error in the message.
pub fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` ended with {}: {}",
            line(command),
            output.status,
            last_lines(&said, 5)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command quietly, but stops it after `limit`.
///
/// # Errors
/// As [`capture`], and when the time is up.
pub fn within(limit: Duration, command: &mut Command) -> Result<()> {
    let shown = line(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let said = child
        .stderr
        .take()
        .map(|pipe| thread::spawn(move || std::io::read_to_string(pipe).unwrap_or_default()));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("`{shown}` was stopped after {} s", limit.as_secs());
        }
        thread::sleep(Duration::from_millis(50));
    };
    let said = said
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    if !status.success() {
        bail!("`{shown}` ended with {status}: {}", last_lines(&said, 3));
    }
    Ok(())
}

/// The `x.y.z` in what `program --version` prints, or `None` when it does not run.
pub fn version_of(program: &Path) -> Option<Version> {
    let text = capture(Command::new(program).arg("--version")).ok()?;
    text.split_whitespace().find_map(Version::parse)
}

/// A released version; what follows a `-` or `+` is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32, pub u32);

impl Version {
    /// Reads `1.95.0`, `v1.95.0` or `1.96.0-beta.1`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let core = text.split(['-', '+']).next()?;
        let mut parts = core.splitn(3, '.').map(|part| part.parse().ok());
        Some(Self(parts.next()??, parts.next()??, parts.next()??))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A command that sees nothing of the Cargo run that started this program.
///
/// `cargo xtask` hands its own `CARGO`, package variables and library path down; a second toolchain started with them
/// would mix with the first.
pub fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        if text == "CARGO" || text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_")
        {
            command.env_remove(&name);
        }
    }
    command
}

/// `PATH` with folders before it.
///
/// # Errors
/// When a folder cannot stand in `PATH` because its name holds the separator.
pub fn path_with(first: &[PathBuf]) -> Result<std::ffi::OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    env::join_paths(first.iter().cloned().chain(env::split_paths(&rest)))
        .context("a folder name with the PATH separator in it cannot be used")
}

/// The command line as one would type it.
pub fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        assert_eq!(Version::parse("v0.21.14"), Some(Version(0, 21, 14)));
        assert_eq!(Version::parse("1.96.0-nightly"), Some(Version(1, 96, 0)));
        assert_eq!(Version::parse("wasm-bindgen"), None);
        assert!(Version(0, 21, 14) < Version(0, 22, 1));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_stopped() {
        let error =
            within(Duration::from_millis(200), Command::new("sleep").arg("30")).unwrap_err();
        assert!(error.to_string().contains("was stopped"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_failure_names_the_command_and_repeats_what_it_said() {
        let error = capture(Command::new("sh").args(["-c", "echo broken pipe dream >&2; exit 3"]))
            .unwrap_err();
        assert!(error.to_string().contains("broken pipe dream"), "{error}");
        assert!(error.to_string().contains("sh -c"), "{error}");
    }
}
