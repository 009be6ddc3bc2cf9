//! Weights leave as safetensors and come back; anything that is not exactly the model's is refused.

#![allow(clippy::unwrap_used)] // a failed expectation is a failed test

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};
use mesm::weights::{
    FloatFormat, Formula, Limits, NamedTensors, ParamSource, ParamSpec, SafetensorsSource,
    WeightsError, export_safetensors, load_params, param_specs, read_params,
};
use mesm::{Batch, Model, ModelConfig};
use mesm_tests::golden::values;

fn small() -> ModelConfig {
    ModelConfig {
        text_dim: 16,
        widths: [4, 6, 8, 10],
        flatten_dim: 12,
        trans_dim: 8,
        trans_layers: 1,
        trans_heads: 2,
        trans_feedforward: 16,
        ..ModelConfig::default()
    }
}

fn model(seed: &str) -> Model {
    let device = Device::flex();
    let model = small().init(&device).unwrap();
    load_params(model, &mut Formula::new(seed, "")).unwrap()
}

fn logits(model: &Model) -> Vec<f32> {
    let device = Device::flex();
    let batch = Batch {
        spoken: Vec::new(),
        text: Some(Tensor::ones([1, 16], &device)),
        faces: Some(Tensor::ones([2, 3, 48, 48], &device) * 90.0),
        face_lens: vec![2],
        mels: Some(Tensor::ones([1, 1, 128, 32], &device)),
        mel_lens: vec![1],
    };
    values(model.forward(&batch).unwrap().logits)
}

fn reload(tensors: &NamedTensors) -> Result<Model, WeightsError> {
    let bytes = export_safetensors(tensors, FloatFormat::F32, HashMap::new())?;
    let device = Device::flex();
    load_params(
        small().init(&device).unwrap(),
        &mut SafetensorsSource::new(&bytes, Limits::default())?,
    )
}

/// The model's tensors after `change` to their list of (name, shape, values).
fn changed(change: impl Fn(&mut Vec<(String, Vec<usize>, Vec<f32>)>)) -> NamedTensors {
    let tensors = read_params(&model("a")).unwrap();
    let mut all: Vec<_> = tensors
        .iter()
        .map(|(name, shape, values)| (name.to_owned(), shape.to_vec(), values.to_vec()))
        .collect();
    change(&mut all);
    let mut out = NamedTensors::default();
    for (name, shape, values) in all {
        out.insert(name, shape, values);
    }
    out
}

#[test]
fn single_precision_is_exact() {
    let original = model("a");
    let reloaded = reload(&read_params(&original).unwrap()).unwrap();
    assert_eq!(logits(&original), logits(&reloaded));
    assert_ne!(
        logits(&original),
        logits(&model("b")),
        "weights must matter"
    );
}

#[test]
fn half_precision_is_close_and_half_the_size() {
    let original = model("a");
    let tensors = read_params(&original).unwrap();
    let full = export_safetensors(&tensors, FloatFormat::F32, HashMap::new()).unwrap();
    let half = export_safetensors(&tensors, FloatFormat::F16, HashMap::new()).unwrap();
    assert!(half.len() < full.len() * 2 / 3);
    let device = Device::flex();
    let mut source = SafetensorsSource::new(&half, Limits::default()).unwrap();
    let reloaded = load_params(small().init(&device).unwrap(), &mut source).unwrap();
    for (a, b) in read_params(&reloaded).unwrap().iter().zip(tensors.iter()) {
        for (a, b) in a.2.iter().zip(b.2) {
            assert!((a - b).abs() <= 1e-3 * b.abs() + 1e-6, "{a} {b}");
        }
    }
}

/// Largest error of each tensor after it was stored in `format`, as a share of its largest value.
fn storage_errors(tensors: &NamedTensors, format: FloatFormat) -> Vec<(String, f32)> {
    let bytes = export_safetensors(tensors, format, HashMap::new()).unwrap();
    let mut source = SafetensorsSource::new(&bytes, Limits::default()).unwrap();
    let specs: Vec<ParamSpec> = tensors
        .iter()
        .map(|(name, shape, _)| ParamSpec {
            name: name.to_owned(),
            shape: shape.to_vec(),
        })
        .collect();
    source.verify(&specs).unwrap();
    specs
        .iter()
        .zip(tensors.iter())
        .map(|(spec, (name, _, values))| {
            let read = source.take(spec).unwrap();
            assert_eq!(read.len(), values.len());
            let peak = values.iter().fold(0.0_f32, |peak, v| peak.max(v.abs()));
            let error = read
                .iter()
                .zip(values)
                .fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
            (name.to_owned(), error / peak)
        })
        .collect()
}

#[test]
fn whole_numbers_are_close_and_small() {
    let mut tensors = read_params(&model("a")).unwrap();
    let mut formula = Formula::new("words", "");
    let words = ParamSpec {
        name: "embeddings.word_embeddings.weight".to_owned(),
        shape: vec![50, 96],
    };
    tensors.insert(
        words.name.clone(),
        words.shape.clone(),
        formula.take(&words).unwrap(),
    );
    // Half a step of 127, of 7 for the words; a twentieth of a percent for what stays in halves.
    for (format, of_words) in [
        (FloatFormat::Int8, 0.5 / 127.0),
        (FloatFormat::Int8WithInt4Words, 0.5 / 7.0),
    ] {
        for (name, error) in storage_errors(&tensors, format) {
            let limit = if name == words.name {
                of_words
            } else {
                0.5 / 127.0
            };
            assert!(error <= limit * 1.01, "{name}: {error}");
            if format == FloatFormat::Int8WithInt4Words && name == words.name {
                assert!(error > 0.5 / 127.0, "stored in four bits: {error}");
            }
        }
    }
    let mut alone = NamedTensors::default();
    alone.insert(words.name, vec![500, 96], vec![0.25; 500 * 96]);
    let size = |format| {
        export_safetensors(&alone, format, HashMap::new())
            .unwrap()
            .len()
    };
    // A byte a value and a scale a row; half a byte and a scale for 32.
    assert!(size(FloatFormat::Int8) < 500 * (96 + 4) + 300);
    assert!(size(FloatFormat::Int8WithInt4Words) < 500 * (48 + 3 * 2) + 300);
}

#[test]
fn metadata_travels() {
    let metadata = HashMap::from([("mesm.config".to_owned(), "{}".to_owned())]);
    let tensors = read_params(&model("a")).unwrap();
    let bytes = export_safetensors(&tensors, FloatFormat::F32, metadata.clone()).unwrap();
    let source = SafetensorsSource::new(&bytes, Limits::default()).unwrap();
    assert_eq!(source.metadata(), &metadata);
}

#[test]
fn names_are_the_authors() {
    let names: Vec<String> = param_specs(&model("a"))
        .into_iter()
        .map(|s| s.name)
        .collect();
    for name in [
        "V.low_level.0.weight",
        "V.low_level.4.bn1.running_var",
        "A.sparse_layers.2.0.3.bias",
        "A.attn_layers.1.y_affine.weight",
        "v_flatten.0.weight",
        "a_transformer.encoder.layers.0.self_attn.in_proj_weight",
        "v_transformer.cls_emb.weight",
        "t_out.bias",
        "weighted_fusion.weight",
    ] {
        assert!(
            names.iter().any(|n| n == name),
            "{name} is not among {names:?}"
        );
    }
}

#[test]
fn a_missing_tensor_is_named() {
    let tensors = changed(|all| all.retain(|(name, _, _)| name != "t_out.bias"));
    let error = reload(&tensors).unwrap_err();
    assert!(matches!(&error, WeightsError::Missing { count: 1, first } if first == "t_out.bias"));
}

#[test]
fn a_foreign_tensor_is_named() {
    let tensors = changed(|all| all.push(("intruder".to_owned(), vec![1], vec![0.0])));
    let error = reload(&tensors).unwrap_err();
    assert!(matches!(&error, WeightsError::Unexpected { count: 1, first } if first == "intruder"));
}

#[test]
fn a_transposed_tensor_is_named() {
    let tensors = changed(|all| {
        for (name, shape, _) in all.iter_mut() {
            if name == "v_out.weight" {
                shape.reverse();
            }
        }
    });
    let error = reload(&tensors).unwrap_err();
    assert!(matches!(&error, WeightsError::Shape { name, .. } if name == "v_out.weight"));
}

#[test]
fn a_value_that_is_not_finite_is_named() {
    let mut bytes = export_safetensors(
        &read_params(&model("a")).unwrap(),
        FloatFormat::F32,
        HashMap::new(),
    )
    .unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let device = Device::flex();
    let error = load_params(
        small().init(&device).unwrap(),
        &mut SafetensorsSource::new(&bytes, Limits::default()).unwrap(),
    )
    .unwrap_err();
    assert!(matches!(error, WeightsError::NotFinite { .. }), "{error}");
    let tensors = changed(|all| all[0].2[0] = f32::INFINITY);
    assert!(matches!(
        reload(&tensors),
        Err(WeightsError::NotFinite { .. })
    ));
}

#[test]
fn a_file_over_the_limit_is_refused() {
    let error = SafetensorsSource::new(&[0; 64], Limits { bytes: 63 }).unwrap_err();
    assert!(matches!(
        error,
        WeightsError::TooLarge {
            found: 64,
            limit: 63
        }
    ));
}
