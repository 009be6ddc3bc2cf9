//! `mesm train`, `eval`, `export` and `sweep` as processes: a run that is killed again and again ends with the same
//! weights, and the weights it leaves are judged, written small, and swept over p.
//!
//! The sentences, the faces and the text encoder are made here, so that nothing is downloaded.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    dead_code,
    reason = "a test may panic, and uses parts of what the tests of `mesm infer` share"
)]

mod bench;
#[path = "../infer/clips.rs"]
mod clips;
#[path = "../infer/encoder.rs"]
mod encoder;
mod exported;
mod kill;
#[path = "../infer/program.rs"]
mod program;
mod shares;
mod teacher;

use std::fs;

use bench::Bench;

#[test]
fn what_is_wrong_is_said() {
    let bench = Bench::new();
    fs::write(bench.path("bad.toml"), "[[phases]]\nepochs = \"many\"\n").unwrap();
    for (words, said) in [
        ("train --data store", "--out"),
        ("train --data nothing --out x", "nothing"),
        (
            "train --data store --out x --learning-rate 0",
            "phase `joint`: `learning_rate` must be above 0",
        ),
        (
            "train --data store --out x --modalities v --model fe2e",
            "has no rows with v; its splits are test, train, valid",
        ),
        ("train --data store --out x --config bad.toml", "bad.toml"),
        (
            "eval --data store --split tests",
            "its classes are happy,sad",
        ),
        (
            "eval --data store --thresholds-from valid",
            "trained against each other",
        ),
        (
            "export store/store.json --out x",
            ".safetensors, .pt or .pth",
        ),
        (
            "sweep --data store --out x --top-p 0.5..0.1",
            "a rising range",
        ),
    ] {
        bench.refused(words, said);
    }
}
