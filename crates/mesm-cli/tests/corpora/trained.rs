//! The stores can be learnt from: rows of several emotions, of none and of one, with faces, voice and words.

use std::fs;
use std::process::Command;

use crate::encoder;
use crate::made::{Made, iemocap, mosei};
use crate::program::finish;

const SETTINGS: &str = r#"
seed = 1
text_max_tokens = 16

[model]
kind = "mesm"
widths = [4, 4, 8, 8]

[[phases]]
name = "joint"
modalities = "tav"
epochs = 1
batch_size = 4
loss = "bce"
early_stop = 0
"#;

fn learn(made: &Made) {
    let out = tempfile::tempdir().unwrap();
    let settings = out.path().join("settings.toml");
    fs::write(&settings, SETTINGS).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
    command
        .arg("train")
        .arg("--data")
        .arg(&made.store)
        .arg("--config")
        .arg(&settings)
        .arg("--out")
        .arg(out.path().join("run"))
        .env("MESM_TEXT_ENCODER", encoder::small());
    let run = finish(&mut command);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(out.path().join("run/joint.safetensors").is_file());
}

#[test]
fn one_emotion_a_row() {
    learn(iemocap());
}

#[test]
fn any_number_of_emotions_a_row() {
    learn(mosei());
}
