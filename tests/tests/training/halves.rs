//! Something small to learn, and trainings on it.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use mesm::text::TextConfig;
use mesm::{AttentionMode, ModelConfig, ModelKind};
use mesm_features::mel::MelConfig;
use mesm_train::Utterances;
use mesm_train::config::{PhaseConfig, TrainConfig};
use mesm_train::features::FeatureRows;
use mesm_train::learner::{EndToEnd, Learner};
use mesm_train::lessons::{LessonError, Lessons};
use mesm_train::run::{Event, LOG, PhaseLessons, Run, Teacher, TrainError};
use mesm_train::system::SystemConfig;
use mesm_train::weights::InputSettings;
use tempfile::tempdir;

pub(crate) const CLASSES: usize = 2;
pub(crate) const FACE: usize = 3 * 48 * 48;
pub(crate) const CHUNK: usize = 128 * 32;

/// Utterances whose faces are brighter on the left or on the right, and whose sound is high or low.
pub(crate) struct Halves {
    steps: usize,
    batch: usize,
    broken: bool,
}

impl Halves {
    pub(crate) fn new(steps: usize) -> Self {
        Self {
            steps,
            batch: 4,
            broken: false,
        }
    }
}

pub(crate) fn noise(place: u64) -> f32 {
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
            // Words say nothing, the face's first feature and the voice's last one do.
            let told = if label == 0 { 1.0 } else { -1.0 };
            let some = |place: u64| noise(place) - 0.5;
            let steps = 1 + index % 3;
            let features = &mut batch.features;
            push(&mut features.words, 2, steps, |_, i| some(place * 31 + i));
            push(&mut features.faces, 3, steps, |column, i| {
                if column == 0 {
                    told
                } else {
                    some(place * 37 + i)
                }
            });
            push(&mut features.voices, 2, steps, |column, i| {
                if column == 1 {
                    told
                } else {
                    some(place * 41 + i)
                }
            });
        }
        Ok(batch)
    }
}

/// Adds rows of `width` features: a value by its column and its place.
pub(crate) fn push(
    rows: &mut FeatureRows,
    width: usize,
    steps: usize,
    value: impl Fn(usize, u64) -> f32,
) {
    rows.width = width;
    rows.lens.push(steps);
    let places = 0..steps * width;
    rows.values
        .extend(places.map(|place| value(place % width, place as u64)));
}

pub(crate) fn config(kind: ModelKind, phases: &[(&str, &str)]) -> TrainConfig {
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
        model: SystemConfig::EndToEnd(ModelConfig {
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
        }),
        checkpoint_steps: 2,
        phases: phases.iter().map(phase).collect(),
        ..TrainConfig::default()
    }
}

pub(crate) fn text_config() -> TextConfig {
    let json = r#"{"model_type": "bert", "vocab_size": 16, "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 8, "type_vocab_size": 2,
        "hidden_act": "gelu", "layer_norm_eps": 1e-12}"#;
    TextConfig::from_json(json.as_bytes()).unwrap()
}

pub(crate) fn fresh(config: &TrainConfig, device: &Device) -> Learner {
    device.seed(config.seed);
    let learner = match &config.model {
        SystemConfig::EndToEnd(model) => Learner::EndToEnd(EndToEnd {
            encoder: text_config().init(false, device).unwrap(),
            model: model.init(device).unwrap(),
        }),
        SystemConfig::TwoPhase(model) => Learner::TwoPhase(model.init(device).unwrap()),
    };
    learner.initialised()
}

pub(crate) fn end_to_end(learner: Learner) -> EndToEnd {
    match learner {
        Learner::EndToEnd(learner) => learner,
        Learner::TwoPhase(_) => panic!("a two-phase model"),
    }
}

pub(crate) fn inputs() -> InputSettings {
    InputSettings::Spectrogram(MelConfig::default())
}

pub(crate) fn modalities(config: &mut TrainConfig, letters: &str) {
    let SystemConfig::EndToEnd(model) = &mut config.model else {
        panic!("a two-phase model");
    };
    model.modalities = letters.parse().unwrap();
}

/// One run at a time: dropout draws from one generator of the whole process.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Trains on halves in `folder` until `stop` says so.
pub(crate) fn train(
    config: &TrainConfig,
    folder: &Path,
    steps: usize,
    broken: bool,
    stop: impl FnMut(&Event) -> bool,
) -> Result<(), TrainError> {
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
    run(config, folder, &lessons, None, stop)
}

/// Trains on some lessons in `folder` until `stop` says so.
pub(crate) fn run(
    config: &TrainConfig,
    folder: &Path,
    lessons: &dyn Fn(&PhaseConfig) -> Result<PhaseLessons<'static>, LessonError>,
    teacher: Option<&Teacher>,
    mut stop: impl FnMut(&Event) -> bool,
) -> Result<(), TrainError> {
    let _turn = alone();
    let device = Device::flex().autodiff();
    Run {
        config,
        folder,
        inputs: &inputs(),
        teacher,
        device: &device,
        lessons: &|phase| lessons(phase),
        watch: &mut |event| !stop(event),
    }
    .train(&|| Ok(fresh(config, &device)))
    .map(drop)
}

/// Learns halves for twelve steps an epoch: the loss of each epoch, and the score that is kept.
pub(crate) fn learnt(config: &TrainConfig) -> (Vec<f64>, f64) {
    let folder = tempdir().unwrap();
    let mut losses = Vec::new();
    let mut score = 0.0;
    train(config, folder.path(), 12, false, |event| {
        match event {
            Event::Epoch { train_loss, .. } => losses.push(*train_loss),
            Event::Ended { score: best, .. } => score = *best,
            _ => {}
        }
        false
    })
    .unwrap();
    (losses, score)
}

pub(crate) fn files(folder: &Path, config: &TrainConfig) -> Vec<Vec<u8>> {
    let weights = config
        .phases
        .iter()
        .map(|phase| format!("{}.safetensors", phase.name));
    weights
        .map(|name| fs::read(folder.join(name)).unwrap())
        .collect()
}

/// Lines of the log without the numbers that tell the time.
pub(crate) fn log(folder: &Path) -> Vec<String> {
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

pub(crate) fn goes_on(config: &TrainConfig) {
    let whole = tempdir().unwrap();
    let mut events = 0_usize;
    train(config, whole.path(), 5, false, |_| {
        events += 1;
        false
    })
    .unwrap();
    assert!(events > 15, "{events} events");
    let parts = tempdir().unwrap();
    // Stopped after every third event, wherever that is: within an epoch, while judging, between phases.
    let mut stops = 0;
    loop {
        let mut seen = 0;
        let every = 3 + stops % 4;
        match train(config, parts.path(), 5, false, |_| {
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
        files(whole.path(), config) == files(parts.path(), config),
        "a run that was stopped {stops} times has other weights"
    );
    assert_eq!(log(whole.path()), log(parts.path()));
}
