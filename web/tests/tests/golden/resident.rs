//! On WebGPU the device chooses the points itself: it keeps those that the processor keeps, and computes the same.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::sparse::Selection;
use mesm::weights::{Formula, load_params};
use mesm::{Batch, ModelConfig, Output, Prediction};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::devices::{graphics, processor};

const SEED: &str = "resident";

/// Two utterances of so many frames and chunks each, in which something was said or not.
struct Shape {
    face_lens: [usize; 2],
    mel_lens: [usize; 2],
    spoken: Vec<bool>,
}

impl Shape {
    fn batch(&self, device: &Device) -> Batch {
        let formula = Formula::new(SEED, "");
        let tensor = |name: &str, count: usize, largest: f32| {
            let values: Vec<f32> = (0..count as u64)
                .map(|i| largest * formula.unit(name, i))
                .collect();
            Tensor::<1>::from_data(TensorData::new(values, [count]), device)
        };
        let frames: usize = self.face_lens.iter().sum();
        let chunks: usize = self.mel_lens.iter().sum();
        let faces = tensor("faces", frames * 3 * 48 * 48, 255.0);
        let mels = tensor("mels", chunks * 128 * 32, 4.0);
        Batch {
            text: Some(tensor("text", 2 * 16, 1.0).reshape([2, 16])),
            faces: Some(faces.reshape([frames, 3, 48, 48])),
            face_lens: self.face_lens.to_vec(),
            mels: Some(mels.reshape([chunks, 1, 128, 32])),
            mel_lens: self.mel_lens.to_vec(),
            spoken: self.spoken.clone(),
        }
    }
}

async fn outputs(config: &ModelConfig, shape: &Shape, device: &Device) -> Output {
    let model = config.clone().init(device).unwrap();
    let model = load_params(model, &mut Formula::new(SEED, "")).unwrap();
    model.forward_async(&shape.batch(device)).await.unwrap()
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
    let close = |here: &[Vec<f32>], expected: &[Vec<f32>]| {
        for (here, expected) in here.concat().iter().zip(expected.concat()) {
            assert!((here - expected).abs() < 1e-4, "{name}: {here}, {expected}");
        }
    };
    close(&here.logits, &expected.logits);
    for (modality, expected) in &expected.shares {
        close(&here.shares[modality], expected);
    }
}

fn config(top_p: f32, dither: f32) -> ModelConfig {
    ModelConfig {
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
    }
}

async fn agree(name: &str, config: &ModelConfig, shape: &Shape) {
    let here = outputs(config, shape, &graphics().await).await;
    let layers = here.modalities.iter().flat_map(|part| &part.attention);
    let mut stayed = layers.map(|layer| matches!(layer.selection, Selection::Device { .. }));
    assert!(stayed.all(|stayed| stayed), "{name}: read by the host");
    let expected = outputs(config, shape, &processor()).await;
    let expected = expected.into_host().await.unwrap();
    compare(name, &here.into_host().await.unwrap(), &expected);
}

#[wasm_bindgen_test]
async fn the_device_chooses_what_the_processor_chooses() {
    let shape = Shape {
        face_lens: [1, 2],
        mel_lens: [2, 1],
        spoken: Vec::new(),
    };
    for (top_p, dither) in [(0.1, 0.0), (0.5, 0.0), (0.9, 0.0), (0.5, 0.1), (1.0, 0.1)] {
        let name = format!("p = {top_p}, dither {dither}");
        agree(&name, &config(top_p, dither), &shape).await;
    }
}

#[wasm_bindgen_test]
async fn what_is_absent_is_absent_on_both_devices() {
    for (face_lens, mel_lens, spoken) in [
        ([2, 2], [1, 1], vec![false, false]),
        ([0, 2], [1, 1], vec![true, false]),
    ] {
        let shape = Shape {
            face_lens,
            mel_lens,
            spoken,
        };
        let name = format!("{face_lens:?}, {mel_lens:?}, {:?}", shape.spoken);
        agree(&name, &config(0.5, 0.1), &shape).await;
    }
}
