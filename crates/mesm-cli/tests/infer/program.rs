//! Runs of the program.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::encoder;

/// What a run left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `mesm infer` with these arguments and the small text encoder.
pub(crate) fn infer<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Run {
    run(|command| {
        command
            .arg("infer")
            .args(arguments)
            .env("MESM_TEXT_ENCODER", encoder::small());
    })
}

/// `mesm`, set up by the caller.
pub(crate) fn run(set_up: impl FnOnce(&mut Command)) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
    set_up(&mut command);
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The object of `mesm infer CLIP MORE --json`.
pub(crate) fn json(clip: &Path, more: &[&str]) -> Value {
    let arguments = [OsStr::new(clip), OsStr::new("--json")]
        .into_iter()
        .chain(more.iter().map(OsStr::new));
    let run = infer(arguments);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stderr, "", "nothing to complain about");
    serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap()
}

/// The notes of an answer.
pub(crate) fn notes(answer: &Value) -> Vec<&str> {
    answer["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note.as_str().unwrap())
        .collect()
}

/// Whether some note begins so.
pub(crate) fn says(answer: &Value, beginning: &str) -> bool {
    notes(answer).iter().any(|note| note.starts_with(beginning))
}

/// The keys of an object.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// Numbers of an object by class, in the order of `classes`.
pub(crate) fn by_class(answer: &Value, object: &Value) -> Vec<f64> {
    let classes = answer["classes"].as_array().unwrap();
    classes
        .iter()
        .map(|class| object[class.as_str().unwrap()].as_f64().unwrap())
        .collect()
}
