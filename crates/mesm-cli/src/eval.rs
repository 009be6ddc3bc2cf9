//! `mesm eval`: a model asked about a data set whose answers are known.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use mesm::{Activation, Modality};
use mesm_data::store::write_atomically;
use mesm_train::figures::{FigureError, calibration, confusion};
use mesm_train::judge::{Answers, questions};
use mesm_train::report::{Evaluation, ModalityReport, SentimentReport};

use crate::choices::{DeviceChoice, TEXT_ENCODER_OR_OWN, parse_modalities, parse_top_p};
use crate::device;
use crate::error::CliError;
use crate::judging::{Asked, Data, Judge, told};

const EXAMPLES: &str = "\
Examples:
  mesm eval --data STORE --split test --weights runs/web/joint.safetensors
  mesm eval --data DATA --split test --weights F --json | tail -n 1 | jq .faces.uar
  mesm eval --data STORE --split valid --weights F --modalities va --composed
  mesm eval --data STORE --split test --figures seen/   confusion matrices and calibration as SVG

DATA is a store made by `mesm prepare`, or a folder of tables and archives as that command reads
them, which is then prepared in a temporary folder. Every modality is judged on its own: faces
without words, voices without faces; data whose rows hold several is judged together too.
--composed puts utterances together from rows with the same label, whose figures are optimistic and
say so. --thresholds-from judges each class as a
question of its own too, with the thresholds that do best on that other split.

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
    /// [default: those of the program]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub weights: Option<PathBuf>,
    /// Share of the attention mass that MESM keeps, above 0 and up to 1 [default: that of the weights]
    #[arg(long, value_name = "P", value_parser = parse_top_p)]
    pub top_p: Option<f32>,
    /// Word vectors of a two-phase model, where they are not at the place it was trained with
    #[arg(long, value_name = "FILE")]
    pub word_vectors: Option<PathBuf>,
    /// What is judged: t (words), v (faces), a (voice)
    #[arg(long, value_name = "LETTERS", default_value = "tav", value_parser = parse_modalities)]
    pub modalities: mesm::Modalities,
    /// Judge each modality on its own; always done, named for scripts that say what they want
    #[arg(long)]
    pub per_modality: bool,
    /// Judge utterances composed of rows with the same label too
    #[arg(long)]
    pub composed: bool,
    /// Judge each class as a yes-or-no question too, with the thresholds of the best F1 on this split
    #[arg(long, value_name = "NAME")]
    pub thresholds_from: Option<String>,
    /// Write confusion matrices and calibration diagrams (SVG) into this folder
    #[arg(long, value_name = "FOLDER")]
    pub figures: Option<PathBuf>,
    /// Print one JSON object as the last line instead of the tables
    #[arg(long)]
    pub json: bool,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Folder of the text encoder
    #[arg(long, value_name = "FOLDER", help = TEXT_ENCODER_OR_OWN)]
    pub text_encoder: Option<PathBuf>,
}

/// Carries `mesm eval` out; the report goes to `out`, progress to the error stream.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub fn run(arguments: &EvalArguments, out: &mut impl Write) -> Result<(), CliError> {
    let judge = Asked {
        weights: arguments.weights.as_deref(),
        text_encoder: arguments.text_encoder.as_deref(),
        word_vectors: arguments.word_vectors.as_deref(),
        top_p: arguments.top_p,
        device: device::open(arguments.device)?,
    }
    .load()?;
    check_thresholds(arguments, &judge)?;
    let mut splits = vec![("--split", arguments.split.as_str())];
    if let Some(split) = &arguments.thresholds_from {
        splits.push(("--thresholds-from", split));
    }
    let data = Data::open(&arguments.data, judge.learner().classes(), &splits)?;
    let one = |modality: Modality| -> Result<ModalityReport, CliError> {
        let wanted = arguments.modalities.contains(modality)
            && judge.learner().modalities().contains(modality)
            && data.has(&arguments.split, modality);
        if !wanted {
            return Ok(judge.report(&Answers::default(), "tva"));
        }
        report(arguments, &judge, &data, &modality.letter().to_string())
    };
    let all = arguments.modalities.to_string();
    let aligned = data.is_aligned(&arguments.split) && arguments.modalities.count() > 1;
    let mut evaluation = Evaluation {
        split: arguments.split.clone(),
        weights: judge.weights.clone(),
        ..Evaluation::default()
    };
    if judge.asks_sentiment() {
        let answers = judge.ask(&data.store, &arguments.split, &all, |_, _| ())?;
        evaluation.sentiment = Some(SentimentReport::new(&answers));
    } else {
        evaluation.faces = one(Modality::Visual)?;
        evaluation.audio = one(Modality::Acoustic)?;
        evaluation.text = one(Modality::Text)?;
        if aligned {
            evaluation.together = Some(report(arguments, &judge, &data, &all)?);
        }
        if arguments.composed && !aligned {
            evaluation = evaluation.with_composed(report(arguments, &judge, &data, &all)?);
        }
    }
    if let Some(folder) = &arguments.figures {
        draw(&evaluation, folder)?;
    }
    let text = if arguments.json {
        evaluation
            .json()
            .map_err(|e| CliError::Arguments(e.to_string()))?
    } else {
        evaluation.markdown()
    };
    writeln!(out, "{}", text.trim_end()).map_err(CliError::stdout)
}

/// Thresholds are about classes that were trained as questions of their own.
fn check_thresholds(arguments: &EvalArguments, judge: &Judge) -> Result<(), CliError> {
    if arguments.thresholds_from.is_some() && judge.learner().activation() == Activation::Softmax {
        return Err(CliError::Arguments(format!(
            "--thresholds-from: the classes of {} were trained against each other, so none has a threshold of its own",
            judge.weights
        )));
    }
    Ok(())
}

/// Figures of the modality or modalities named.
fn report(
    arguments: &EvalArguments,
    judge: &Judge,
    data: &Data,
    letters: &str,
) -> Result<ModalityReport, CliError> {
    let ask = |split: &str| judge.ask(&data.store, split, letters, |_, _| ());
    let answers = ask(&arguments.split)?;
    let classes = judge.learner().classes();
    let told = |answers: &Answers| questions(&told(answers, letters), classes.len()).map_err(wrong);
    let several = answers.labels.iter().any(Option::is_none);
    let thresholds = match &arguments.thresholds_from {
        Some(split) => Some(told(&ask(split)?)?.best_thresholds()),
        None if several => Some(vec![0.5; classes.len()]),
        None => None,
    };
    let Some(thresholds) = thresholds else {
        return Ok(judge.report(&answers, letters));
    };
    let scores = told(&answers)?.scores(&thresholds).map_err(wrong)?;
    Ok(if several {
        ModalityReport::of_several(classes, scores)
    } else {
        judge.report(&answers, letters).with_multi_label(scores)
    })
}

fn wrong(error: impl std::error::Error) -> CliError {
    CliError::Arguments(error.to_string())
}

/// Writes the figures of every modality that was judged.
fn draw(evaluation: &Evaluation, folder: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|source| CliError::unwritable(folder, source))?;
    for (name, report) in evaluation.reports() {
        if report.n == 0 {
            continue;
        }
        let title = |what: &str| {
            format!(
                "{what}: {name}, split {}, {} utterances",
                evaluation.split, report.n
            )
        };
        let write = |kind: &str, figure: Result<String, FigureError>| -> Result<(), CliError> {
            let svg = figure.map_err(wrong)?;
            Ok(write_atomically(
                &folder.join(format!("{kind}-{name}.svg")),
                svg.as_bytes(),
            )?)
        };
        let matrix = confusion(&title("Confusion"), &report.classes, &report.confusion);
        write("confusion", matrix)?;
        let diagram = calibration(&title("Calibration"), &report.calibration);
        write("calibration", diagram)?;
    }
    Ok(())
}
