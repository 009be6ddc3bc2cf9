//! A regular pattern in the scores of the attention: what is kept where nothing else has a say, and by which path.

#![allow(clippy::unwrap_used)] // a failed expectation is a failed test

use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::{Formula, load_params};
use mesm::{AttentionMaps, AttentionMode, Batch, Modality, Model, ModelConfig, SparsePath};
use mesm_tests::small;

const FACES: usize = 3;
const SIZE: usize = 48;

fn config(dither: f32) -> ModelConfig {
    ModelConfig {
        attention: AttentionMode::StraightThrough,
        dither,
        ..small::of_faces()
    }
}

fn drawn<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let formula = Formula::new("dither", "");
    let count = shape.iter().product::<usize>() as u64;
    let data: Vec<f32> = (0..count).map(|i| formula.signed(name, i)).collect();
    Tensor::from_data(TensorData::new(data, shape.to_vec()), device)
}

fn batch(device: &Device) -> Batch {
    Batch {
        text: Some(drawn("text", [1, 6], device)),
        faces: Some(drawn("faces", [FACES, 3, SIZE, SIZE], device)),
        face_lens: vec![FACES],
        ..Batch::default()
    }
}

/// What was decided and said.
fn answer(model: &Model, device: &Device) -> (Vec<AttentionMaps>, Vec<f32>) {
    let output = model.forward(&batch(device)).unwrap();
    let mut prediction = pollster::block_on(output.into_host()).unwrap();
    let layers = prediction.attention.remove(&Modality::Visual).unwrap();
    assert_eq!(layers.len(), 3);
    (layers, prediction.logits.concat())
}

#[test]
fn what_nothing_else_chooses_is_a_chessboard() {
    for device in [Device::flex(), Device::flex().autodiff()] {
        let mut model = config(1e-3).init(&device).unwrap();
        for path in [SparsePath::Gathered, SparsePath::MaskedDense] {
            model.set_sparse_path(path);
            let (layers, _) = answer(&model, &device);
            for layer in layers {
                for (point, kept) in layer.masks.concat().into_iter().enumerate() {
                    let (y, x) = (point / layer.width % layer.height, point % layer.width);
                    assert!(!kept || (y + x) % 2 == 0, "{path:?}: {y}, {x}");
                }
            }
        }
    }
}

#[test]
fn fewer_points_are_among_more_of_them() {
    let device = Device::flex();
    let mut model = config(0.1).init(&device).unwrap();
    let mut before: Option<Vec<bool>> = None;
    for (p, most) in [(0.2, 0.25), (0.5, 0.5), (0.7, 0.75), (1.0, 1.0)] {
        model.set_top_p(p).unwrap();
        let (layers, _) = answer(&model, &device);
        let mask = layers[0].masks.concat();
        let share = mask.iter().filter(|kept| **kept).count() as f32 / mask.len() as f32;
        assert!(share <= most && share > 0.8 * p, "p = {p}: {share}");
        if let Some(before) = before {
            assert!(before.iter().zip(&mask).all(|(less, more)| more >= less));
        }
        before = Some(mask);
    }
}

#[test]
fn both_paths_keep_the_same_points() {
    let device = Device::flex();
    // Scores of its own, too.
    let model = config(0.3).init(&device).unwrap();
    let mut model = load_params(model, &mut Formula::new("dither", "")).unwrap();
    model.set_top_p(0.6).unwrap();
    let [(gathered, logits), (masked, others)] = [SparsePath::Gathered, SparsePath::MaskedDense]
        .map(|path| {
            model.set_sparse_path(path);
            answer(&model, &device)
        });
    for (gathered, masked) in gathered.iter().zip(&masked) {
        assert_eq!(gathered.masks, masked.masks);
        assert!(gathered.active_points() > 0);
    }
    for (a, b) in logits.iter().zip(others) {
        assert!((a - b).abs() < 1e-5, "{a}, {b}");
    }
}

#[test]
fn without_it_the_attention_is_the_papers() {
    assert!(config(-0.1).check().is_err());
    assert!(config(f32::NAN).check().is_err());
    let plain = serde_json::to_value(ModelConfig::default()).unwrap();
    assert_eq!(plain["dither"], 0.0);
}
