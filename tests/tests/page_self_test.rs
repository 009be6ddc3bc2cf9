//! The numbers that the page's self-test expects (`static/weights/model.json`) are those of the model it describes.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

use std::path::Path;

use burn::tensor::Device;
use mesm_engine::manifest::Manifest;
use mesm_engine::self_test::{LIMIT, answer, deviation};
use mesm_engine::{Brain, Files};

/// Recorded and computed on the same kind of device: rounding only.
const TOLERANCE: f32 = LIMIT / 10.0;

fn shipped(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../static")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn recorded_numbers_are_the_models() {
    let manifest = Manifest::from_json(&shipped("weights/model.json")).expect("a description");
    let beside = |name: &str| shipped(&format!("weights/{name}"));
    let text = |name: &str| beside(&format!("{}/{name}", manifest.text_encoder));
    let files = Files {
        detector: shipped("mtcnn.safetensors"),
        text_config: text("config.json"),
        text_weights: text("model.safetensors"),
        tokenizer: text("tokenizer.json"),
        model_weights: beside(&manifest.weights),
    };
    let mut brain = Brain::new(&files, &Device::flex()).expect("a brain");
    let numbers = pollster::block_on(answer(&mut brain)).expect("an answer");
    let deviation = deviation(&numbers, &manifest.self_test);
    assert!(
        deviation <= TOLERANCE,
        "static/weights/model.json should hold `\"self_test\": {}`; it differs by {deviation}",
        serde_json::to_string(&numbers).unwrap()
    );
}
