//! What `mesm eval` and `mesm sweep` share: a data set that is opened, a model that is loaded and asked about it.

use std::ops::ControlFlow;
use std::path::Path;

use burn::tensor::{Device, Tensor};
use indicatif::{ProgressBar, ProgressStyle};
use mesm::two_phase::TwoPhaseConfig;
use mesm::{Activation, Modality, ModelConfig};
use mesm_data::compose;
use mesm_data::manifest::{Options, Progress, prepare};
use mesm_data::store::{RowInfo, Store};
use mesm_features::tokens::WordPiece;
use mesm_train::Utterances;
use mesm_train::config::PhaseConfig;
use mesm_train::examples::Examples;
use mesm_train::features::{FeatureReader, FeatureSettings};
use mesm_train::judge::{Answers, Told, judge};
use mesm_train::learner::{Answer, EndToEnd, Learner};
use mesm_train::reading::{Reading, SENTIMENT, Target};
use mesm_train::report::{Answered, Confidence, ModalityReport, Reporting};

use crate::error::CliError;
use crate::faces::Finder;
use crate::weights::{Origin, Settings, WeightsFile};
use crate::word_table::word_table;
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
        classes: &[String],
        splits: &[(&str, &str)],
    ) -> Result<Self, CliError> {
        if folder.join(STORE_MARK).is_file() {
            let store = Store::open(folder)?;
            if store.classes() != classes && classes != [SENTIMENT] {
                return Err(CliError::Arguments(format!(
                    "{}: its classes are {}; the weights know {}. Prepare the data with --classes in the weights' order",
                    folder.display(),
                    store.classes().join(","),
                    classes.join(",")
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
            classes: classes.to_vec(),
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

    /// Whether a split has utterances of the data's own, with face and voice.
    pub(crate) fn is_aligned(&self, split: &str) -> bool {
        compose::aligned(&self.store.rows(split))
    }

    /// Whether a split has utterances to judge this modality by.
    pub(crate) fn has(&self, split: &str, modality: Modality) -> bool {
        self.rows(split, modality).next().is_some()
    }

    /// The rows of a split that are such a modality's. Where each row is of one modality, the words of a recording are not
    /// the words'.
    pub(crate) fn rows(&self, split: &str, modality: Modality) -> impl Iterator<Item = RowInfo> {
        let rows = self.store.rows(split);
        let whole = compose::aligned(&rows);
        rows.into_iter().filter(move |row| match modality {
            Modality::Text => row.has_text && (whole || !row.has_audio && !row.has_faces),
            Modality::Visual => row.has_faces,
            Modality::Acoustic => row.has_audio,
        })
    }
}

/// MESM or FE2E of some weights, with the text encoder that goes with them and its tokenizer.
pub(crate) fn end_to_end(
    origin: &Origin<'_>,
    config: &ModelConfig,
    text_encoder: Option<&Path>,
    device: &Device,
) -> Result<(EndToEnd, WordPiece), CliError> {
    let words = Words::load(text_encoder, origin, device)?;
    words.check(config, origin)?;
    let model = origin.load(config, device)?;
    let (encoder, tokenizer) = words.into_parts();
    Ok((EndToEnd { encoder, model }, tokenizer))
}

/// The same, with how it reads utterances.
pub(crate) fn learner_and_reading(
    origin: &Origin<'_>,
    settings: &Settings,
    text_encoder: Option<&Path>,
    device: &Device,
) -> Result<(EndToEnd, Reading), CliError> {
    let (learner, tokenizer) = end_to_end(origin, &settings.config, text_encoder, device)?;
    let max_tokens = MAX_TOKENS.min(learner.encoder.max_tokens());
    let reading = Reading::new(tokenizer, max_tokens, &settings.mel, 0)?;
    Ok((learner, reading))
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

/// A model as it is asked for on a command line.
pub(crate) struct Asked<'a> {
    /// Trained weights; those of the program if there are none.
    pub weights: Option<&'a Path>,
    /// Folder of the text encoder.
    pub text_encoder: Option<&'a Path>,
    /// Word vectors in place of those that a two-phase model was trained with, which may have moved.
    pub word_vectors: Option<&'a Path>,
    /// Share of the attention mass that is kept.
    pub top_p: Option<f32>,
    /// Where to compute.
    pub device: Device,
}

impl Asked<'_> {
    /// Loads the model with what belongs to it.
    pub(crate) fn load(self) -> Result<Judge, CliError> {
        let file = WeightsFile::named_or_built_in(self.weights)?;
        let origin = file.origin()?;
        let (learner, reading) = match origin.two_phase()? {
            Some((config, features)) => self.two_phase(&origin, &config, features)?,
            None => self.end_to_end(&origin)?,
        };
        Ok(Judge {
            reading: reading.about(if learner.classes() == [SENTIMENT] {
                Target::Sentiment
            } else {
                Target::Classes
            }),
            learner,
            device: self.device,
            weights: origin.name(),
        })
    }

    fn end_to_end(&self, origin: &Origin<'_>) -> Result<(Learner, Reading), CliError> {
        let mut settings = origin.settings()?;
        let own = settings.config.top_p;
        settings.config.top_p = self.top_p.unwrap_or(own);
        let found = learner_and_reading(origin, &settings, self.text_encoder, &self.device)?;
        Ok((Learner::EndToEnd(found.0), found.1))
    }

    fn two_phase(
        &self,
        origin: &Origin<'_>,
        config: &TwoPhaseConfig,
        mut features: FeatureSettings,
    ) -> Result<(Learner, Reading), CliError> {
        if self.top_p.is_some() {
            return Err(CliError::Arguments(format!(
                "--top-p: {} holds a model that selects nothing",
                origin.name()
            )));
        }
        if let Some(moved) = self.word_vectors {
            features.config.word_vectors = Some(moved.to_owned());
        }
        let words = word_table(features.config.word_vectors.as_deref(), self.text_encoder)?;
        let reader = FeatureReader::trained(&features, words)?;
        let model = origin.load_two_phase(config, &self.device)?;
        Ok((Learner::TwoPhase(model), Reading::of_features(reader, 0)))
    }
}

impl Judge {
    /// The model.
    pub(crate) fn learner(&self) -> &Learner {
        &self.learner
    }

    /// Whether it was trained to tell sentiment.
    pub(crate) fn asks_sentiment(&self) -> bool {
        self.reading.target() == Target::Sentiment
    }

    /// Changes the share of the attention mass that is kept.
    pub(crate) fn set_top_p(&mut self, top_p: f32) -> Result<(), CliError> {
        self.learner
            .set_top_p(top_p)
            .map_err(|e| CliError::Arguments(e.to_string()))
    }

    /// What the model says about the modality or modalities named; `hear` is shown every output.
    pub(crate) fn ask(
        &self,
        store: &Store,
        split: &str,
        letters: &str,
        mut hear: impl FnMut(&Answer, &Utterances),
    ) -> Result<Answers, CliError> {
        let phase = PhaseConfig {
            name: letters.to_owned(),
            modalities: letters.parse()?,
            ..PhaseConfig::default()
        };
        let lessons = Examples::to_judge(store, &self.reading, &phase, split)?;
        let bar = bar(&format!("batches ({letters}) judged"));
        let no_loss = |answer: &Answer, utterances: &Utterances| {
            hear(answer, utterances);
            Tensor::zeros([1], &answer.logits().device())
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
            confidence: match self.learner.activation() {
                Activation::Sigmoid => Confidence::Sigmoid,
                Activation::Softmax => Confidence::Softmax,
            },
            ..Reporting::default()
        }
    }

    /// The figures of some answers: of the one modality that `letters` names, or fused.
    pub(crate) fn report(&self, answers: &Answers, letters: &str) -> ModalityReport {
        let answered: Vec<Answered<'_>> = told(answers, letters)
            .into_iter()
            .filter_map(|told| {
                Some(Answered {
                    truth: usize::from(told.label?),
                    logits: told.logits,
                    source: &answers.sources[told.index],
                    subject: &answers.subjects[told.index],
                })
            })
            .collect();
        ModalityReport::new(self.learner.classes(), &answered, &self.reporting())
    }
}

/// What was said by the one modality that `letters` names, or fused. A model without an answer of its own for a modality
/// that was given nothing else has said what it has to say in the fused one.
pub(crate) fn told<'a>(answers: &'a Answers, letters: &str) -> Vec<Told<'a>> {
    let own = only(letters).map(|modality| answers.of(Some(modality)));
    own.filter(|own| !own.is_empty())
        .unwrap_or_else(|| answers.of(None))
}

/// The modality that is judged alone.
fn only(letters: &str) -> Option<Modality> {
    Modality::FUSION_ORDER
        .into_iter()
        .find(|modality| letters == modality.letter().to_string())
}

pub(crate) fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}, {eta} to go") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}
