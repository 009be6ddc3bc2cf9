//! `--weights`: files with settings inside, and the authors' checkpoints.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mesm::text::TextConfig;
use mesm::weights::{
    Checkpoint, FloatFormat, Formula, Limits, ParamSource, export_safetensors, load_params,
    read_params,
};
use mesm::{ModelConfig, ModelKind, PointOrder};
use serde_json::json;

use crate::program::{infer, json, keys, says};
use crate::{clips, encoder};

/// Written by the real torch, see `make_tiny_mesm.py`.
const CHECKPOINT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny_mesm.pt");
const ALBERT: &str = r#"{"model_type": "albert", "vocab_size": 12, "embedding_size": 4, "hidden_size": 8, "num_hidden_layers": 2,
  "num_attention_heads": 2, "intermediate_size": 10, "hidden_act": "gelu_new", "max_position_embeddings": 16}"#;

fn tiny(kind: ModelKind) -> ModelConfig {
    ModelConfig {
        kind,
        classes: ["calm", "cross", "glad"].map(str::to_owned).to_vec(),
        text_dim: 24,
        widths: [2, 3, 4, 5],
        flatten_dim: 6,
        trans_dim: 4,
        trans_layers: 1,
        trans_heads: 2,
        trans_feedforward: 7,
        top_p: 0.4,
        ..ModelConfig::default()
    }
}

/// A safetensors file of `config`'s model with weights from `source`.
fn export(
    name: &str,
    config: &ModelConfig,
    header: &[(&str, String)],
    source: &mut impl ParamSource,
) -> PathBuf {
    let model = load_params(config.init(&Device::flex()).unwrap(), source).unwrap();
    let header: HashMap<String, String> = header
        .iter()
        .map(|(k, v)| ((*k).to_owned(), v.clone()))
        .collect();
    let path = clips::folder().join(name);
    std::fs::write(
        &path,
        export_safetensors(&read_params(&model).unwrap(), FloatFormat::F32, header).unwrap(),
    )
    .unwrap();
    path
}

fn with_weights(path: &Path) -> Vec<&std::ffi::OsStr> {
    vec![
        clips::talking().as_os_str(),
        "--weights".as_ref(),
        path.as_os_str(),
    ]
}

#[test]
fn a_file_brings_its_settings() {
    let config = tiny(ModelKind::Mesm);
    let header = [("config", serde_json::to_string(&config).unwrap())];
    let path = export(
        "trained.safetensors",
        &config,
        &header,
        &mut Formula::new("trained", ""),
    );
    let answer = json(
        clips::talking(),
        &["--text", "happy", "--weights", path.to_str().unwrap()],
    );
    assert_eq!(answer["classes"], json!(["calm", "cross", "glad"]));
    assert_eq!(keys(&answer["logits"]), ["calm", "cross", "glad"]);
    // Nothing else is said, so each class is a question of its own.
    for (class, logit) in answer["logits"].as_object().unwrap() {
        let probability = answer["probabilities"][class].as_f64().unwrap();
        let expected = 1.0 / (1.0 + (-logit.as_f64().unwrap()).exp());
        assert!((expected - probability).abs() < 1e-6, "{class}");
    }
    assert_eq!(
        (answer["weights"].as_str(), answer["top_p"].as_f64()),
        (Some("trained.safetensors"), Some(0.4))
    );
    let answer = json(
        clips::talking(),
        &["--weights", path.to_str().unwrap(), "--top-p", "0.7"],
    );
    assert_eq!(answer["top_p"].as_f64(), Some(0.7));
}

#[test]
fn the_spectrogram_travels_with_the_weights() {
    let config = ModelConfig {
        modalities: "ta".parse().unwrap(),
        ..tiny(ModelKind::Fe2e)
    };
    let header = |mel: &str| {
        [
            ("config", serde_json::to_string(&config).unwrap()),
            ("mel", mel.to_owned()),
        ]
    };
    let answer = |name, mel: &str| {
        let path = export(
            name,
            &config,
            &header(mel),
            &mut Formula::new("trained", ""),
        );
        json(clips::talking(), &["--weights", path.to_str().unwrap()])
    };
    let power = answer("power.safetensors", "{}");
    let log = answer(
        "log.safetensors",
        r#"{"amplitude": {"kind": "log", "floor": 1e-6, "mean": -5.0, "std": 4.0}}"#,
    );
    assert_ne!(power["logits"], log["logits"]);
    assert_eq!(keys(&power["shares"]), ["a"]);
    assert!(says(&power, "the weights do not know the modality v"));
}

#[test]
fn files_that_do_not_fit_are_refused() {
    let config = tiny(ModelKind::Mesm);
    let refused = |arguments: Vec<&std::ffi::OsStr>| {
        let run = infer(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        run.stderr
    };
    let plain = export(
        "plain.safetensors",
        &config,
        &[],
        &mut Formula::new("x", ""),
    );
    assert!(refused(with_weights(&plain)).contains("no `config`"));
    let odd = export(
        "odd.safetensors",
        &config,
        &[("config", r#"{"depth": 3}"#.to_owned())],
        &mut Formula::new("x", ""),
    );
    assert!(refused(with_weights(&odd)).contains("depth"));
    let other = ModelConfig {
        widths: [2, 3, 4, 6],
        ..config.clone()
    };
    let wrong = [("config", serde_json::to_string(&other).unwrap())];
    let wrong = export(
        "wrong.safetensors",
        &config,
        &wrong,
        &mut Formula::new("x", ""),
    );
    assert!(refused(with_weights(&wrong)).contains("the model expects"));
    let larger = ModelConfig {
        text_dim: 25,
        ..config.clone()
    };
    let larger_header = [("config", serde_json::to_string(&larger).unwrap())];
    let larger = export(
        "larger.safetensors",
        &larger,
        &larger_header,
        &mut Formula::new("x", ""),
    );
    assert!(refused(with_weights(&larger)).contains("text vectors of 25"));
    let dense = tiny(ModelKind::Fe2e);
    let dense = export(
        "dense.safetensors",
        &dense,
        &[("config", serde_json::to_string(&dense).unwrap())],
        &mut Formula::new("x", ""),
    );
    let mut arguments = with_weights(&dense);
    arguments.extend(["--model".as_ref(), "mesm".as_ref()] as [&std::ffi::OsStr; 2]);
    assert!(refused(arguments).contains("--model asks for mesm"));
    let text = clips::folder().join("weights.bin");
    std::fs::write(&text, b"x").unwrap();
    assert!(refused(with_weights(&text)).contains("expected a file named"));
    assert!(refused(with_weights(Path::new("/no/such.safetensors"))).contains("cannot read"));
}

#[test]
fn an_authors_checkpoint_brings_its_text_encoder() {
    // The folder needs no model.safetensors: the encoder's parameters are in the checkpoint.
    let albert = clips::folder().join("albert");
    std::fs::create_dir_all(&albert).unwrap();
    std::fs::write(albert.join("config.json"), ALBERT).unwrap();
    std::fs::write(albert.join("tokenizer.json"), encoder::TOKENIZER).unwrap();
    let alone = clips::folder().join("alone.pt");
    std::fs::copy(CHECKPOINT, &alone).unwrap();
    let beside = clips::folder().join("beside.pt");
    std::fs::copy(CHECKPOINT, &beside).unwrap();
    let settings = json!({"config": {"trans_heads": 2, "classes": ["calm", "cross", "glad"]}});
    std::fs::write(beside.with_extension("json"), settings.to_string()).unwrap();
    let answer = |weights: &Path| {
        let more = [
            "--text",
            "kids are happy",
            "--text-encoder",
            albert.to_str().unwrap(),
            "--weights",
            weights.to_str().unwrap(),
        ];
        json(clips::talking(), &more)
    };

    let guessed = answer(&alone);
    assert!(says(
        &guessed,
        "the checkpoint does not tell its attention heads (4 are assumed)"
    ));
    assert_eq!(keys(&guessed["logits"]), ["class 1", "class 2", "class 3"]);
    let told = answer(&beside);
    assert!(!says(&told, "the checkpoint does not tell"));
    assert_eq!(keys(&told["shares"]), ["a", "t", "v"]);

    // The same model and encoder as two safetensors files.
    let bytes = std::fs::read(CHECKPOINT).unwrap();
    let checkpoint = Checkpoint::new(&bytes, Limits::default()).unwrap();
    let text = TextConfig::from_json(ALBERT.as_bytes())
        .unwrap()
        .init(true, &Device::flex())
        .unwrap();
    let text = text
        .load(&mut checkpoint.clone().under("T.albert."))
        .unwrap();
    let text = export_safetensors(
        &read_params(&text).unwrap(),
        FloatFormat::F32,
        HashMap::new(),
    )
    .unwrap();
    std::fs::write(albert.join("model.safetensors"), text).unwrap();
    let config = ModelConfig {
        text_dim: 8,
        top_p: 0.5,
        point_order: PointOrder::AsPublished,
        ..tiny(ModelKind::Mesm)
    };
    let header = [("config", serde_json::to_string(&config).unwrap())];
    let same = export(
        "same.safetensors",
        &config,
        &header,
        &mut checkpoint.without(["T.", "mtcnn."]),
    );
    let expected = answer(&same);
    assert_eq!(told["logits"], expected["logits"]);
    assert_eq!(told["active_points"], expected["active_points"]);
    assert!(told["active_points"]["v"][0].as_u64().unwrap() > 0);
}
