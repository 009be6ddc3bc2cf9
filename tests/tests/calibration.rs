//! Statistics at several shares of the attention mass: measured, kept in the weights, taken where they belong.

#![allow(clippy::unwrap_used)] // a failed expectation is a failed test

use burn::tensor::{Device, Tensor, TensorData};
use mesm::calibration::LayerStatistics;
use mesm::weights::{Formula, load_params, read_params};
use mesm::{AttentionMode, Batch, Model, ModelConfig, SparsePath};
use mesm_tests::small;

const FACES: usize = 4;
const SHARES: [f32; 3] = [0.25, 0.5, 1.0];
/// Two normalisations in each of three blocks of the one branch.
const LAYERS: usize = 6;

fn config() -> ModelConfig {
    ModelConfig {
        top_p: 0.5,
        attention: AttentionMode::Frozen,
        ..small::of_faces()
    }
}

fn model(device: &Device) -> Model {
    let model = config().init(device).unwrap();
    load_params(model, &mut Formula::new("calibration", "")).unwrap()
}

fn batch(faces: &str, device: &Device) -> Batch {
    let formula = Formula::new("calibration", "");
    let drawn = |name: &str, count: u64, scale: f32| -> Vec<f32> {
        (0..count)
            .map(|i| scale * (1.0 + formula.signed(name, i)))
            .collect()
    };
    let text = TensorData::new(drawn("text", 6, 1.0), [1, 6]);
    let faces = drawn(faces, FACES as u64 * 3 * 48 * 48, 127.0);
    let faces = TensorData::new(faces, [FACES, 3, 48, 48]);
    Batch {
        text: Some(Tensor::from_data(text, device)),
        faces: Some(Tensor::from_data(faces, device)),
        face_lens: vec![FACES],
        ..Batch::default()
    }
}

fn measured(model: &mut Model, faces: &[&str], device: &Device) -> Vec<LayerStatistics> {
    for (seen, faces) in faces.iter().enumerate() {
        model.measure_statistics_from(seen);
        model.forward(&batch(faces, device)).unwrap();
    }
    model.sparse_statistics()
}

fn calibrated() -> (Model, Vec<Vec<LayerStatistics>>) {
    let device = Device::flex();
    let mut model = model(&device);
    let at: Vec<_> = SHARES
        .iter()
        .map(|p| {
            model.set_top_p(*p).unwrap();
            measured(&mut model, &["some"], &device)
        })
        .collect();
    model.set_top_p(0.5).unwrap();
    (model.calibrated(SHARES.to_vec(), &at).unwrap(), at)
}

fn values(statistics: &[LayerStatistics]) -> Vec<f32> {
    let tensors = statistics.iter().flatten();
    tensors
        .flat_map(|t| t.clone().into_data().try_into_vec::<f32>().unwrap())
        .collect()
}

fn logits(model: &Model) -> Vec<f32> {
    let output = model.forward(&batch("some", &Device::flex())).unwrap();
    output.logits.into_data().try_into_vec().unwrap()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}

#[test]
fn every_batch_counts_alike() {
    let device = Device::flex();
    let one = |faces: &[&str]| values(&measured(&mut model(&device), faces, &device));
    let (first, second) = (one(&["some"]), one(&["others"]));
    let mean: Vec<f32> = first
        .iter()
        .zip(&second)
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    assert!(apart(&first, &second) > 1e-3, "two batches differ");
    assert!(apart(&one(&["some", "others"]), &mean) < 1e-5);
}

#[test]
fn each_share_takes_its_own_and_those_between_a_mean() {
    let (mut model, at) = calibrated();
    assert_eq!(at[0].len(), LAYERS);
    assert!(apart(&values(&at[0]), &values(&at[2])) > 1e-3, "p matters");
    assert_eq!(
        values(&model.sparse_statistics()),
        values(&at[1]),
        "its own p"
    );
    for (p, at) in SHARES.iter().zip(&at) {
        model.set_top_p(*p).unwrap();
        assert_eq!(values(&model.sparse_statistics()), values(at), "{p}");
    }
    model.set_top_p(0.625).unwrap();
    let pairs = values(&at[1]).into_iter().zip(values(&at[2]));
    let between: Vec<f32> = pairs.map(|(a, b)| 0.75 * a + 0.25 * b).collect();
    assert!(apart(&values(&model.sparse_statistics()), &between) < 1e-5);
}

#[test]
fn every_point_takes_those_of_all_points() {
    let (mut model, at) = calibrated();
    model.set_sparse_path(SparsePath::EveryPoint);
    assert_eq!(values(&model.sparse_statistics()), values(&at[2]));
    let dense = logits(&model);
    model.set_sparse_path(SparsePath::Gathered);
    model.set_top_p(1.0).unwrap();
    assert!(apart(&dense, &logits(&model)) < 1e-4);
}

#[test]
fn weights_carry_them() {
    let (mut model, _) = calibrated();
    let text = serde_json::to_string(model.config()).unwrap();
    let config: ModelConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(config.calibrated_at, SHARES);
    let params = read_params(&model).unwrap();
    let tables = params.iter().filter(|(name, ..)| name.ends_with("_at"));
    assert_eq!(tables.count(), 2 * LAYERS);
    let again = config.init(&Device::flex()).unwrap();
    let mut again = load_params(again, &mut params.clone()).unwrap();
    assert_eq!(logits(&model), logits(&again));
    // Settings may ask for another share than the weights come from before these are loaded.
    let other = ModelConfig {
        top_p: 0.8,
        ..model.config().clone()
    };
    let other = other.init(&Device::flex()).unwrap();
    let other = load_params(other, &mut params.clone()).unwrap();
    model.set_top_p(0.8).unwrap();
    assert_eq!(logits(&model), logits(&other));
    for p in [0.25, 0.8, 1.0] {
        model.set_top_p(p).unwrap();
        again.set_top_p(p).unwrap();
        assert_eq!(logits(&model), logits(&again), "{p}");
    }
}

#[test]
fn weights_without_them_stay_as_they_were() {
    let text = serde_json::to_string(&config()).unwrap();
    assert!(!text.contains("calibrated_at"), "{text}");
    let mut model = model(&Device::flex());
    let before = values(&model.sparse_statistics());
    model.set_top_p(0.9).unwrap();
    assert_eq!(values(&model.sparse_statistics()), before);
}

#[test]
fn shares_that_cannot_be_are_refused() {
    let (_, at) = calibrated();
    let device = Device::flex();
    for shares in [
        vec![0.5, 0.25, 1.0],
        vec![0.5, 0.5, 1.0],
        vec![0.0, 0.5, 1.0],
        vec![0.5, 1.0, 1.5],
        vec![0.5, 1.0],
    ] {
        let refused = model(&device).calibrated(shares.clone(), &at).unwrap_err();
        assert!(refused.to_string().contains("calibrated_at"), "{shares:?}");
    }
    let of_fewer_layers: Vec<_> = at.iter().map(|at| at[..4].to_vec()).collect();
    assert!(
        model(&device)
            .calibrated(SHARES.to_vec(), &of_fewer_layers)
            .is_err()
    );
}
