//! The numbers that the page's self-test expects (`static/models/model.json`) are those of the model it describes.
//!
//! Needs the text encoder, which `cargo xtask setup` brings; `MESM_TEXT_ENCODER` names another folder.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mesm_engine::manifest::Manifest;
use mesm_engine::self_test::{LIMIT, answer, deviation};
use mesm_engine::{Brain, Files};

/// Recorded and computed on the same kind of device: rounding only.
const TOLERANCE: f32 = LIMIT / 10.0;

fn shipped(name: &str) -> Vec<u8> {
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../static")
            .join(name),
    )
}

fn text_encoder(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("MESM_TEXT_ENCODER").map_or_else(
        || {
            let home = std::env::home_dir().expect("a home folder");
            home.join(".cache/mesm/downloads/minilm")
        },
        PathBuf::from,
    );
    read(&folder.join(name))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. `cargo xtask setup` brings the text encoder",
            path.display()
        )
    })
}

#[test]
fn recorded_numbers_are_the_models() {
    let manifest = Manifest::from_json(&shipped("models/model.json")).expect("a description");
    let files = Files {
        detector: shipped("mtcnn.safetensors"),
        text_config: text_encoder("config.json"),
        text_weights: text_encoder("model.safetensors"),
        tokenizer: text_encoder("tokenizer.json"),
        model_weights: Vec::new(),
    };
    let mut brain = Brain::new(&manifest, &files, &Device::flex()).expect("a brain");
    let numbers = pollster::block_on(answer(&mut brain)).expect("an answer");
    let deviation = deviation(&numbers, &manifest.self_test);
    assert!(
        deviation <= TOLERANCE,
        "static/models/model.json should hold `\"self_test\": {numbers:?}`; it differs by {deviation}"
    );
}
