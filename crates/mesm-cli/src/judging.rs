//! What `mesm eval` and `mesm sweep` share: a data set that is opened, a model that is loaded and asked about it.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use indicatif::{ProgressBar, ProgressStyle};
use mesm::{Activation, Modality, ModelConfig, Output};
use mesm_data::manifest::{Options, Progress, prepare};
use mesm_data::store::{RowInfo, Store};
use mesm_train::Utterances;
use mesm_train::config::PhaseConfig;
use mesm_train::examples::Examples;
use mesm_train::judge::{Answers, judge};
use mesm_train::learner::Learner;
use mesm_train::reading::Reading;
use mesm_train::report::{Answered, Confidence, ModalityReport, Reporting};

use crate::error::CliError;
use crate::faces::Finder;
use crate::weights::WeightsFile;
use crate::words::Words;

/// A file that only a store has.
const STORE_MARK: &str = "store.json";
/// Size of a temporary store's shards.
const SHARD_BYTES: u64 = 64_000_000;
/// Tokens of an utterance that are read.
const MAX_TOKENS: usize = 100;

/// A store, and the temporary folder it may lie in.
pub(crate) struct Data {
    pub store: Store,
    _folder: Option<tempfile::TempDir>,
}

/// Everything that judges.
pub(crate) struct Judge {
    learner: Learner,
    reading: Reading,
    device: Device,
    /// The name of the weights.
    pub weights: String,
}

impl Data {
    /// Opens a store, or makes one of a folder of tables; it must have the classes that the weights know, and the splits,
    /// each with the flag that asks for it.
    pub(crate) fn open(
        folder: &Path,
        config: &ModelConfig,
        splits: &[(&str, &str)],
    ) -> Result<Self, CliError> {
        if folder.join(STORE_MARK).is_file() {
            let store = Store::open(folder)?;
            if store.classes() != config.classes {
                return Err(CliError::Arguments(format!(
                    "{}: its classes are {}; the weights know {}. Prepare the data with --classes in the weights' order",
                    folder.display(),
                    store.classes().join(","),
                    config.classes.join(",")
                )));
            }
            for (flag, split) in splits {
                check_split(&store, flag, split)?;
            }
            return Ok(Self {
                store,
                _folder: None,
            });
        }
        let temporary = tempfile::tempdir().map_err(|source| CliError::Output {
            target: "a temporary folder".to_owned(),
            source,
        })?;
        let options = Options {
            classes: config.classes.clone(),
            splits: splits
                .iter()
                .map(|(_, split)| (*split).to_owned())
                .collect(),
            shard_bytes: SHARD_BYTES,
        };
        let bar = bar("rows prepared");
        let mut watch = |progress: Progress| {
            bar.set_length(progress.rows);
            bar.set_position(progress.rows_done);
            ControlFlow::Continue(())
        };
        let finder = &mut Finder::default();
        let outcome = prepare(folder, temporary.path(), &options, finder, &mut watch);
        bar.finish_and_clear();
        outcome?;
        Ok(Self {
            store: Store::open(temporary.path())?,
            _folder: Some(temporary),
        })
    }

    /// Whether a split has utterances to judge this modality by.
    pub(crate) fn has(&self, split: &str, modality: Modality) -> bool {
        self.rows(split, modality).next().is_some()
    }

    /// The rows of a split that are such a modality's; the words of a recording are not the words'.
    pub(crate) fn rows(&self, split: &str, modality: Modality) -> impl Iterator<Item = RowInfo> {
        let rows = self.store.rows(split).into_iter();
        rows.filter(move |row| match modality {
            Modality::Text => row.has_text && !row.has_audio && !row.has_faces,
            Modality::Visual => row.has_faces,
            Modality::Acoustic => row.has_audio,
        })
    }
}

/// Whether the data has such a split.
fn check_split(store: &Store, flag: &str, split: &str) -> Result<(), CliError> {
    if store.splits().iter().any(|known| known == split) {
        return Ok(());
    }
    Err(CliError::Arguments(format!(
        "{flag} {split}: the data has the splits {}",
        store.splits().join(", ")
    )))
}

impl Judge {
    /// The model of a file, or the built-in one, with the text encoder that belongs to it.
    pub(crate) fn load(
        weights: Option<&Path>,
        text_encoder: Option<&Path>,
        top_p: Option<f32>,
        device: Device,
    ) -> Result<Self, CliError> {
        let file = WeightsFile::named_or_built_in(weights)?;
        let origin = file.origin()?;
        let settings = origin.settings()?;
        let mut config = settings.config.clone();
        config.top_p = top_p.unwrap_or(config.top_p);
        let words = Words::load(text_encoder, &origin, &device)?;
        words.check(&config, &origin)?;
        let model = origin.load(&config, &device)?;
        let (encoder, tokenizer) = words.into_parts();
        let max_tokens = MAX_TOKENS.min(encoder.max_tokens());
        Ok(Self {
            reading: Reading::new(tokenizer, max_tokens, &settings.mel, 0)?,
            learner: Learner { encoder, model },
            device,
            weights: origin.name(),
        })
    }

    /// The model's settings.
    pub(crate) fn config(&self) -> &ModelConfig {
        self.learner.model.config()
    }

    /// Changes the share of the attention mass that is kept.
    pub(crate) fn set_top_p(&mut self, top_p: f32) -> Result<(), CliError> {
        Ok(self.learner.model.set_top_p(top_p)?)
    }

    /// What the model says about the modality or modalities named; `hear` is shown every output.
    pub(crate) fn ask(
        &self,
        store: &Store,
        split: &str,
        letters: &str,
        mut hear: impl FnMut(&Output),
    ) -> Result<Answers, CliError> {
        let phase = PhaseConfig {
            name: letters.to_owned(),
            modalities: letters.parse()?,
            ..PhaseConfig::default()
        };
        let lessons = Examples::to_judge(store, &self.reading, &phase, split)?;
        let bar = bar(&format!("batches ({letters}) judged"));
        let no_loss = |output: &Output, _: &Utterances| {
            hear(output);
            Tensor::zeros([1], &output.logits.device())
        };
        let answers = judge(
            &self.learner,
            &lessons,
            &self.device,
            no_loss,
            |done, of| {
                bar.set_length(of as u64);
                bar.set_position(done as u64);
            },
        );
        bar.finish_and_clear();
        Ok(answers?)
    }

    /// How reports about this model are made.
    pub(crate) fn reporting(&self) -> Reporting {
        Reporting {
            confidence: match self.config().activation {
                Activation::Sigmoid => Confidence::Sigmoid,
                Activation::Softmax => Confidence::Softmax,
            },
            ..Reporting::default()
        }
    }

    /// The figures of some answers: of the one modality that `letters` names, or fused.
    pub(crate) fn report(&self, answers: &Answers, letters: &str) -> ModalityReport {
        let answered: Vec<Answered<'_>> = answers
            .of(only(letters))
            .into_iter()
            .map(|(index, label, logits)| Answered {
                truth: usize::from(label),
                logits,
                source: &answers.sources[index],
                subject: &answers.subjects[index],
            })
            .collect();
        ModalityReport::new(&self.config().classes, &answered, &self.reporting())
    }
}

/// The modality that is judged alone.
pub(crate) fn only(letters: &str) -> Option<Modality> {
    Modality::FUSION_ORDER
        .into_iter()
        .find(|modality| letters == modality.letter().to_string())
}

fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}, {eta} to go") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}
