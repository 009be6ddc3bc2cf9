//! `mesm eval`: a model asked about a data set whose answers are known.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mesm::{Modality, ModelConfig};
use mesm_data::manifest::{Options, prepare};
use mesm_data::store::Store;
use mesm_train::config::PhaseConfig;
use mesm_train::examples::Examples;
use mesm_train::judge::{Answers, judge};
use mesm_train::learner::Learner;
use mesm_train::reading::Reading;
use mesm_train::report::{Answered, Evaluation, ModalityReport, Reporting};

use crate::choices::{DeviceChoice, ModelChoice, parse_modalities, parse_top_p};
use crate::device;
use crate::error::CliError;
use crate::weights::{Origin, WeightsFile};
use crate::words::Words;

/// A file that only a store has.
const STORE_MARK: &str = "store.json";
/// Size of a temporary store's shards.
const SHARD_BYTES: u64 = 64_000_000;
/// Tokens of an utterance that are read.
const MAX_TOKENS: usize = 100;

const EXAMPLES: &str = "\
Examples:
  mesm eval --data STORE --split test --weights runs/web/joint.safetensors
  mesm eval --data DATA --split test --weights F --json | tail -n 1 | jq .faces.uar
  mesm eval --data STORE --split valid --weights F --modalities va --composed

DATA is a store made by `mesm prepare`, or a folder of tables and archives as that command reads
them, which is then prepared in a temporary folder. Every modality is judged on its own: faces
without words, voices without faces. --composed adds utterances put together from rows with the
same label, whose figures are optimistic and say so.

Exit code: 0 done, 1 the machine failed, 2 the input is at fault.";

/// `mesm eval`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct EvalArguments {
    /// A store, or a folder of tables and archives
    #[arg(long, value_name = "DATA")]
    pub data: PathBuf,
    /// The split to judge on; any name the data has
    #[arg(long, value_name = "NAME", default_value = "test")]
    pub split: String,
    /// Trained weights: .safetensors with its configuration inside, or the authors' .pt
    /// [default: untrained weights from a closed formula]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub weights: Option<PathBuf>,
    /// The sparse model or its dense twin [default: that of the weights, or mesm]
    #[arg(long, value_enum)]
    pub model: Option<ModelChoice>,
    /// Share of the attention mass that MESM keeps, above 0 and up to 1 [default: that of the weights]
    #[arg(long, value_name = "P", value_parser = parse_top_p)]
    pub top_p: Option<f32>,
    /// What is judged: t (words), v (faces), a (voice)
    #[arg(long, value_name = "LETTERS", default_value = "tav", value_parser = parse_modalities)]
    pub modalities: mesm::Modalities,
    /// Judge each modality on its own; always done, named for scripts that say what they want
    #[arg(long)]
    pub per_modality: bool,
    /// Judge utterances composed of rows with the same label too
    #[arg(long)]
    pub composed: bool,
    /// Print one JSON object as the last line instead of the tables
    #[arg(long)]
    pub json: bool,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Folder of the text encoder
    #[arg(
        long,
        value_name = "FOLDER",
        help = "Folder with the text encoder's config.json, model.safetensors and tokenizer.json\n\
                [default: $MESM_TEXT_ENCODER, or what `cargo xtask setup` brought]"
    )]
    pub text_encoder: Option<PathBuf>,
}

/// A store, and the temporary folder it may lie in.
struct Data {
    store: Store,
    _folder: Option<tempfile::TempDir>,
}

/// Everything that judges.
struct Judge {
    learner: Learner,
    reading: Reading,
    device: Device,
}

/// Carries `mesm eval` out; the report goes to `out`, progress to the error stream.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub fn run(arguments: &EvalArguments, out: &mut impl Write) -> Result<(), CliError> {
    let device = device::open(arguments.device)?;
    let file = arguments.weights.as_deref().map(WeightsFile::read);
    let file = file.transpose()?;
    let kind = arguments.model.map(Into::into).unwrap_or_default();
    let origin = match &file {
        Some(file) => file.origin()?,
        None => Origin::Untrained(kind),
    };
    let (judge, config) = loaded(arguments, &origin, device)?;
    let data = opened(&arguments.data, &config)?;
    if !data.store.splits().contains(&arguments.split) {
        return Err(CliError::Arguments(format!(
            "--split {}: {} has the splits {}",
            arguments.split,
            arguments.data.display(),
            data.store.splits().join(", ")
        )));
    }
    let report = |letters: &str| -> Result<ModalityReport, CliError> {
        judge.report(&data.store, &arguments.split, letters)
    };
    let wanted = |modality: Modality| {
        arguments.modalities.contains(modality) && config.modalities.contains(modality)
    };
    let one = |modality: Modality| -> Result<ModalityReport, CliError> {
        let held = data
            .store
            .rows(&arguments.split)
            .iter()
            .any(|row| match modality {
                Modality::Text => row.has_text && !row.has_audio && !row.has_faces,
                Modality::Visual => row.has_faces,
                Modality::Acoustic => row.has_audio,
            });
        if !wanted(modality) || !held {
            return Ok(ModalityReport::new(
                data.store.classes(),
                &[],
                &Reporting::default(),
            ));
        }
        report(&modality.letter().to_string())
    };
    let mut evaluation = Evaluation {
        split: arguments.split.clone(),
        weights: origin.name(),
        faces: one(Modality::Visual)?,
        audio: one(Modality::Acoustic)?,
        text: one(Modality::Text)?,
        composed: None,
    };
    if arguments.composed {
        let all = arguments.modalities.to_string();
        evaluation = evaluation.with_composed(report(&all)?);
    }
    let text = if arguments.json {
        evaluation
            .json()
            .map_err(|e| CliError::Arguments(e.to_string()))?
    } else {
        evaluation.markdown()
    };
    writeln!(out, "{}", text.trim_end()).map_err(|source| CliError::Output {
        target: "the standard output".to_owned(),
        source,
    })
}

/// The model with the text encoder that belongs to it.
fn loaded(
    arguments: &EvalArguments,
    origin: &Origin<'_>,
    device: Device,
) -> Result<(Judge, ModelConfig), CliError> {
    let settings = origin.settings()?;
    let mut config = settings.config.clone();
    config.kind = arguments.model.map_or(config.kind, Into::into);
    config.top_p = arguments.top_p.unwrap_or(config.top_p);
    let words = Words::load(
        arguments.text_encoder.as_deref(),
        origin.text_encoder()?,
        &device,
    )?;
    words.fit(&mut config, origin)?;
    let model = origin.load(&config, &device)?;
    let (encoder, tokenizer) = words.into_parts();
    let max_tokens = MAX_TOKENS.min(encoder.max_tokens());
    let judge = Judge {
        reading: Reading::new(tokenizer, max_tokens, &settings.mel, 0)?,
        learner: Learner { encoder, model },
        device,
    };
    Ok((judge, config))
}

/// Opens a store, or makes one of a folder of tables.
fn opened(folder: &Path, config: &ModelConfig) -> Result<Data, CliError> {
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
        return Ok(Data {
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
        shard_bytes: SHARD_BYTES,
    };
    let bar = bar("rows prepared");
    let outcome = prepare(folder, temporary.path(), &options, &mut |progress| {
        bar.set_length(progress.rows);
        bar.set_position(progress.rows_done);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    outcome?;
    Ok(Data {
        store: Store::open(temporary.path())?,
        _folder: Some(temporary),
    })
}

fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}, {eta} to go") {
        bar.set_style(style);
    }
    bar.set_message(what.to_owned());
    bar
}

impl Judge {
    /// Figures of the modality or modalities named.
    fn report(
        &self,
        store: &Store,
        split: &str,
        letters: &str,
    ) -> Result<ModalityReport, CliError> {
        let phase = PhaseConfig {
            name: letters.to_owned(),
            modalities: letters.parse()?,
            ..PhaseConfig::default()
        };
        let lessons = Examples::to_judge(store, &self.reading, &phase, split)?;
        let bar = bar(&format!("batches ({letters}) judged"));
        let none = |output: &mesm::Output, _: &mesm_train::Utterances| {
            Tensor::zeros([1], &output.logits.device())
        };
        let answers = judge(&self.learner, &lessons, &self.device, none, |done, of| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        });
        bar.finish_and_clear();
        let only = (letters.len() == 1)
            .then(|| phase.modalities.iter().next())
            .flatten();
        Ok(reported(&answers?, store.classes(), only))
    }
}

fn reported(answers: &Answers, classes: &[String], only: Option<Modality>) -> ModalityReport {
    let answered: Vec<Answered<'_>> = answers
        .of(only)
        .into_iter()
        .map(|(index, label, logits)| Answered {
            truth: usize::from(label),
            logits,
            source: &answers.sources[index],
            subject: &answers.subjects[index],
        })
        .collect();
    ModalityReport::new(classes, &answered, &Reporting::default())
}
