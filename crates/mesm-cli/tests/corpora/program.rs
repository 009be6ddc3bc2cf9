//! Runs of the program.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What a run left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `mesm prepare KIND DATA --out STORE MORE`, not started.
pub(crate) fn command(kind: &str, data: &Path, store: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
    command
        .args(["prepare", kind])
        .arg(data)
        .arg("--out")
        .arg(store)
        .args(more);
    command
}

/// The same, run to its end.
pub(crate) fn prepare(kind: &str, data: &Path, store: &Path, more: &[&str]) -> Run {
    finish(&mut command(kind, data, store, more))
}

/// The report of a run that has to succeed.
pub(crate) fn report(kind: &str, data: &Path, store: &Path, more: &[&str]) -> Value {
    let run = prepare(kind, data, store, &[more, &["--json"]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap()
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

/// What was left out: reason, count and the examples.
pub(crate) fn skipped(report: &Value) -> Vec<(String, u64, String)> {
    let skipped = report["skipped"].as_array().unwrap();
    skipped
        .iter()
        .map(|entry| {
            let examples = entry["examples"].as_array().unwrap().iter();
            let examples: Vec<String> = examples
                .map(|e| {
                    let line = e["line"]
                        .as_u64()
                        .map_or(String::new(), |l| format!(":{l}"));
                    let file = entry["file"].as_str().unwrap();
                    format!("{file}{line} {}", e["found"].as_str().unwrap())
                })
                .collect();
            (
                entry["reason"].as_str().unwrap().to_owned(),
                entry["count"].as_u64().unwrap(),
                examples.join("; "),
            )
        })
        .collect()
}
