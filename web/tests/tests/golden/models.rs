//! G4 and G5 with one face and one mel chunk: a software GPU is slow.

use burn::tensor::Device;
use mesm::weights::load_params;
use mesm::{Batch, ModelConfig, ModelKind, Prediction, SparsePath};
use mesm_tests::golden::{GoldenSet, Tolerance, number, sizes};
use serde_json::Value;

use crate::devices::on_both_devices;

const FE2E: &[u8] = include_bytes!("../../../../tests/golden/g4_fe2e.json");
const MESM: &[u8] = include_bytes!("../../../../tests/golden/g5_mesm.json");

on_both_devices!(fe2e, mesm_gathered, mesm_masked_dense);

async fn predict(
    set: &GoldenSet,
    inputs: &Value,
    config: ModelConfig,
    device: &Device,
) -> Prediction {
    let config = ModelConfig {
        classes: (0..6).map(|i| i.to_string()).collect(),
        ..config
    };
    let model = load_params(config.init(device).unwrap(), &mut set.formula("")).unwrap();
    let batch = Batch {
        spoken: Vec::new(),
        text: Some(set.tensor_named(inputs, "input1.text_cls", device)),
        faces: Some(set.tensor_named(inputs, "input1.faces", device)),
        face_lens: vec![1],
        mels: Some(set.tensor_named(inputs, "input1.specs", device)),
        mel_lens: vec![1],
    };
    let output = model.forward_async(&batch).await.unwrap();
    output.into_host().await.unwrap()
}

async fn fe2e(device: &Device) {
    let set = GoldenSet::parse("g4_fe2e.json", FE2E);
    let single = &set.json["single"];
    let config = ModelConfig {
        kind: ModelKind::Fe2e,
        ..ModelConfig::default()
    };
    let prediction = predict(&set, &single["inputs"], config, device).await;
    let tolerance = Tolerance {
        abs: 2e-4,
        rel: 1e-3,
    };
    set.assert_close("fe2e", &prediction.logits[0], &single["logits"], tolerance);
}

async fn mesm_gathered(device: &Device) {
    mesm(SparsePath::Gathered, device).await;
}

async fn mesm_masked_dense(device: &Device) {
    mesm(SparsePath::MaskedDense, device).await;
}

async fn mesm(sparse_path: SparsePath, device: &Device) {
    let set = GoldenSet::parse("g5_mesm.json", MESM);
    let run = set
        .list("runs")
        .iter()
        .find(|run| run["variant"] == "single_frame_single_chunk" && number(&run["p"]) == 0.5)
        .expect("the run of one frame and one chunk at p = 0.5");
    let config = ModelConfig {
        top_p: 0.5,
        sparse_path,
        ..ModelConfig::default()
    };
    let prediction = predict(&set, &set.json["inputs_single"], config, device).await;
    for (modality, maps) in &prediction.attention {
        for (i, maps) in maps.iter().enumerate() {
            let name = format!("{}{}", modality.letter().to_ascii_uppercase(), i + 1);
            let recorded = &run["layers"][&name];
            assert_eq!(
                maps.active_points(),
                sizes(&recorded["active"])[0],
                "{name}: active points (margin {})",
                recorded["margin"][0]
            );
        }
    }
    let tolerance = Tolerance {
        abs: 5e-4,
        rel: 1e-3,
    };
    set.assert_close("mesm", &prediction.logits[0], &run["logits"], tolerance);
}
