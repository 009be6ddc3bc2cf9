//! `mesm export`: weights as files that are small enough to be carried to a browser.

use std::io::Write;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use clap::{Args, ValueEnum};
use mesm::two_phase::TwoPhaseConfig;
use mesm::weights::{FloatFormat, WeightsError};
use mesm::{Modality, Model, ModelKind};
use mesm_data::store::write_atomically;
use mesm_train::calibrate;
use mesm_train::config::PhaseConfig;
use mesm_train::examples::Examples;
use mesm_train::features::FeatureSettings;
use mesm_train::learner::Learner;
use mesm_train::lessons::Lessons;
use mesm_train::weights::{InputSettings, encoder_to_bytes, model_to_bytes, to_bytes, with_shift};

use crate::choices::TEXT_ENCODER;
use crate::error::CliError;
use crate::judging::{Data, bar, learner_and_reading};
use crate::shares::{Shares, parse_shares};
use crate::weights::{Origin, Settings, WeightsFile};
use crate::words::{TextFiles, Words};

/// The split whose classes are counted.
const COUNTED_SPLIT: &str = "train";
/// Items whose statistics are taken together.
const MEASURED_AT_ONCE: usize = 64;

const EXAMPLES: &str = "\
Examples:
  mesm export runs/web/joint.safetensors --out web.safetensors
  mesm export runs/web/joint.safetensors --out web.safetensors --text-out text --text-format int8
  mesm export runs/web/joint.safetensors --out web.safetensors --prior v=0.2 --calibrate-top-p 0.1..1.0 --data STORE
  mesm export best.pt --out best.safetensors --format f32     a checkpoint of the authors, with its settings inside

The file holds the model and its settings; `mesm infer --weights` and the page read it. The text
encoder goes into a folder of its own (config.json, tokenizer.json, model.safetensors), for
--text-encoder; int8 stores a matrix as whole numbers with a scale a row, int8-int4 the table of
word embeddings in half of that again. What a format costs in accuracy, `mesm eval` tells.

Exit code: 0 done, 1 the machine failed, 2 the input is at fault.";

/// `mesm export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArguments {
    /// Trained weights: .safetensors of `mesm train`, or the authors' .pt
    pub weights: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// How the model's numbers are stored
    #[arg(long, value_enum, default_value_t = FormatChoice::F16)]
    pub format: FormatChoice,
    /// Folder to write the text encoder to [default: it is left out]
    #[arg(long, value_name = "FOLDER")]
    pub text_out: Option<PathBuf>,
    /// How the text encoder's numbers are stored
    #[arg(long, value_enum, default_value_t = FormatChoice::Int8, requires = "text_out")]
    pub text_format: FormatChoice,
    /// Take back a part of what balancing the classes did to one modality, e.g. v=0.2: add so many times the logarithm of
    /// each class's frequency in --data to what it says; rare classes are then answered less often. `mesm eval` on the
    /// validation split tells how much is good
    #[arg(long, value_name = "LETTER=SHARE", value_parser = parse_prior, requires = "data")]
    pub prior: Vec<(Modality, f32)>,
    /// Let one file serve every p: measure what its batch normalisation needs at each of these shares of the attention mass,
    /// on the split `train` of --data, and keep it as a table. Without it a model is at its best near the p it learnt at; there
    /// it stays as it is.
    /// FIRST..LAST, or FIRST..LAST:STEP, or single values with commas between them; 0.1..1.0 covers the page's dial
    #[arg(long, value_name = "RANGE", value_parser = parse_shares, requires = "data")]
    pub calibrate_top_p: Option<Shares>,
    /// A store, or a folder of tables and archives, whose split `train` is counted for --prior and measured for
    /// --calibrate-top-p
    #[arg(long, value_name = "STORE")]
    pub data: Option<PathBuf>,
    /// Folder of the text encoder.
    #[arg(long, value_name = "FOLDER", help = TEXT_ENCODER)]
    pub text_encoder: Option<PathBuf>,
}

/// How numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatChoice {
    /// 4 bytes a value, exact
    F32,
    /// 2 bytes a value
    F16,
    /// 1 byte a value of a matrix, 2 elsewhere
    Int8,
    /// As int8, word embeddings half a byte
    Int8Int4,
}

impl From<FormatChoice> for FloatFormat {
    fn from(choice: FormatChoice) -> Self {
        match choice {
            FormatChoice::F32 => Self::F32,
            FormatChoice::F16 => Self::F16,
            FormatChoice::Int8 => Self::Int8,
            FormatChoice::Int8Int4 => Self::Int8WithInt4Words,
        }
    }
}

/// Carries `mesm export` out; says on `out` what was written.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub fn run(arguments: &ExportArguments, out: &mut impl Write) -> Result<(), CliError> {
    let device = Device::flex();
    let file = WeightsFile::read(&arguments.weights)?;
    let origin = file.origin()?;
    if let Some((config, features)) = origin.two_phase()? {
        return two_phase(arguments, &origin, &config, features, out);
    }
    let settings = origin.settings()?;
    if settings.guessed {
        return Err(CliError::WeightsConfig {
            path: arguments.weights.clone(),
            reason: "attention heads and class names are not in it: write them into a JSON file of its name beside it"
                .to_owned(),
        });
    }
    let wrong = |source: WeightsError| CliError::Weights {
        path: arguments.weights.clone(),
        source,
    };
    let data = match &arguments.data {
        Some(folder) => Some(Data::open(
            folder,
            &settings.config.classes,
            &[("--data", COUNTED_SPLIT)],
        )?),
        None => None,
    };
    let mut model = match (&data, &arguments.calibrate_top_p) {
        (Some(data), Some(shares)) => calibrated(arguments, &origin, &settings, data, shares)?,
        _ => origin.load(&settings.config, &device)?,
    };
    if let Some(data) = &data {
        for (modality, share) in &arguments.prior {
            let logs = log_frequencies(data, &settings.config.classes, *modality)?;
            let shift: Vec<f32> = logs.iter().map(|log| share * log).collect();
            model = with_shift(model, *modality, &shift).map_err(wrong)?;
        }
    }
    let inputs = InputSettings::Spectrogram(settings.mel.clone());
    let bytes = model_to_bytes(&model, &inputs, arguments.format.into()).map_err(wrong)?;
    // Both are made before either is written: an error leaves what was there.
    let text = match arguments.text_out.as_deref() {
        Some(folder) => Some((folder, text(arguments, &origin, &device)?)),
        None => None,
    };
    write_atomically(&arguments.out, &bytes)?;
    told(out, &arguments.out, bytes.len())?;
    if let Some((folder, (files, bytes))) = text {
        std::fs::create_dir_all(folder).map_err(|source| CliError::unwritable(folder, source))?;
        files.write(folder, &bytes)?;
        told(out, folder, bytes.len())?;
    }
    Ok(())
}

/// Writes a two-phase model, which has neither a text encoder nor parts.
fn two_phase(
    arguments: &ExportArguments,
    origin: &Origin<'_>,
    config: &TwoPhaseConfig,
    features: FeatureSettings,
    out: &mut impl Write,
) -> Result<(), CliError> {
    let asked = arguments.text_out.is_some() || arguments.calibrate_top_p.is_some();
    if asked || !arguments.prior.is_empty() {
        return Err(CliError::Arguments(format!(
            "--text-out, --prior and --calibrate-top-p are for end-to-end models; {} holds {}",
            origin.name(),
            config.kind
        )));
    }
    let learner = Learner::TwoPhase(origin.load_two_phase(config, &Device::flex())?);
    let inputs = InputSettings::Features(features);
    let bytes = to_bytes(&learner, &inputs, arguments.format.into());
    let bytes = bytes.map_err(|source| CliError::Weights {
        path: arguments.weights.clone(),
        source,
    })?;
    write_atomically(&arguments.out, &bytes)?;
    told(out, &arguments.out, bytes.len())
}

/// The model with its statistics measured at these shares of the attention mass, by each modality that selects points.
fn calibrated(
    arguments: &ExportArguments,
    origin: &Origin<'_>,
    settings: &Settings,
    data: &Data,
    shares: &Shares,
) -> Result<Model, CliError> {
    if settings.config.kind != ModelKind::Mesm {
        return Err(CliError::Arguments(format!(
            "--calibrate-top-p: {} holds a model that selects nothing",
            origin.name()
        )));
    }
    let device = Device::flex();
    let text_encoder = arguments.text_encoder.as_deref();
    let (learner, reading) = learner_and_reading(origin, settings, text_encoder, &device)?;
    let selecting = [Modality::Visual, Modality::Acoustic];
    let selecting = selecting
        .into_iter()
        .filter(|modality| settings.config.modalities.contains(*modality));
    let lessons = selecting
        .map(|modality| {
            let letter = modality.letter().to_string();
            let phase = PhaseConfig {
                modalities: letter.parse()?,
                name: letter,
                batch_size: MEASURED_AT_ONCE,
                ..PhaseConfig::default()
            };
            let store = &data.store;
            Ok(Examples::to_learn(store, &reading, &phase, COUNTED_SPLIT)?)
        })
        .collect::<Result<Vec<_>, CliError>>()?;
    let lessons: Vec<&dyn Lessons> = lessons.iter().map(|l| l as &dyn Lessons).collect();
    let bar = bar("shares measured");
    let learner = calibrate::calibrated(learner, &shares.0, &lessons, &device, |done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    Ok(learner?.model)
}

/// Logarithms of how often each class occurs among the rows of a modality to learn from, their mean taken away.
fn log_frequencies(
    data: &Data,
    classes: &[String],
    modality: Modality,
) -> Result<Vec<f32>, CliError> {
    let mut counts = vec![0_u32; classes.len()];
    let labels = data
        .rows(COUNTED_SPLIT, modality)
        .filter_map(|row| row.label);
    for label in labels {
        if let Some(count) = counts.get_mut(usize::from(label)) {
            *count += 1;
        }
    }
    if let Some(absent) = counts.iter().position(|count| *count == 0) {
        return Err(CliError::Arguments(format!(
            "--prior {}: the split `{COUNTED_SPLIT}` has no row of the class {}",
            modality.letter(),
            classes[absent]
        )));
    }
    let logs: Vec<f32> = counts.iter().map(|count| (*count as f32).ln()).collect();
    let mean = logs.iter().sum::<f32>() / logs.len().max(1) as f32;
    Ok(logs.into_iter().map(|log| log - mean).collect())
}

fn parse_prior(text: &str) -> Result<(Modality, f32), String> {
    let (letter, share) = text.split_once('=').unwrap_or_default();
    let share = share
        .parse()
        .ok()
        .filter(|share| (-1.0..=1.0).contains(share));
    crate::choices::modality(letter)
        .zip(share)
        .ok_or_else(|| "t=SHARE, v=SHARE or a=SHARE is needed, SHARE between -1 and 1".to_owned())
}

/// The files of the text encoder and its parameters in the wanted format.
fn text(
    arguments: &ExportArguments,
    origin: &Origin<'_>,
    device: &Device,
) -> Result<(TextFiles, Vec<u8>), CliError> {
    let (files, encoder) = Words::files(arguments.text_encoder.as_deref(), origin, device)?;
    let bytes = encoder_to_bytes(&encoder, arguments.text_format.into()).map_err(|source| {
        CliError::Weights {
            path: arguments.weights.clone(),
            source,
        }
    })?;
    Ok((files, bytes))
}

fn told(out: &mut impl Write, path: &Path, bytes: usize) -> Result<(), CliError> {
    writeln!(out, "{}: {:.2} MB", path.display(), bytes as f64 / 1e6).map_err(CliError::stdout)
}
