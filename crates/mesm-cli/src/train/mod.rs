//! `mesm train`: opens store, text encoder and device, and hands them to the training loop.

pub mod arguments;
mod progress;
pub mod recipe;

use std::io::Write;
use std::path::Path;

use burn::tensor::Device;
use mesm::text::TextConfig;
use mesm::{Activation, Modality, ModelConfig, ModelKind};
use mesm_data::store::{Store, write_atomically};
use mesm_train::config::{PhaseConfig, TrainConfig};
use mesm_train::examples::Examples;
use mesm_train::figures::learning_curves;
use mesm_train::learner::Learner;
use mesm_train::lessons::LessonError;
use mesm_train::loss::LossKind;
use mesm_train::reading::Reading;
use mesm_train::report::{epochs, phases};
use mesm_train::run::{Event, LOG, PhaseLessons, Run, TrainError};
use mesm_train::weights;

use crate::device;
use crate::error::CliError;
use crate::words::TextFiles;

use arguments::TrainArguments;
use progress::Show;

/// Carries `mesm train` out.
///
/// # Errors
/// When something is missing or wrong, or the training fails; the run can be gone on with.
pub fn run(arguments: &TrainArguments, out: &mut impl Write) -> Result<(), CliError> {
    let mut config = arguments.settings()?;
    if arguments.print_config {
        let text =
            toml::to_string_pretty(&config).map_err(|e| CliError::Arguments(e.to_string()))?;
        return write!(out, "{text}").map_err(CliError::stdout);
    }
    let missing = |flag: &str| CliError::Arguments(format!("{flag} is needed"));
    let data = arguments.data.as_deref().ok_or_else(|| missing("--data"))?;
    let folder = arguments.out.as_deref().ok_or_else(|| missing("--out"))?;
    let device = device::open(arguments.device)?.autodiff();
    let store = Store::open(data)?;
    let text = TextFiles::read(arguments.text_encoder.as_deref(), true)?;
    complete(&mut config, &store, &text.config)?;
    let max_tokens = config
        .text_max_tokens
        .min(text.config.max_position_embeddings);
    let reading = Reading::new(text.tokenizer()?, max_tokens, &config.mel, config.seed)?;
    let mut begin = arguments.ckpt.as_deref().map(read).transpose()?;
    let mut parts = Vec::new();
    if let Some(wanted) = arguments.ckpt_mod
        && let Some(bytes) = begin.take()
    {
        parts.extend(wanted.iter().map(|modality| (modality, bytes.clone())));
    }
    for (modality, path) in &arguments.part {
        parts.push((*modality, read(path)?));
    }
    let fresh = || fresh(&config, &text, begin.as_deref(), &parts, &device);
    let lessons = |phase: &PhaseConfig| lessons(&store, &reading, &config, phase);
    let mut show = Show::new();
    Run {
        config: &config,
        folder,
        device: &device,
        lessons: &lessons,
        watch: &mut |event| {
            show.event(event);
            if matches!(event, Event::Epoch { .. })
                && let Err(error) = draw_curves(folder)
            {
                tracing::warn!("learning curves: {error}");
            }
            true
        },
    }
    .train(&fresh)?;
    Ok(())
}

/// Draws the learning curves of every phase in the log, `PHASE.svg` in the run's folder.
fn draw_curves(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let log = std::fs::read_to_string(folder.join(LOG))?;
    for epochs in phases(&epochs(&log)?) {
        let Some(first) = epochs.first() else {
            continue;
        };
        let svg = learning_curves(&format!("Phase {}", first.phase), "score", epochs)?;
        write_atomically(&folder.join(format!("{}.svg", first.phase)), svg.as_bytes())?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// What follows from data and text encoder: classes, the size of the text's vector, the modalities of all phases.
fn complete(config: &mut TrainConfig, store: &Store, text: &TextConfig) -> Result<(), CliError> {
    let model: &mut ModelConfig = &mut config.model;
    model.classes = store.classes().to_vec();
    model.text_dim = text.hidden_size;
    model.activation = match config.phases.last().map(|phase| phase.loss) {
        Some(LossKind::Ce) => Activation::Softmax,
        _ => Activation::Sigmoid,
    };
    let wanted = |modality: Modality| {
        config
            .phases
            .iter()
            .any(|phase| phase.modalities.contains(modality))
            || (modality == Modality::Text && model.kind == ModelKind::Mesm)
    };
    let letters: String = Modality::FUSION_ORDER
        .into_iter()
        .filter(|modality| wanted(*modality))
        .map(Modality::letter)
        .collect();
    model.modalities = letters.parse()?;
    model.check()?;
    Ok(())
}

/// The learner a run begins with: the text encoder as it was trained before, the model from the seed or from `begin`,
/// then single modalities from `parts`.
fn fresh(
    config: &TrainConfig,
    text: &TextFiles,
    begin: Option<&[u8]>,
    parts: &[(Modality, Vec<u8>)],
    device: &Device,
) -> Result<Learner, TrainError> {
    device.seed(config.seed);
    let device_error = |e: String| TrainError::Device(e);
    let model = config
        .model
        .init(device)
        .map_err(|e| device_error(e.to_string()))?;
    let encoder = text
        .encoder(device)
        .map_err(|e| device_error(e.to_string()))?;
    let learner = Learner { encoder, model }.initialised();
    let mut learner = match begin {
        None => learner,
        Some(bytes) => weights::from_bytes(learner, bytes)?,
    };
    for modality in Modality::FUSION_ORDER {
        let files: Vec<&Vec<u8>> = parts
            .iter()
            .filter(|(of, _)| *of == modality)
            .map(|(_, bytes)| bytes)
            .collect();
        if !files.is_empty() {
            learner = weights::with_part(learner, modality, &files)?;
        }
    }
    Ok(learner)
}

fn lessons<'a>(
    store: &'a Store,
    reading: &'a Reading,
    config: &TrainConfig,
    phase: &PhaseConfig,
) -> Result<PhaseLessons<'a>, LessonError> {
    let train = Examples::to_learn(store, reading, phase, &config.train_split)?;
    let class_weights = train.class_weights();
    let valid = Examples::to_judge(store, reading, phase, &config.valid_split)?;
    Ok(PhaseLessons {
        train: Box::new(train),
        valid: Box::new(valid),
        class_weights,
    })
}
