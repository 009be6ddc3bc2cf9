//! What cannot be explained: one line on the error stream, nothing on the other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mesm::weights::{FloatFormat, Formula, export_safetensors, load_params, read_params};
use mesm::{ModelConfig, ModelKind};

use crate::{clips, explain, store};

/// The one line, after checking that it is one, that nothing else was printed and that the input is at fault.
fn refused(input: &Path, more: &[&str]) -> String {
    let run = explain(input, &store::folder().join("refused"), more);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    run.stderr
}

/// Weights of a small model without attention.
fn dense() -> PathBuf {
    let config = ModelConfig {
        kind: ModelKind::Fe2e,
        text_dim: 24,
        widths: [2, 3, 4, 5],
        flatten_dim: 6,
        trans_dim: 4,
        trans_layers: 1,
        trans_heads: 2,
        trans_feedforward: 7,
        ..ModelConfig::default()
    };
    let model = config.init(&Device::flex()).unwrap();
    let model = load_params(model, &mut Formula::new("dense", "")).unwrap();
    let header = HashMap::from([("config".to_owned(), serde_json::to_string(&config).unwrap())]);
    let params = read_params(&model).unwrap();
    let path = store::folder().join("dense.safetensors");
    std::fs::write(
        &path,
        export_safetensors(&params, FloatFormat::F32, header).unwrap(),
    )
    .unwrap();
    path
}

#[test]
fn a_model_without_attention() {
    let dense = dense();
    let line = refused(store::made(), &["--weights", dense.to_str().unwrap()]);
    assert!(line.contains("dense.safetensors holds fe2e"), "{line}");
}

#[test]
fn splits_that_are_not_there() {
    let line = refused(store::made(), &["--split", "valid"]);
    assert!(
        line.contains("--split valid: the data has the splits test"),
        "{line}"
    );
    let line = refused(clips::voice(), &["--split", "test"]);
    assert!(line.contains("is no store and has no splits"), "{line}");
}

#[test]
fn neither_face_nor_voice() {
    let line = refused(store::words(), &[]);
    assert!(
        line.contains("no row of the split test has a face or a voice"),
        "{line}"
    );
    // Two seconds of a wall: the part of a clip in which nobody is seen.
    let wall = store::folder().join("wall.png");
    image::RgbImage::from_pixel(160, 120, image::Rgb([120, 130, 140]))
        .save(&wall)
        .unwrap();
    let line = refused(&wall, &[]);
    assert!(
        line.contains("nothing to look at") && line.contains("no face found"),
        "{line}"
    );
}

#[test]
fn other_classes_and_no_input() {
    let line = refused(&store::of_two_classes(), &[]);
    assert!(line.contains("its classes are happy,sad"), "{line}");
    let line = refused(Path::new("/no/such/store"), &[]);
    assert!(line.contains("/no/such/store"), "{line}");
}

#[test]
fn shares_out_of_range() {
    for more in [["--highest", "0"], ["--top-p", "2"], ["--examples", "0"]] {
        let run = explain(store::made(), &store::folder().join("refused"), &more);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{more:?}");
        assert!(run.stderr.contains(more[0]), "{}", run.stderr);
    }
}
