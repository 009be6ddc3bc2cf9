//! `mesm sweep`: quality and cost at each p of the nucleus selection, the paper's Figure 5.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mesm::{Modality, ModelKind};
use mesm_data::store::write_atomically;
use mesm_train::figures;
use mesm_train::metrics::Interval;
use mesm_train::report::{DensePoint, Intervals, ModalityReport, Sweep, SweepPoint, SweepSeries};

use crate::choices::{DeviceChoice, TEXT_ENCODER_OR_OWN, parse_modalities};
use crate::costs::Costs;
use crate::device;
use crate::error::CliError;
use crate::judging::{Asked, Data, Judge};
use crate::shares::{Shares, parse_shares};

const EXAMPLES: &str = "\
Examples:
  mesm sweep --data STORE --out swept                        the built-in weights at p = 0.1, 0.2, ... 1.0
  mesm sweep --data STORE --weights F --top-p 0.3..0.7:0.05 --modalities v --out swept
  mesm sweep --data STORE --weights learnt.safetensors --weights frozen.safetensors --weights fe2e.safetensors --out swept

For each modality the folder gets a table and a figure (faces.csv, faces.svg, voices.csv,
voices.svg): a line for each sparse model, and FE2E, which has no p, as a level. Cost is in
multiply-accumulates of convolutions and attention, an utterance on average, counted from the
points that were really kept.

Exit code: 0 done, 1 the machine failed, 2 the input is at fault.";

/// `mesm sweep`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct SweepArguments {
    /// A store, or a folder of tables and archives
    #[arg(long, value_name = "DATA")]
    pub data: PathBuf,
    /// The split to judge on; any name the data has
    #[arg(long, value_name = "NAME", default_value = "test")]
    pub split: String,
    /// Folder for tables and figures
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Trained weights; may be given several times [default: those of the program]
    #[arg(long, value_name = "FILE")]
    pub weights: Vec<PathBuf>,
    /// FIRST..LAST, or FIRST..LAST:STEP, or single values with commas between them
    #[arg(long, value_name = "RANGE", default_value = "0.1..1.0", value_parser = parse_shares)]
    pub top_p: Shares,
    /// What is judged, each on its own: v (faces), a (voice)
    #[arg(long, value_name = "LETTERS", default_value = "va", value_parser = parse_modalities)]
    pub modalities: mesm::Modalities,
    /// The figure that is compared
    #[arg(long, value_enum, default_value_t = Quality::Uar)]
    pub quality: Quality,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Folder of the text encoder
    #[arg(long, value_name = "FOLDER", help = TEXT_ENCODER_OR_OWN)]
    pub text_encoder: Option<PathBuf>,
}

/// The figure that is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Quality {
    /// Share of right answers
    Accuracy,
    /// Mean recall of the classes
    Uar,
    /// Mean F1 of the classes
    MacroF1,
}

impl Quality {
    fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::Uar => "UAR",
            Self::MacroF1 => "macro-F1",
        }
    }

    fn of(self, report: &ModalityReport) -> (f64, Option<Interval>) {
        let within = |of: fn(&Intervals) -> Interval| report.intervals.as_ref().map(of);
        match self {
            Self::Accuracy => (report.accuracy, within(|w| w.accuracy)),
            Self::Uar => (report.uar, within(|w| w.uar)),
            Self::MacroF1 => (report.macro_f1, within(|w| w.macro_f1)),
        }
    }
}

/// Carries `mesm sweep` out; a line a point goes to `out`, progress to the error stream.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub fn run(arguments: &SweepArguments, out: &mut impl Write) -> Result<(), CliError> {
    if arguments.modalities.contains(Modality::Text) {
        return Err(CliError::Arguments(
            "--modalities: words have no points to select; v and a have".to_owned(),
        ));
    }
    let weights: Vec<Option<PathBuf>> = if arguments.weights.is_empty() {
        vec![None]
    } else {
        arguments.weights.iter().cloned().map(Some).collect()
    };
    let mut swept: Vec<(Modality, Sweep)> = arguments
        .modalities
        .iter()
        .map(|modality| (modality, empty(arguments.quality)))
        .collect();
    for weights in weights {
        let mut judge = Asked {
            weights: weights.as_deref(),
            text_encoder: arguments.text_encoder.as_deref(),
            word_vectors: None,
            top_p: None,
            device: device::open(arguments.device)?,
        }
        .load()?;
        let splits = [("--split", arguments.split.as_str())];
        let data = Data::open(&arguments.data, judge.learner().classes(), &splits)?;
        for (modality, sweep) in &mut swept {
            one(arguments, &mut judge, &data, *modality, sweep, out)?;
        }
    }
    std::fs::create_dir_all(&arguments.out)
        .map_err(|source| CliError::unwritable(&arguments.out, source))?;
    for (modality, sweep) in &swept {
        if sweep.series.is_empty() && sweep.dense.is_none() {
            continue;
        }
        let name = if *modality == Modality::Visual {
            "faces"
        } else {
            "voices"
        };
        let wrong = |e: &dyn std::error::Error| CliError::Arguments(e.to_string());
        let csv = sweep.csv().map_err(|e| wrong(&e))?;
        write_atomically(&arguments.out.join(format!("{name}.csv")), csv.as_bytes())?;
        if sweep.series.is_empty() {
            continue;
        }
        let title = format!("{name}, split {}", arguments.split);
        let svg = figures::sweep(&title, sweep).map_err(|e| wrong(&e))?;
        write_atomically(&arguments.out.join(format!("{name}.svg")), svg.as_bytes())?;
    }
    Ok(())
}

fn empty(quality: Quality) -> Sweep {
    Sweep {
        quality: quality.name().to_owned(),
        cost: "10⁶ multiply-accumulates an utterance".to_owned(),
        ..Sweep::default()
    }
}

/// Adds a model's points to the sweep of one modality; the model keeps the last share that was asked for.
fn one(
    arguments: &SweepArguments,
    judge: &mut Judge,
    data: &Data,
    modality: Modality,
    sweep: &mut Sweep,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let letters = modality.letter().to_string();
    let Some(learner) = judge.learner().end_to_end() else {
        return Err(CliError::Arguments(format!(
            "{} holds a two-phase model, which selects nothing",
            judge.weights
        )));
    };
    let config = learner.model.config();
    if !config.modalities.contains(modality) || !data.has(&arguments.split, modality) {
        return Ok(());
    }
    let dense = config.computed_as() == ModelKind::Fe2e;
    let values: &[f32] = if dense { &[1.0] } else { &arguments.top_p.0 };
    let mut points = Vec::with_capacity(values.len());
    for top_p in values {
        judge.set_top_p(*top_p)?;
        let mut costs = Costs::default();
        let answers = judge.ask(&data.store, &arguments.split, &letters, |answer, _| {
            costs.hear(answer);
        })?;
        let report = judge.report(&answers, &letters);
        let (quality, interval) = arguments.quality.of(&report);
        let cost = costs.of(modality, report.n as usize)? / 1e6;
        let p = if dense {
            "-".to_owned()
        } else {
            top_p.to_string()
        };
        writeln!(
            out,
            "{} {letters} p {p}: {} {quality:.4}, {cost:.1} million multiply-accumulates an utterance, n {}",
            judge.weights,
            arguments.quality.name(),
            report.n
        )
        .map_err(CliError::stdout)?;
        points.push(SweepPoint {
            top_p: (f64::from(*top_p) * 1e6).round() / 1e6,
            quality,
            interval,
            cost,
        });
    }
    match points.first() {
        Some(point) if dense => {
            sweep.dense = Some(DensePoint {
                quality: point.quality,
                cost: point.cost,
            });
        }
        _ => sweep.series.push(SweepSeries {
            name: judge.weights.clone(),
            points,
        }),
    }
    Ok(())
}
