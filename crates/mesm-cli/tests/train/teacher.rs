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

/// A second phase that learns from the first.
const TAUGHT: &str = r#"
[[phases]]
name = "again"
modalities = "t"
epochs = 2
batch_size = 4
learning_rate = 0.01
loss = "ce"
early_stop = 0
teacher_share = 0.5
taught_by = "words"
"#;

#[test]
fn a_phase_learns_from_the_one_before_it() {
    let bench = Bench::new();
    let first = fs::read_to_string(bench.path("settings.toml")).unwrap();
    let alone = TAUGHT.replace("teacher_share = 0.5\ntaught_by = \"words\"\n", "");
    fs::write(bench.path("taught.toml"), first.clone() + TAUGHT).unwrap();
    fs::write(bench.path("alone.toml"), first + &alone).unwrap();
    let train = |name: &str, out: &str, more: &str| {
        let words = format!("train --data store --config {name}.toml --out {out} {more}");
        bench.done(words.trim());
        fs::read(bench.path(out).join("again.safetensors")).unwrap()
    };
    let taught = train("taught", "taught", "");
    assert_ne!(taught, train("alone", "alone", ""));
    // The file that the first phase leaves is the teacher.
    let by_file = "--teacher taught/words.safetensors";
    assert_eq!(taught, train("taught", "by-file", by_file));
    bench.refused(
        "train --data store --config taught.toml --only again --out refused",
        "phase `again`: `taught_by` must be a phase before it",
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
