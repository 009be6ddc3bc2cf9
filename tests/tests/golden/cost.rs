//! G11: multiply-accumulates, within 1 %, because a mask may differ by a point.

use burn::tensor::Device;
use mesm::weights::load_params;
use mesm::{Batch, Modality, ModelConfig, ModelKind};
use mesm_tests::golden::{GoldenSet, number};

const SHARE: f64 = 0.01;

fn near(label: &str, got: u64, frames: usize, expected: f64) {
    let got = got as f64 / frames as f64;
    assert!(
        (got - expected).abs() <= SHARE * expected,
        "{label}: {got} a frame, expected {expected}"
    );
}

#[test]
fn multiply_accumulates() {
    let set = GoldenSet::load("g11_macs.json");
    let device = Device::flex();
    let inputs = &set.json["inputs"];
    let faces = set.tensor_named(inputs, "flops.faces", &device);
    let mels = set.tensor_named(inputs, "flops.specs", &device);
    let spec = inputs
        .as_array()
        .unwrap()
        .iter()
        .find(|spec| spec["name"].as_str().unwrap().contains("text"))
        .expect("the text input");
    let frames = 4;
    let batch = Batch {
        spoken: Vec::new(),
        text: Some(set.tensor(spec, &device)),
        faces: Some(faces),
        face_lens: vec![frames],
        mels: Some(mels),
        mel_lens: vec![frames],
    };
    let branches = [(Modality::Visual, "V"), (Modality::Acoustic, "A")];

    let predict = |config: &ModelConfig| {
        let model = load_params(config.init(&device).unwrap(), &mut set.formula("")).unwrap();
        pollster::block_on(model.forward(&batch).unwrap().into_host()).unwrap()
    };
    let fe2e = predict(&ModelConfig {
        kind: ModelKind::Fe2e,
        ..ModelConfig::default()
    });
    for (modality, letter) in branches {
        let cost = &fe2e.cost[&modality];
        let recorded = &set.json["fe2e"][letter];
        near(
            "fe2e",
            cost.dense_macs,
            frames,
            number(&recorded["cnn_macs"]),
        );
        near(
            "fe2e",
            cost.flatten_macs,
            frames,
            number(&recorded["flatten_macs"]),
        );
        assert_eq!(cost.fe2e_macs, cost.dense_macs);
    }
    let by_p = set.json["mesm"].as_object().expect("costs by p");
    assert!(!by_p.is_empty());
    for (p, recorded) in by_p {
        let prediction = predict(&ModelConfig {
            top_p: p.parse().unwrap(),
            ..ModelConfig::default()
        });
        for (modality, letter) in branches {
            let cost = &prediction.cost[&modality];
            let recorded = &recorded[letter];
            let check = |key: &str, got: u64| {
                near(
                    &format!("{letter} p={p} {key}"),
                    got,
                    frames,
                    number(&recorded[key]),
                );
            };
            check("dense_low_level_macs", cost.dense_macs);
            check("attention_linear_macs", cost.attention_macs);
            check("sparse_conv_macs", cost.sparse_macs_pairs);
            check(
                "sparse_conv_macs_if_every_active_site_paid_9mn",
                cost.sparse_macs_sites,
            );
            check("flatten_macs", cost.flatten_macs);
        }
    }
}
