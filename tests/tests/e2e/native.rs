//! `mesm infer` on an exported window.

use std::path::Path;

use clap::Parser;
use mesm_cli::arguments::{Arguments, Command};
use serde_json::Value;

/// The last line of `mesm infer FOLDER --json --top-p P`.
pub(crate) fn infer(folder: &Path, top_p: f64) -> Value {
    let folder = folder.display().to_string();
    let top_p = top_p.to_string();
    let line = ["mesm", "infer", &folder, "--json", "--top-p", &top_p];
    let arguments = Arguments::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
    let Command::Infer(infer) = arguments.command else {
        panic!("the command line says infer");
    };
    let mut output = Vec::new();
    mesm_cli::infer::run(&infer, &mut output).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let text = String::from_utf8(output).expect("UTF-8");
    let last = text.lines().last().expect("a line");
    serde_json::from_str(last).expect("JSON")
}
