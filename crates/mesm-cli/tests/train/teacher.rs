//! A model learns from another one.

use std::fs;

use super::bench::Bench;

const TEACHER: &str = "--teacher run/words.safetensors";
const SHARE: &str = "--teacher-share 0.5";

fn train(more: &str, out: &str) -> String {
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(" {more}")
    };
    format!("train --data store --config settings.toml --epochs 2 --out {out}{more}")
}

#[test]
fn a_model_learns_from_another() {
    let bench = Bench::learnt();
    bench.done(&train("", "alone"));
    bench.done(&train(&format!("{TEACHER} {SHARE}"), "taught"));
    assert_ne!(bench.weights("alone"), bench.weights("taught"));
    let settings = fs::read_to_string(bench.path("taught/config.json")).unwrap();
    assert!(
        settings.contains("run/words.safetensors"),
        "no teacher in {settings}"
    );
}

#[test]
fn teachers_that_cannot_teach_are_refused() {
    let bench = Bench::learnt();
    // The program's own weights know seven classes.
    let own = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../static/weights/mesm-web.safetensors"
    );
    fs::copy(own, bench.path("own.safetensors")).unwrap();
    let own = format!("{SHARE} --teacher own.safetensors");
    let nowhere = format!("{SHARE} --teacher nowhere.safetensors");
    for (more, said) in [
        (TEACHER, "no phase learns from one"),
        (SHARE, "`teacher` must be weights to learn from"),
        (&nowhere, "nowhere.safetensors"),
        (&own, "its classes are anger"),
    ] {
        bench.refused(&train(more, "refused"), said);
    }
}
