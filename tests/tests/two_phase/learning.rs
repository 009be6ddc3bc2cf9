//! Gradients and what they are good for.

use std::collections::BTreeMap;

use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::{Formula, NamedTensors, load_params, read_params};
use mesm::{TwoPhaseConfig, TwoPhaseKind, TwoPhaseModel};
use mesm_tests::golden::values;
use mesm_tests::gradients::gradients;

use crate::small::{Lens, all, batch, config, label, model, utterances};

const RATE: f64 = 0.02;
const STEPS: usize = 120;

/// Binary cross-entropy against answers that follow no rule.
fn loss(model: &TwoPhaseModel, which: &[(usize, Lens)], device: &Device) -> Tensor<1> {
    let batch = batch(model.config(), which, 0, 0.0, device);
    let logits = model.forward(&batch).unwrap().logits;
    let answers: Vec<f32> = (0..which.len())
        .flat_map(|i| [f32::from(i % 3 == 0), f32::from(i % 2 == 0)])
        .collect();
    let answers = Tensor::<2>::from_data(TensorData::new(answers, [which.len(), 2]), device);
    let right = answers.clone() * log_sigmoid(logits.clone());
    let wrong = (-answers + 1.0) * log_sigmoid(-logits);
    -(right + wrong).mean()
}

#[test]
fn eight_utterances_are_learnt_by_heart() {
    let device = Device::flex().autodiff();
    for config in all() {
        let lens = utterances(config.kind);
        let eight: Vec<(usize, Lens)> = (0..8).map(|i| (i, lens[i % lens.len()].1)).collect();
        let mut model = model(&config, &device);
        let mut optimizer = AdamConfig::new().init();
        let before = values(loss(&model, &eight, &device))[0];
        for _ in 0..STEPS {
            let grads = loss(&model, &eight, &device).backward();
            let grads = GradientsParams::from_grads(grads, &model);
            model = optimizer.step(RATE, model, grads);
        }
        let after = values(loss(&model, &eight, &device))[0];
        assert!(
            after < 0.1 * before,
            "{}: {before} to {after}",
            label(&config)
        );
    }
}

fn gradients_of(config: &TwoPhaseConfig, device: &Device) -> BTreeMap<String, Option<Vec<f32>>> {
    let model = model(config, device);
    let loss = loss(&model, &utterances(config.kind), device);
    gradients(&model, &loss.backward())
}

/// The model with all its parameters `factor` times as large.
fn enlarged(config: &TwoPhaseConfig, factor: f32, device: &Device) -> TwoPhaseModel {
    let mut params = NamedTensors::default();
    for (name, shape, values) in read_params(&model(config, device)).unwrap().iter() {
        let values = values.iter().map(|v| factor * v).collect();
        params.insert(name, shape.to_vec(), values);
    }
    load_params(config.init(device).unwrap(), &mut params).unwrap()
}

fn norm(values: &[f32]) -> f64 {
    values
        .iter()
        .map(|v| f64::from(*v).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// The reverse direction of an LSTM that is read at the last step has had one step, and no state before it.
fn has_no_past(config: &TwoPhaseConfig, name: &str) -> bool {
    name.ends_with("weight_hh_l0_reverse")
        && match config.kind {
            TwoPhaseKind::LfLstm => name.contains("rnns.t."),
            TwoPhaseKind::EmoEmbs => true,
            _ => false,
        }
}

#[test]
fn every_parameter_learns() {
    let device = Device::flex().autodiff();
    for config in all() {
        // Where its parameters are small, every step of MMLatch attends to all alike, and keys and queries hardly matter.
        let factor = if config.kind == TwoPhaseKind::MmLatch {
            3.0
        } else {
            1.0
        };
        let model = enlarged(&config, factor, &device);
        let loss = loss(&model, &utterances(config.kind), &device);
        for (name, gradient) in gradients(&model, &loss.backward()) {
            let label = format!("{} {name}", label(&config));
            let gradient = gradient.unwrap_or_else(|| panic!("{label}: no gradient"));
            let norm = norm(&gradient);
            assert!(norm.is_finite(), "{label}");
            assert_eq!(
                norm > 1e-11,
                !has_no_past(&config, &name),
                "{label}: {norm}"
            );
        }
    }
}

/// Autodiff against central differences along a direction of each parameter, for all models.
#[test]
fn gradients_are_those_of_the_loss() {
    const STEP: f64 = 4e-3;
    let (plain, device) = (Device::flex(), Device::flex().autodiff());
    for config in all() {
        let config = TwoPhaseConfig {
            // Otherwise what autodiff gives is not the whole gradient, as the paper has it.
            first_stage_gradients: true,
            ..config
        };
        let lens = utterances(config.kind);
        let found = gradients_of(&config, &device);
        let tensors = read_params(&model(&config, &plain)).unwrap();
        let formula = Formula::new("direction", "");
        let (mut compared, mut near) = (0, 0);
        for (name, shape, values) in tensors.iter() {
            let direction: Vec<f32> = (0..values.len() as u64)
                .map(|i| formula.signed(name, i))
                .collect();
            let length = norm(&direction);
            let at = |step: f64| -> f64 {
                let mut moved = tensors.clone();
                let along = direction.iter().map(|d| f64::from(*d) / length * step);
                let values = values
                    .iter()
                    .zip(along)
                    .map(|(v, d)| (f64::from(*v) + d) as f32);
                moved.insert(name, shape.to_vec(), values.collect());
                value_of(&config, &mut moved, &lens, &plain)
            };
            let expected = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            let gradient = found[name].as_ref().unwrap();
            let got: f64 = gradient
                .iter()
                .zip(&direction)
                .map(|(g, d)| f64::from(*g) * f64::from(*d) / length)
                .sum();
            let allowed = 2e-4 + 0.02 * norm(gradient);
            compared += 1;
            near += usize::from((got - expected).abs() <= allowed);
            // A unit whose ReLU turns within the step bends the difference.
            let worst = 2e-3 + 0.2 * norm(gradient);
            assert!(
                (got - expected).abs() <= worst,
                "{} {name}: {got} where the loss has {expected}",
                label(&config)
            );
        }
        assert!(
            near * 100 >= compared * 95,
            "{}: {near} of {compared}",
            label(&config)
        );
    }
}

fn value_of(
    config: &TwoPhaseConfig,
    params: &mut NamedTensors,
    lens: &[(usize, Lens)],
    device: &Device,
) -> f64 {
    let model = load_params(config.init(device).unwrap(), params).unwrap();
    f64::from(values(loss(&model, lens, device))[0])
}

/// The paper lets no gradient through the encoders of the first stage: feedback and what comes after learn all the same,
/// the encoders learn from the second stage alone.
#[test]
fn the_first_stage_can_be_left_out_of_learning() {
    let device = Device::flex().autodiff();
    for (kind, encoder) in [
        (
            TwoPhaseKind::MmLatch,
            "encoder.text.encoder.rnn.rnn.weight_ih_l0",
        ),
        (TwoPhaseKind::MmLatchMult, "trans_l_mem.layers.0.fc1.weight"),
    ] {
        let [without, with] = [false, true].map(|first_stage_gradients| {
            let config = TwoPhaseConfig {
                first_stage_gradients,
                ..config(kind)
            };
            gradients_of(&config, &device)
        });
        for (name, without) in without {
            let (with, without) = (with[&name].as_ref().unwrap(), without.unwrap());
            let difference: Vec<f32> = with.iter().zip(&without).map(|(a, b)| a - b).collect();
            let moved = norm(&difference) > 1e-4 * norm(with);
            if name.contains("fm.") || name.contains("classifier") || name.contains("out_layer") {
                assert!(!moved, "{kind} {name}");
            } else if name == encoder {
                assert!(moved, "{kind} {name}");
            }
        }
    }
}

#[test]
fn emotions_may_stay_as_they_are() {
    let device = Device::flex().autodiff();
    let config = TwoPhaseConfig {
        learn_emotions: false,
        ..config(TwoPhaseKind::EmoEmbs)
    };
    for (name, gradient) in gradients_of(&config, &device) {
        assert_eq!(gradient.is_none(), name == "textEmoEmbs.weight", "{name}");
    }
}

#[test]
fn dropout_is_for_training() {
    for config in all() {
        let config = TwoPhaseConfig {
            dropout: 0.4,
            embed_dropout: 0.4,
            feedback_dropout: 0.4,
            layers: 2,
            ..config
        };
        for (device, training) in [(Device::flex(), false), (Device::flex().autodiff(), true)] {
            let model = model(&config, &device);
            let batch = batch(&config, &utterances(config.kind), 0, 0.0, &device);
            let run = || values(model.forward(&batch).unwrap().logits);
            let first = run();
            let moved = (0..4).any(|_| run() != first);
            assert_eq!(moved, training, "{}", label(&config));
        }
    }
}
