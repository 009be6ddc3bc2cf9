//! Counting tests while their output passes through.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::process::line;

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed tests.
    pub passed: u64,
    /// Failed tests; a suite that broke without naming one counts as one.
    pub failed: u64,
}

impl Tally {
    /// Adds another suite.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads a line such as `test result: FAILED. 3 passed; 1 failed; 0 ignored; ...`.
    fn of_line(line: &str) -> Option<Self> {
        let counts = line.trim().strip_prefix("test result: ")?;
        let number_before = |what: &str| {
            counts
                .split(['.', ';'])
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
        };
        Some(Self {
            passed: number_before("passed")?,
            failed: number_before("failed")?,
        })
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Runs a test command, shows its output as it comes and counts the results in it.
///
/// # Errors
/// When the command cannot be started. Failing tests are no error here: they are in the tally.
pub fn run(command: &mut Command) -> Result<Tally> {
    let shown = line(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let mut tally = Tally::default();
    if let Some(output) = child.stdout.take() {
        let mut reader = BufReader::new(output);
        let mut bytes = Vec::new();
        while reader.read_until(b'\n', &mut bytes)? > 0 {
            let text = String::from_utf8_lossy(&bytes);
            print!("{text}");
            if let Some(suite) = Tally::of_line(&text) {
                tally.add(suite);
            }
            bytes.clear();
        }
    }
    let status = child.wait()?;
    if !status.success() && tally.failed == 0 {
        println!("`{shown}` ended with {status} before all tests had run");
        tally.failed = 1;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.41s\n";
        assert_eq!(
            Tally::of_line(line),
            Some(Tally {
                passed: 12,
                failed: 3
            })
        );
        assert_eq!(
            Tally::of_line("test result: ok. 0 passed; 0 failed; 0 ignored; 2 filtered out"),
            Some(Tally::default())
        );
        assert_eq!(Tally::of_line("test serve::tests::x ... ok"), None);
    }

    #[cfg(unix)]
    #[test]
    fn suites_add_up_and_a_broken_one_counts() {
        let say = |script: &str| run(Command::new("sh").args(["-c", script])).unwrap();
        let two = say(
            "echo 'test result: ok. 2 passed; 0 failed;'; echo 'test result: ok. 3 passed; 0 failed;'",
        );
        assert_eq!(
            two,
            Tally {
                passed: 5,
                failed: 0
            }
        );
        assert_eq!(
            say("exit 101"),
            Tally {
                passed: 0,
                failed: 1
            }
        );
        let failed = say("echo 'test result: FAILED. 2 passed; 1 failed;'; exit 101");
        assert_eq!(failed.to_string(), "2 passed, 1 failed");
    }
}
