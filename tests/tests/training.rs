//! The training loop: it learns, it can be killed anywhere and goes on bit for bit, it says what is wrong.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

#[path = "training/halves.rs"]
mod halves;
#[path = "training/two_phase.rs"]
mod two_phase;

use burn::tensor::Device;
use halves::{
    Halves, alone, config, end_to_end, files, fresh, goes_on, inputs, learnt, modalities, run,
    train,
};
use mesm::weights::{FloatFormat, NamedTensors};
use mesm::{Modality, ModelKind};
use mesm_train::config::{Metric, TrainConfig};
use mesm_train::learner::{EndToEnd, Learner};
use mesm_train::lessons::Lessons;
use mesm_train::loss::LossKind;
use mesm_train::run::{Event, PhaseLessons, Teacher, TrainError};
use mesm_train::weights::{from_bytes, snapshot, to_bytes, with_part, with_shift};
use tempfile::tempdir;

#[test]
fn a_stopped_mesm_goes_on_bit_for_bit() {
    goes_on(&config(
        ModelKind::Mesm,
        &[("faces", "v"), ("joint", "tva")],
    ));
}

#[test]
fn a_stopped_fe2e_goes_on_bit_for_bit() {
    goes_on(&config(
        ModelKind::Fe2e,
        &[("faces", "v"), ("joint", "tva")],
    ));
}

#[test]
fn halves_are_learnt() {
    let mut config = config(ModelKind::Mesm, &[("faces", "v")]);
    config.phases[0].epochs = 10;
    config.phases[0].early_stop = 0;
    config.phases[0].learning_rate = 5e-3;
    config.phases[0].attention_spread = 0.0;
    let (losses, score) = learnt(&config);
    assert!(losses[9] < 0.5 * losses[0], "{losses:?}");
    assert!(score > 0.99, "{score}");
}

/// A teacher that is sure of the first class, whatever it sees.
fn sure_of_the_first(config: &TrainConfig) -> Teacher {
    let EndToEnd { encoder, model } = end_to_end(fresh(config, &Device::flex()));
    let model = with_shift(model, Modality::Visual, &[50.0, 0.0]).unwrap();
    Teacher::new(Learner::EndToEnd(EndToEnd { encoder, model }))
}

#[test]
fn a_teacher_takes_its_share_of_the_targets() {
    let mut config = config(ModelKind::Fe2e, &[("faces", "v")]);
    config.phases[0].loss = LossKind::Ce;
    let _turn = alone();
    let teacher = sure_of_the_first(&config);
    let labelled = Halves::new(1).utterances(0, 0).unwrap();
    let mut taught = |share| {
        let mut utterances = labelled.clone();
        config.phases[0].teacher_share = share;
        teacher
            .teach(&config.phases[0], &mut utterances, &Device::flex())
            .unwrap();
        utterances.targets
    };
    assert_eq!(taught(0.0), labelled.targets, "labels alone");
    let pairs = taught(0.25);
    for (pair, label) in pairs.chunks(2).zip(labelled.targets.chunks(2)) {
        let expected = [0.75 * label[0] + 0.25, 0.75 * label[1]];
        for (found, expected) in pair.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{pair:?} of {label:?}");
        }
    }
}

#[test]
fn who_learns_from_a_teacher_alone_says_what_it_says() {
    let mut config = config(ModelKind::Mesm, &[("faces", "v")]);
    let phase = &mut config.phases[0];
    (phase.loss, phase.teacher_share) = (LossKind::Ce, 1.0);
    (phase.epochs, phase.learning_rate) = (4, 5e-3);
    config.teacher = Some("of the test".into());
    let teacher = {
        let _turn = alone();
        sure_of_the_first(&config)
    };
    let folder = tempdir().unwrap();
    let (mut losses, mut accuracy) = (Vec::new(), 1.0);
    let lessons = |_: &_| {
        Ok(PhaseLessons {
            train: Box::new(Halves::new(8)),
            valid: Box::new(Halves::new(2)),
            class_weights: vec![1.0; 2],
        })
    };
    run(&config, folder.path(), &lessons, Some(&teacher), |event| {
        if let Event::Epoch {
            train_loss, scores, ..
        } = event
        {
            losses.push(*train_loss);
            accuracy = scores["v"][&Metric::Accuracy];
        }
        false
    })
    .unwrap();
    // It is sure of what it learns, and half of the halves are of another class.
    assert!(losses[3] < 0.2, "{losses:?}");
    assert!((accuracy - 0.5).abs() < 0.2, "{accuracy}");
}

/// The names of what a phase changes.
fn changed(config: &TrainConfig, steps: usize) -> Vec<String> {
    let folder = tempdir().unwrap();
    let device = Device::flex().autodiff();
    let before = {
        let _turn = alone();
        snapshot(&fresh(config, &device)).unwrap()
    };
    train(config, folder.path(), steps, false, |_| false).unwrap();
    let _turn = alone();
    let after = from_bytes(fresh(config, &device), &files(folder.path(), config)[0]).unwrap();
    let after = snapshot(&after).unwrap();
    before
        .iter()
        .zip(after.iter())
        .filter(|(before, after)| before != after)
        .map(|((name, ..), _)| name.to_owned())
        .collect()
}

#[test]
fn what_is_frozen_keeps_its_values() {
    let mut config = config(ModelKind::Mesm, &[("faces", "v")]);
    config.phases[0].freeze = "aq".to_owned();
    config.phases[0].freeze_text_layers = 1;
    config.phases[0].average = 0.0;
    let changed = changed(&config, 3);
    let any = |part: &str| changed.iter().any(|name| name.contains(part));
    assert!(any("V.low_level") && any("channel_affine"), "{changed:?}");
    for part in [
        "y_affine",
        "model.A.",
        "model.a_",
        "encoder.embeddings",
        "encoder.encoder.layer",
    ] {
        assert!(!any(part), "{part} has changed: {changed:?}");
    }
}

/// The words learn what to say to the attention of branches that stay as they are.
#[test]
fn the_query_learns_alone() {
    let mut config = config(ModelKind::Mesm, &[("joint", "tva")]);
    config.phases[0].freeze = "tva".to_owned();
    config.phases[0].train_text_encoder = false;
    config.phases[0].average = 0.0;
    let changed = changed(&config, 3);
    for branch in ["model.V.", "model.A."] {
        let query = |name: &&String| name.contains(branch) && name.contains("y_affine");
        assert_eq!(changed.iter().filter(query).count(), 3, "{changed:?}");
    }
    let known = |name: &String| name.contains("y_affine") || name.contains("fusion");
    assert!(changed.iter().all(known), "{changed:?}");
    assert!(
        changed.iter().any(|name| name.contains("fusion")),
        "{changed:?}"
    );
}

#[test]
fn a_part_comes_from_another_run() {
    let _turn = alone();
    let device = Device::flex();
    let small = config(ModelKind::Mesm, &[("faces", "v")]);
    let mut own = small.clone();
    own.seed += 1;
    let mut other = small;
    modalities(&mut other, "tv");
    let other = fresh(&other, &device);
    let bytes = to_bytes(&other, &inputs(), FloatFormat::F32).unwrap();
    let own = fresh(&own, &device);
    let [own_before, other] = [&own, &other].map(|learner| snapshot(learner).unwrap());
    let both = with_part(end_to_end(own), Modality::Visual, &[&bytes]).unwrap();
    let both = snapshot(&Learner::EndToEnd(both)).unwrap();
    let value = |all: &NamedTensors, wanted: &str| {
        let found = all.iter().find(|(name, ..)| *name == wanted);
        found.map(|(_, _, values)| values.to_vec())
    };
    for (name, _, values) in both.iter() {
        let source = if name.starts_with("model.V.") || name.starts_with("model.v_") {
            &other
        } else {
            &own_before
        };
        assert_eq!(Some(values.to_vec()), value(source, name), "{name}");
    }
    let error = with_part(
        end_to_end(fresh(&config(ModelKind::Mesm, &[("voices", "a")]), &device)),
        Modality::Acoustic,
        &[&bytes],
    );
    assert!(error.is_err(), "the file has no acoustic branch");
}

#[test]
fn of_several_files_the_mean_is_taken() {
    let _turn = alone();
    let device = Device::flex();
    let learner = |seed: u64| {
        let mut config = config(ModelKind::Mesm, &[("faces", "v")]);
        config.seed += seed;
        fresh(&config, &device)
    };
    let [(first, one), (second, other)] = [0, 1].map(|seed| {
        let learner = learner(seed);
        let bytes = to_bytes(&learner, &inputs(), FloatFormat::F32).unwrap();
        (bytes, snapshot(&learner).unwrap())
    });
    let both = with_part(end_to_end(learner(2)), Modality::Visual, &[first, second]).unwrap();
    let both = snapshot(&Learner::EndToEnd(both)).unwrap();
    let mut checked = 0;
    for (((name, _, mean), (_, _, a)), (_, _, b)) in both.iter().zip(one.iter()).zip(other.iter()) {
        if name.starts_with("model.V.") || name.starts_with("model.v_") {
            let expected = a.iter().zip(b).map(|(a, b)| (a + b) / 2.0);
            assert!(
                mean.iter().zip(expected).all(|(m, e)| (m - e).abs() < 1e-6),
                "{name}"
            );
            checked += 1;
        }
    }
    assert!(checked > 10, "{checked} tensors");
}

#[test]
fn what_a_modality_says_is_shifted() {
    let _turn = alone();
    let mut config = config(ModelKind::Mesm, &[("faces", "v")]);
    modalities(&mut config, "tv");
    let learner = fresh(&config, &Device::flex());
    let before = snapshot(&learner).unwrap();
    let shift: Vec<f32> = (0..learner.classes().len())
        .map(|class| class as f32)
        .collect();
    let EndToEnd { encoder, model } = end_to_end(learner);
    assert!(with_shift(model.clone(), Modality::Visual, &shift[1..]).is_err());
    assert!(with_shift(model.clone(), Modality::Acoustic, &shift).is_err());
    let model = with_shift(model, Modality::Visual, &shift).unwrap();
    let after = snapshot(&Learner::EndToEnd(EndToEnd { encoder, model })).unwrap();
    for ((name, _, after), (_, _, before)) in after.iter().zip(before.iter()) {
        let mut expected = before.to_vec();
        if name == "model.v_out.bias" {
            expected.iter_mut().zip(&shift).for_each(|(e, s)| *e += s);
        }
        assert_eq!(after.to_vec(), expected, "{name}");
    }
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_names_the_batch() {
    let config = config(ModelKind::Fe2e, &[("joint", "va")]);
    let folder = tempdir().unwrap();
    let error = train(&config, folder.path(), 3, true, |_| false).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TrainError::NotFinite { .. }), "{text}");
    assert!(text.contains("utterance 0, utterance 1"), "{text}");
    assert!(text.contains("checkpoint.safetensors"), "{text}");
}

#[test]
fn other_settings_do_not_go_on_in_the_same_folder() {
    let config = config(ModelKind::Fe2e, &[("joint", "va")]);
    let folder = tempdir().unwrap();
    let mut steps = 0;
    let stopped = train(&config, folder.path(), 5, false, |event| {
        steps += usize::from(matches!(event, Event::Step { .. }));
        steps > 3
    });
    assert!(matches!(stopped, Err(TrainError::Stopped)));
    let mut other = config.clone();
    other.seed = 4;
    let error = train(&other, folder.path(), 5, false, |_| false).unwrap_err();
    assert!(matches!(error, TrainError::OtherRun { .. }), "{error}");
}
