//! The training loop: it learns, it can be killed anywhere and goes on bit for bit, it says what is wrong.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use mesm::text::TextConfig;
use mesm::weights::{FloatFormat, NamedTensors};
use mesm::{AttentionMode, Modality, ModelConfig, ModelKind};
use mesm_features::mel::MelConfig;
use mesm_train::Utterances;
use mesm_train::config::{PhaseConfig, TrainConfig};
use mesm_train::learner::Learner;
use mesm_train::lessons::{LessonError, Lessons};
use mesm_train::run::{Event, LOG, PhaseLessons, Run, TrainError};
use mesm_train::weights::{from_bytes, snapshot, to_bytes, with_part, with_shift};
use tempfile::tempdir;

const CLASSES: usize = 2;
const FACE: usize = 3 * 48 * 48;
const CHUNK: usize = 128 * 32;

/// Utterances whose faces are brighter on the left or on the right, and whose sound is high or low.
struct Halves {
    steps: usize,
    batch: usize,
    broken: bool,
}

impl Halves {
    fn new(steps: usize) -> Self {
        Self {
            steps,
            batch: 4,
            broken: false,
        }
    }
}

fn noise(place: u64) -> f32 {
    let z = place.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((z ^ (z >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f32 / (1 << 24) as f32
}

impl Lessons for Halves {
    fn steps(&self) -> usize {
        self.steps
    }

    fn utterances(&self, epoch: usize, step: usize) -> Result<Utterances, LessonError> {
        let mut batch = Utterances::default();
        for index in 0..self.batch {
            let place = ((epoch * self.steps + step) * self.batch + index) as u64;
            let label = index % CLASSES;
            batch.ids.push(format!("utterance {place}"));
            batch.sources.push("halves".to_owned());
            batch.subjects.push("unknown".to_owned());
            batch.labels.push(Some(label as u8));
            batch
                .targets
                .extend((0..CLASSES).map(|class| f32::from(u8::from(class == label))));
            batch.tokens.push(vec![1, 2 + (place % 7) as u32]);
            batch.spoken.push(true);
            batch.face_values.extend((0..FACE).map(|i| {
                let left = i % 48 < 24;
                let bright = if left == (label == 0) { 160.0 } else { 60.0 };
                let value = bright + 40.0 * noise(place * FACE as u64 + i as u64);
                if self.broken { f32::NAN } else { value }
            }));
            batch.face_lens.push(1);
            batch.mel_values.extend((0..CHUNK).map(|i| {
                let low = i / 32 < 64;
                let loud = if low == (label == 0) { 4.0 } else { 0.5 };
                loud * noise(place * CHUNK as u64 + i as u64 + 7)
            }));
            batch.mel_lens.push(1);
        }
        Ok(batch)
    }
}

fn config(kind: ModelKind, phases: &[(&str, &str)]) -> TrainConfig {
    let phase = |(name, modalities): &(&str, &str)| PhaseConfig {
        name: (*name).to_owned(),
        modalities: modalities.parse().unwrap(),
        epochs: 2,
        learning_rate: 3e-3,
        text_lr_factor: 1.0,
        class_weights: false,
        modality_loss: 0.3,
        average: 0.5,
        top_p_most: 1.0,
        ..PhaseConfig::default()
    };
    TrainConfig {
        seed: 3,
        model: ModelConfig {
            kind,
            classes: vec!["left".to_owned(), "right".to_owned()],
            text_dim: 8,
            widths: [4, 4, 6, 8],
            flatten_dim: 12,
            trans_dim: 8,
            trans_layers: 1,
            trans_heads: 2,
            trans_feedforward: 16,
            dropout: 0.1,
            attention: AttentionMode::StraightThrough,
            ..ModelConfig::default()
        },
        checkpoint_steps: 2,
        phases: phases.iter().map(phase).collect(),
        ..TrainConfig::default()
    }
}

fn text_config() -> TextConfig {
    let json = r#"{"model_type": "bert", "vocab_size": 16, "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 8, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12}"#;
    TextConfig::from_json(json.as_bytes()).unwrap()
}

fn fresh(config: &TrainConfig, device: &Device) -> Learner {
    device.seed(config.seed);
    Learner {
        encoder: text_config().init(false, device).unwrap(),
        model: config.model.init(device).unwrap(),
    }
    .initialised()
}

/// One run at a time: dropout draws from one generator of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Trains in `folder` until `stop` says so.
fn train(
    config: &TrainConfig,
    folder: &Path,
    steps: usize,
    broken: bool,
    mut stop: impl FnMut(&Event) -> bool,
) -> Result<(), TrainError> {
    let _turn = alone();
    let device = Device::flex().autodiff();
    let lessons = |_: &PhaseConfig| {
        Ok(PhaseLessons {
            train: Box::new(Halves {
                broken,
                ..Halves::new(steps)
            }),
            valid: Box::new(Halves::new(2)),
            class_weights: vec![1.0; CLASSES],
        })
    };
    Run {
        config,
        folder,
        device: &device,
        lessons: &lessons,
        watch: &mut |event| !stop(event),
    }
    .train(&|| Ok(fresh(config, &device)))
    .map(drop)
}

fn files(folder: &Path, config: &TrainConfig) -> Vec<Vec<u8>> {
    let weights = config
        .phases
        .iter()
        .map(|phase| format!("{}.safetensors", phase.name));
    weights
        .map(|name| fs::read(folder.join(name)).unwrap())
        .collect()
}

/// Lines of the log without the numbers that tell the time.
fn log(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(LOG)).unwrap();
    text.lines()
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            let object = line.as_object_mut().unwrap();
            object.remove("seconds");
            object.remove("utterances_per_s");
            object.remove("weights");
            line.to_string()
        })
        .collect()
}

fn goes_on(kind: ModelKind) {
    let config = config(kind, &[("faces", "v"), ("joint", "tva")]);
    let whole = tempdir().unwrap();
    let mut events = 0_usize;
    train(&config, whole.path(), 5, false, |_| {
        events += 1;
        false
    })
    .unwrap();
    assert!(events > 30, "{events} events");
    let parts = tempdir().unwrap();
    // Stopped after every third event, wherever that is: within an epoch, while judging, between phases.
    let mut stops = 0;
    loop {
        let mut seen = 0;
        let every = 3 + stops % 4;
        match train(&config, parts.path(), 5, false, |_| {
            seen += 1;
            seen > every
        }) {
            Ok(()) => break,
            Err(TrainError::Stopped) => stops += 1,
            Err(other) => panic!("{other}"),
        }
        assert!(stops < 200, "the run makes no progress");
    }
    assert!(stops > 5, "stopped {stops} times only");
    assert!(
        files(whole.path(), &config) == files(parts.path(), &config),
        "a run that was stopped {stops} times has other weights"
    );
    assert_eq!(log(whole.path()), log(parts.path()));
}

#[test]
fn a_stopped_mesm_goes_on_bit_for_bit() {
    goes_on(ModelKind::Mesm);
}

#[test]
fn a_stopped_fe2e_goes_on_bit_for_bit() {
    goes_on(ModelKind::Fe2e);
}

#[test]
fn halves_are_learnt() {
    let mut config = config(ModelKind::Mesm, &[("faces", "v")]);
    config.phases[0].epochs = 10;
    config.phases[0].early_stop = 0;
    config.phases[0].learning_rate = 5e-3;
    config.phases[0].attention_spread = 0.0;
    let folder = tempdir().unwrap();
    let mut losses = Vec::new();
    let mut score = 0.0;
    train(&config, folder.path(), 12, false, |event| {
        match event {
            Event::Epoch { train_loss, .. } => losses.push(*train_loss),
            Event::Ended { score: best, .. } => score = *best,
            _ => {}
        }
        false
    })
    .unwrap();
    assert!(losses[9] < 0.5 * losses[0], "{losses:?}");
    assert!(score > 0.99, "{score}");
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
    other.model.modalities = "tv".parse().unwrap();
    let other = fresh(&other, &device);
    let bytes = to_bytes(&other, &MelConfig::default(), FloatFormat::F32).unwrap();
    let own = fresh(&own, &device);
    let [own_before, other] = [&own, &other].map(|learner| snapshot(learner).unwrap());
    let both = snapshot(&with_part(own, Modality::Visual, &[&bytes]).unwrap()).unwrap();
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
        fresh(&config(ModelKind::Mesm, &[("voices", "a")]), &device),
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
        let bytes = to_bytes(&learner, &MelConfig::default(), FloatFormat::F32).unwrap();
        (bytes, snapshot(&learner).unwrap())
    });
    let both =
        snapshot(&with_part(learner(2), Modality::Visual, &[first, second]).unwrap()).unwrap();
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
    config.model.modalities = "tv".parse().unwrap();
    let learner = fresh(&config, &Device::flex());
    let before = snapshot(&learner).unwrap();
    let classes = learner.model.config().classes.len();
    let shift: Vec<f32> = (0..classes).map(|class| class as f32).collect();
    let Learner { encoder, model } = learner;
    assert!(with_shift(model.clone(), Modality::Visual, &shift[1..]).is_err());
    assert!(with_shift(model.clone(), Modality::Acoustic, &shift).is_err());
    let model = with_shift(model, Modality::Visual, &shift).unwrap();
    let after = snapshot(&Learner { encoder, model }).unwrap();
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
