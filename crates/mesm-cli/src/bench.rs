//! `mesm bench`: what the sparse model and its dense twin cost in time, on this machine.

mod table;

use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use mesm::ModelKind;
use mesm_bench::{Agreement, Measurement, Roofline, Size, Spread, StageTime, Work};
use mesm_data::store::write_atomically;
use serde::Serialize;

use crate::choices::{DeviceChoice, parse_top_p};
use crate::device;
use crate::error::CliError;

const EXAMPLES: &str = "\
Examples:
  mesm bench                                        an utterance of 8 frames and 10 chunks, p = 0.5
  mesm bench --top-p 0.9 --threads 1                a wider selection, one thread
  mesm bench --frames 1 --chunks 1 --size web       what a live window adds, the page's model
  mesm bench --json | jq .fe2e_over_mesm            how many times as long the dense twin takes

Weights and inputs are drawn by formula; the text encoder and the face detector are left out. Both
models run in turns, so that their ratio holds on a machine that is busy with other things too.
The peak is that of a large matrix product on the same device; a gather or a pool, which multiply
nothing, stand against a pass over memory. On a card the processor answers too, and how far the
two answers are from each other is said: times of other numbers would say nothing.

Exit code: 0 done, 1 the machine failed (no device), 2 the input is at fault.";

/// `mesm bench`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct BenchArguments {
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Face frames of an utterance
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = count(0..=4096))]
    pub frames: u32,
    /// Mel chunks of an utterance
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count(0..=4096))]
    pub chunks: u32,
    /// Utterances of a batch
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count(1..=1024))]
    pub utterances: u32,
    /// Share of the attention mass that MESM keeps, above 0 and up to 1
    #[arg(long, value_name = "P", default_value = "0.5", value_parser = parse_top_p)]
    pub top_p: f32,
    /// Widths of the model
    #[arg(long, value_enum, default_value_t = SizeChoice::Paper)]
    pub size: SizeChoice,
    /// Calls of each model
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = count(1..=100_000))]
    pub rounds: u32,
    /// Threads of the processor [default: all]
    #[arg(long, value_name = "N", value_parser = count(1..=1024))]
    pub threads: Option<u32>,
    /// Leave out what the device can do at most: software that stands in for a card takes minutes to try the matrix
    /// products of that
    #[arg(long)]
    pub skip_peak: bool,
    /// Measure training steps too (forward, backward, Adam)
    #[arg(long)]
    pub training: bool,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Write FE2E's weights, the inputs and its logits into a .safetensors, for other programs to compute the same
    #[arg(long, value_name = "FILE")]
    pub case: Option<PathBuf>,
}

impl BenchArguments {
    fn work(&self) -> Work {
        Work {
            frames: self.frames as usize,
            chunks: self.chunks as usize,
            utterances: self.utterances as usize,
        }
    }
}

fn count(range: std::ops::RangeInclusive<i64>) -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(range)
}

/// Widths of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SizeChoice {
    /// Those of the papers
    Paper,
    /// Those of the page
    Web,
}

impl From<SizeChoice> for Size {
    fn from(choice: SizeChoice) -> Self {
        match choice {
            SizeChoice::Paper => Self::Paper,
            SizeChoice::Web => Self::Web,
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
struct Measured {
    device: &'static str,
    /// Of the processor.
    threads: usize,
    size: Size,
    #[serde(flatten)]
    work: Work,
    top_p: f32,
    /// Median time of FE2E over that of MESM.
    fe2e_over_mesm: f64,
    /// The same of their arithmetic: what the ratio could be.
    macs_fe2e_over_mesm: f64,
    fe2e: Model,
    mesm: Model,
    #[serde(skip_serializing_if = "Option::is_none")]
    roofline: Option<Roofline>,
    /// Of training steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    training: Option<Training>,
}

/// Whole training steps of both.
#[derive(Debug, Clone, Serialize)]
struct Training {
    fe2e: Spread,
    mesm: Spread,
    /// Median time of MESM over that of FE2E.
    mesm_over_fe2e: f64,
}

/// One model of the two.
#[derive(Debug, Clone, Serialize)]
struct Model {
    #[serde(flatten)]
    measurement: Measurement,
    /// Multiply-accumulates a second, in 10^9.
    gmacs: f64,
    stages: Vec<StageTime>,
    /// With the processor's answer, on another device.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<Agreement>,
}

/// Carries `mesm bench` out.
///
/// # Errors
/// When there is no such device, it fails, or the output takes no more.
pub fn run(arguments: &BenchArguments, stdout: &mut impl Write) -> Result<(), CliError> {
    if arguments.frames + arguments.chunks == 0 {
        return Err(CliError::Arguments(
            "an utterance of no frames and no chunks costs nothing: give --frames or --chunks"
                .to_owned(),
        ));
    }
    let threads = limit_threads(arguments.threads)?;
    let measured = pollster::block_on(measure(arguments, threads))?;
    if let Some(path) = &arguments.case {
        let bytes = pollster::block_on(case(arguments))?;
        write_atomically(path, &bytes)?;
    }
    if arguments.json {
        let line =
            serde_json::to_string(&measured).map_err(|error| CliError::stdout(error.into()))?;
        writeln!(stdout, "{line}")
    } else {
        write!(stdout, "{}", table::table(&measured))
    }
    .map_err(CliError::stdout)
}

/// Gives the processor's work to so many threads.
fn limit_threads(threads: Option<u32>) -> Result<usize, CliError> {
    if let Some(threads) = threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads as usize)
            .build_global()
            .map_err(|error| CliError::Device(error.to_string()))?;
    }
    Ok(rayon::current_num_threads())
}

fn seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

async fn measure(arguments: &BenchArguments, threads: usize) -> Result<Measured, CliError> {
    let device = device::open(arguments.device)?;
    let size = Size::from(arguments.size);
    let work = arguments.work();
    let rounds = arguments.rounds as usize;
    let batch = work.batch(size, &device);
    let model = |kind| mesm_bench::model(size, kind, arguments.top_p, &device).map(Box::new);
    let models = [model(ModelKind::Fe2e)?, model(ModelKind::Mesm)?];
    let [fe2e, mesm] = &models;
    // Drawn when it changes and not in between: what is measured has the machine to itself.
    let doing = ProgressBar::new_spinner();
    let now = |what: String| {
        doing.set_message(what);
        doing.tick();
    };
    now(format!("{rounds} calls of each model, in turns"));
    let measurements = mesm_bench::compare(&[fe2e, mesm], &batch, rounds, seconds).await?;
    now("stages of each".to_owned());
    let mut found = Vec::with_capacity(2);
    for (model, measurement) in models.iter().zip(measurements) {
        let rounds = rounds.div_ceil(2);
        found.push(Model {
            gmacs: measurement.macs as f64 / measurement.time.median_s * 1e-9,
            measurement,
            stages: mesm_bench::stages(model, &batch, rounds, &device, seconds).await?,
            agreement: Box::pin(agreement(arguments, model, &batch)).await?,
        });
    }
    // Large enough that the device is busy with it.
    let most = match arguments.device {
        DeviceChoice::Cpu => 1024,
        _ => 4096,
    };
    let roofline = if arguments.skip_peak {
        None
    } else {
        now("peak of the device".to_owned());
        Some(mesm_bench::roofline(&device, most, 5, seconds).await?)
    };
    let training = if arguments.training {
        now("training steps".to_owned());
        Some(train(arguments).await?)
    } else {
        None
    };
    doing.finish_and_clear();
    let Ok([fe2e, mesm]) = <[Model; 2]>::try_from(found) else {
        return Err(CliError::Device("a model was not measured".to_owned()));
    };
    let ratio = |of: fn(&Model) -> f64| of(&fe2e) / of(&mesm);
    Ok(Measured {
        device: device::name(arguments.device),
        threads,
        size,
        work,
        top_p: arguments.top_p,
        fe2e_over_mesm: ratio(|model| model.measurement.time.median_s),
        macs_fe2e_over_mesm: ratio(|model| model.measurement.macs as f64),
        fe2e,
        mesm,
        roofline,
        training,
    })
}

/// How far the answer of `model` is from the processor's; none where it is the processor's, or this program was built
/// without it.
async fn agreement(
    arguments: &BenchArguments,
    model: &mesm::Model,
    batch: &mesm::Batch,
) -> Result<Option<Agreement>, CliError> {
    if arguments.device == DeviceChoice::Cpu || !cfg!(feature = "cpu") {
        return Ok(None);
    }
    let processor = device::open(DeviceChoice::Cpu)?;
    let size = Size::from(arguments.size);
    let same = mesm_bench::model(size, model.config().kind, arguments.top_p, &processor)?;
    let work = arguments.work().batch(size, &processor);
    Ok(Some(
        mesm_bench::agreement((model, batch), (&same, &work)).await?,
    ))
}

/// Training steps of both models.
async fn train(arguments: &BenchArguments) -> Result<Training, CliError> {
    let device = device::open(arguments.device)?.autodiff();
    let size = Size::from(arguments.size);
    let batch = arguments.work().batch(size, &device);
    let models = vec![
        mesm_bench::model(size, ModelKind::Fe2e, arguments.top_p, &device)?,
        mesm_bench::model(size, ModelKind::Mesm, arguments.top_p, &device)?,
    ];
    let rounds = arguments.rounds as usize;
    let found = mesm_bench::training(models, &batch, rounds, seconds).await?;
    let Ok([fe2e, mesm]) = <[Spread; 2]>::try_from(found) else {
        return Err(CliError::Device("a model was not measured".to_owned()));
    };
    Ok(Training {
        mesm_over_fe2e: mesm.median_s / fe2e.median_s,
        fe2e,
        mesm,
    })
}

/// FE2E on the same inputs.
async fn case(arguments: &BenchArguments) -> Result<Vec<u8>, CliError> {
    let device = device::open(arguments.device)?;
    let size = Size::from(arguments.size);
    let model = mesm_bench::model(size, ModelKind::Fe2e, arguments.top_p, &device)?;
    Ok(mesm_bench::case(&model, &arguments.work().batch(size, &device)).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_to_do_is_refused() {
        let arguments = BenchArguments {
            device: DeviceChoice::Cpu,
            frames: 0,
            chunks: 0,
            utterances: 1,
            top_p: 0.5,
            size: SizeChoice::Web,
            rounds: 1,
            threads: None,
            json: false,
            case: None,
            skip_peak: false,
            training: false,
        };
        let error = run(&arguments, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("--frames"), "{error}");
    }
}
