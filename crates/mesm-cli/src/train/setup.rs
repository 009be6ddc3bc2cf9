//! Everything a training needs, opened and completed from the data.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use mesm::two_phase::{TwoPhaseConfig, TwoPhaseKind};
use mesm::{Activation, Modality, ModelConfig, ModelKind};
use mesm_data::store::Store;
use mesm_train::config::{PhaseConfig, TrainConfig};
use mesm_train::examples::Examples;
use mesm_train::features::FeatureReader;
use mesm_train::learner::{EndToEnd, Learner};
use mesm_train::lessons::LessonError;
use mesm_train::loss::LossKind;
use mesm_train::reading::{Reading, SENTIMENT, Target};
use mesm_train::run::{Event, PhaseLessons, Run, Teacher, TrainError};
use mesm_train::system::SystemConfig;
use mesm_train::weights::{self, InputSettings};

use crate::error::CliError;
use crate::judging::end_to_end;
use crate::weights::WeightsFile;
use crate::word_table::word_table;
use crate::words::TextFiles;

/// A training that can begin, or go on.
pub(crate) struct Setup<'a> {
    config: TrainConfig,
    store: &'a Store,
    start: Start,
    reading: Reading,
    inputs: InputSettings,
    teacher: Option<Teacher>,
    device: Device,
}

/// What a new learner is made of, whose sizes are those of the data.
#[allow(clippy::large_enum_variant)] // one value a run
enum Start {
    EndToEnd(ModelConfig, TextFiles),
    /// With the vectors of the classes' names, for models that begin with them.
    TwoPhase(TwoPhaseConfig, Vec<f32>),
}

/// Weights to begin with.
#[derive(Default)]
pub(crate) struct Beginning {
    /// A whole file.
    pub(crate) all: Option<Vec<u8>>,
    /// Single modalities.
    pub(crate) parts: Vec<(Modality, Vec<u8>)>,
}

impl<'a> Setup<'a> {
    /// Completes `config` from the data: classes, sizes of the inputs, the modalities of all phases. `device` needs no
    /// automatic differentiation yet.
    pub(crate) fn new(
        mut config: TrainConfig,
        store: &'a Store,
        text_encoder: Option<&Path>,
        device: Device,
    ) -> Result<Self, CliError> {
        let target = match config.phases.last().map(|phase| phase.loss) {
            Some(LossKind::Mae) => Target::Sentiment,
            _ => Target::Classes,
        };
        let classes = match target {
            Target::Classes => store.classes().to_vec(),
            Target::Sentiment => vec![SENTIMENT.to_owned()],
        };
        let activation = match config.phases.last().map(|phase| phase.loss) {
            Some(LossKind::Ce) => Activation::Softmax,
            _ => Activation::Sigmoid,
        };
        let needs_words =
            matches!(&config.model, SystemConfig::EndToEnd(model) if model.kind == ModelKind::Mesm);
        let wanted = |modality: Modality| {
            let mut phases = config.phases.iter();
            phases.any(|phase| phase.modalities.contains(modality))
                || (modality == Modality::Text && needs_words)
        };
        let letters: String = Modality::FUSION_ORDER
            .into_iter()
            .filter(|modality| wanted(*modality))
            .map(Modality::letter)
            .collect();
        let modalities = letters.parse()?;
        let (start, reading, inputs) = match &mut config.model {
            SystemConfig::EndToEnd(model) => {
                let text = TextFiles::read(text_encoder, true)?;
                model.classes = classes;
                model.text_dim = text.config.hidden_size;
                model.activation = activation;
                model.modalities = modalities;
                let max_tokens = config
                    .text_max_tokens
                    .min(text.config.max_position_embeddings);
                let reading =
                    Reading::new(text.tokenizer()?, max_tokens, &config.mel, config.seed)?;
                let inputs = InputSettings::Spectrogram(config.mel.clone());
                (Start::EndToEnd(model.clone(), text), reading, inputs)
            }
            SystemConfig::TwoPhase(model) => {
                let words = word_table(config.features.word_vectors.as_deref(), text_encoder)?;
                let class_vectors = words.names(&classes)?;
                let aligned = matches!(
                    model.kind,
                    TwoPhaseKind::MmLatch | TwoPhaseKind::MmLatchMult
                );
                let (features, split) = (&config.features, &config.train_split);
                let reader = FeatureReader::fitted(features, aligned, words, store, split)?;
                let [text_dim, visual_dim, acoustic_dim] = reader.widths();
                model.classes = classes;
                model.activation = activation;
                model.modalities = modalities;
                model.text_dim = text_dim;
                // What the data does not hold is not read; the layer for it is as wide as any.
                model.visual_dim = visual_dim.max(1);
                model.acoustic_dim = acoustic_dim.max(1);
                let inputs = InputSettings::Features(reader.settings().clone());
                let reading = Reading::of_features(reader, config.seed);
                (
                    Start::TwoPhase(model.clone(), class_vectors),
                    reading,
                    inputs,
                )
            }
        };
        config.model.check()?;
        let teacher = match (&config.teacher, &start) {
            (Some(path), Start::EndToEnd(pupil, _)) => {
                Some(teacher(path, pupil, &config, text_encoder, &device)?)
            }
            // Settings with a teacher for a two-phase model are refused.
            _ => None,
        };
        Ok(Self {
            teacher,
            config,
            store,
            start,
            reading: reading.about(target),
            inputs,
            device: device.autodiff(),
        })
    }

    /// Trains to the end in `folder`, or goes on there; `watch` hears of every event.
    pub(crate) fn train(
        &self,
        folder: &Path,
        beginning: &Beginning,
        watch: &mut dyn FnMut(&Event) -> bool,
    ) -> Result<(), CliError> {
        Run {
            config: &self.config,
            folder,
            inputs: &self.inputs,
            teacher: self.teacher.as_ref(),
            device: &self.device,
            lessons: &|phase| self.lessons(phase),
            watch,
        }
        .train(&|| self.fresh(beginning))?;
        Ok(())
    }

    /// The learner a run begins with: the text encoder as it was trained before, the model from the seed or from weights,
    /// then single modalities.
    fn fresh(&self, beginning: &Beginning) -> Result<Learner, TrainError> {
        let device = &self.device;
        device.seed(self.config.seed);
        let wrong = |e: &dyn std::error::Error| TrainError::Device(e.to_string());
        let learner = match &self.start {
            Start::EndToEnd(config, text) => {
                let model = config.init(device).map_err(|e| wrong(&e))?;
                let encoder = text.encoder(device).map_err(|e| wrong(&e))?;
                Learner::EndToEnd(EndToEnd { encoder, model })
            }
            Start::TwoPhase(config, class_vectors) => {
                let mut model = config.init(device).map_err(|e| wrong(&e))?;
                if config.kind == TwoPhaseKind::EmoEmbs {
                    let shape = [config.classes.len(), config.text_dim];
                    let vectors = TensorData::new(class_vectors.clone(), shape);
                    model = model
                        .with_emotion_embeddings(Tensor::from_data(vectors, device))
                        .map_err(|e| wrong(&e))?;
                }
                Learner::TwoPhase(model)
            }
        };
        let learner = learner.initialised();
        let learner = match &beginning.all {
            None => learner,
            Some(bytes) => weights::from_bytes(learner, bytes)?,
        };
        match learner {
            Learner::EndToEnd(learner) => {
                let learner = with_parts(learner, &beginning.parts)?;
                Ok(Learner::EndToEnd(learner))
            }
            Learner::TwoPhase(_) if !beginning.parts.is_empty() => {
                Err(mesm_train::learner::LearnerError::NoParts.into())
            }
            learner @ Learner::TwoPhase(_) => Ok(learner),
        }
    }

    fn lessons(&self, phase: &PhaseConfig) -> Result<PhaseLessons<'_>, LessonError> {
        let (store, reading) = (self.store, &self.reading);
        let train = Examples::to_learn(store, reading, phase, &self.config.train_split)?;
        let class_weights = train.class_weights()?;
        let valid = Examples::to_judge(store, reading, phase, &self.config.valid_split)?;
        Ok(PhaseLessons {
            train: Box::new(train),
            valid: Box::new(valid),
            class_weights,
        })
    }
}

/// The model whose answers are learnt from: one that knows the same classes, reads the same spectrograms and answers for the
/// modalities of the phases that it teaches.
fn teacher(
    path: &Path,
    pupil: &ModelConfig,
    config: &TrainConfig,
    text_encoder: Option<&Path>,
    device: &Device,
) -> Result<Teacher, CliError> {
    let file = WeightsFile::named_or_built_in(Some(path))?;
    let origin = file.origin()?;
    let unfit = |why: String| CliError::Arguments(format!("--teacher {}: {why}", path.display()));
    if origin.two_phase()?.is_some() {
        return Err(unfit("a two-phase model teaches none".to_owned()));
    }
    let settings = origin.settings()?;
    if settings.config.classes != pupil.classes {
        return Err(unfit(format!(
            "its classes are {}; those of the data {}",
            settings.config.classes.join(","),
            pupil.classes.join(",")
        )));
    }
    if settings.mel != config.mel {
        return Err(unfit(
            "it reads other spectrograms (`[mel]` of the settings)".to_owned(),
        ));
    }
    for phase in config.phases.iter().filter(|phase| phase.is_taught()) {
        let known = settings.config.modalities;
        if let Some(missing) = phase.modalities.iter().find(|m| !known.contains(*m)) {
            return Err(unfit(format!(
                "phase `{}` reads `{}`, for which it has no weights",
                phase.name,
                missing.letter()
            )));
        }
    }
    let (learner, _) = end_to_end(&origin, &settings.config, text_encoder, device)?;
    Ok(Teacher::new(Learner::EndToEnd(learner)))
}

fn with_parts(
    mut learner: EndToEnd,
    parts: &[(Modality, Vec<u8>)],
) -> Result<EndToEnd, TrainError> {
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
