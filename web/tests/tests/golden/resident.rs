//! On WebGPU the device chooses the points itself: it keeps those that the processor keeps, and computes the same.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::sparse::Selection;
use mesm::weights::{Formula, load_params};
use mesm::{Batch, ModelConfig, Output, Prediction};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::devices::{graphics, processor};

const SEED: &str = "resident";

/// Two utterances, of one frame and two chunks and of two frames and one chunk.
fn batch(device: &Device) -> Batch {
    let formula = Formula::new(SEED, "");
    let tensor = |name: &str, count: usize, largest: f32| {
        let values: Vec<f32> = (0..count as u64)
            .map(|i| largest * formula.unit(name, i))
            .collect();
        Tensor::<1>::from_data(TensorData::new(values, [count]), device)
    };
    Batch {
        text: Some(tensor("text", 2 * 16, 1.0).reshape([2, 16])),
        faces: Some(tensor("faces", 3 * 3 * 48 * 48, 255.0).reshape([3, 3, 48, 48])),
        face_lens: vec![1, 2],
        mels: Some(tensor("mels", 3 * 128 * 32, 4.0).reshape([3, 1, 128, 32])),
        mel_lens: vec![2, 1],
        spoken: Vec::new(),
    }
}

async fn outputs(config: &ModelConfig, device: &Device) -> Output {
    let model = config.clone().init(device).unwrap();
    let model = load_params(model, &mut Formula::new(SEED, "")).unwrap();
    model.forward_async(&batch(device)).await.unwrap()
}

fn compare(name: &str, here: &Prediction, expected: &Prediction) {
    for (modality, layers) in &expected.attention {
        for (i, (here, expected)) in here.attention[modality].iter().zip(layers).enumerate() {
            assert_eq!(
                here.masks, expected.masks,
                "{name}: {modality:?}, layer {i}"
            );
            for (here, expected) in here.weights.concat().iter().zip(expected.weights.concat()) {
                assert!((here - expected).abs() < 1e-6, "{name}: {here}, {expected}");
            }
        }
    }
    for (here, expected) in here.logits.concat().iter().zip(expected.logits.concat()) {
        assert!((here - expected).abs() < 1e-4, "{name}: {here}, {expected}");
    }
}

#[wasm_bindgen_test]
async fn the_device_chooses_what_the_processor_chooses() {
    let (graphics, processor) = (graphics().await, processor());
    for (top_p, dither) in [(0.1, 0.0), (0.5, 0.0), (0.9, 0.0), (0.5, 0.1), (1.0, 0.1)] {
        let config = ModelConfig {
            text_dim: 16,
            widths: [8, 12, 16, 20],
            flatten_dim: 16,
            trans_dim: 8,
            trans_layers: 1,
            trans_heads: 2,
            trans_feedforward: 16,
            top_p,
            dither,
            ..ModelConfig::default()
        };
        let name = format!("p = {top_p}, dither {dither}");
        let here = outputs(&config, &graphics).await;
        let layers = here.modalities.iter().flat_map(|part| &part.attention);
        let mut stayed = layers.map(|layer| matches!(layer.selection, Selection::Device { .. }));
        assert!(stayed.all(|stayed| stayed), "{name}: read by the host");
        let expected = outputs(&config, &processor).await.into_host().await;
        compare(&name, &here.into_host().await.unwrap(), &expected.unwrap());
    }
}
