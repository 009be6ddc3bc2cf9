//! A loud tone: the model reads raw power, whose values of several hundred drive the attention far into saturation.
//! Both devices must still choose the same points.

use std::f32::consts::TAU;

use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::{Formula, load_params};
use mesm::{Batch, Modality, ModelConfig, Prediction};
use mesm_features::mel::{MelConfig, mel_pieces};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::devices::{graphics, processor};

const TEXT_DIM: usize = 384;

/// A tone that rises from 200 to 2000 Hz, one mel chunk long.
fn tone() -> Vec<f32> {
    let sample = |i: u16| {
        let t = f32::from(i) / 16_000.0;
        0.9 * (TAU * (200.0 * t + 2400.0 * t * t)).sin()
    };
    (0..6000).map(sample).collect()
}

async fn predict(device: &Device) -> Prediction {
    let config = ModelConfig {
        text_dim: TEXT_DIM,
        ..ModelConfig::default()
    };
    let model = config.init(device).unwrap();
    let model = load_params(model, &mut Formula::new("loud", "")).unwrap();
    let pieces = mel_pieces(&tone(), &MelConfig::default()).unwrap();
    assert!(pieces.values.iter().any(|power| *power > 1000.0));
    let text = (0..TEXT_DIM).map(|i| (1.7 * i as f32).sin()).collect();
    let batch = Batch {
        text: Some(Tensor::from_data(
            TensorData::new::<f32, _>(text, [1, TEXT_DIM]),
            device,
        )),
        mels: Some(Tensor::from_data(
            TensorData::new(pieces.values, [pieces.count, 1, 128, 32]),
            device,
        )),
        mel_lens: vec![pieces.count],
        ..Batch::default()
    };
    let output = model.forward_async(&batch).await.unwrap();
    output.into_host().await.unwrap()
}

#[wasm_bindgen_test]
async fn a_loud_tone_is_heard_alike() {
    let expected = predict(&processor()).await;
    let found = predict(&graphics().await).await;
    for (found, expected) in found.logits[0].iter().zip(&expected.logits[0]) {
        assert!(
            (found - expected).abs() <= 1e-3,
            "logits {:?} on WebGPU, {expected} on the processor",
            found
        );
    }
    let [found, expected] = [found, expected].map(|mut prediction| {
        let layers = prediction.attention.remove(&Modality::Acoustic).unwrap();
        layers
            .iter()
            .map(mesm::AttentionMaps::active_points)
            .collect::<Vec<_>>()
    });
    assert_eq!(found, expected, "active points of the three layers");
}
