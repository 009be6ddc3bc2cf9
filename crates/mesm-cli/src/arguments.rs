//! The command line, as it is typed. Nothing here opens a file or a device.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use mesm::Modalities;

use crate::bench::BenchArguments;
use crate::choices::{
    DeviceChoice, ModelChoice, TEXT_ENCODER_OR_OWN, parse_modalities, parse_top_p,
};
use crate::eval::EvalArguments;
use crate::explain::ExplainArguments;
use crate::export::ExportArguments;
use crate::paper::ReportArguments;
use crate::prepare_manifest::PrepareCommand;
use crate::stats::StatsArguments;
use crate::sweep::SweepArguments;
use crate::train::arguments::TrainArguments;

/// Emotions in video, voice and words by a sparse end-to-end model.
#[derive(Debug, Parser)]
#[command(name = "mesm", version, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Tell more on the error stream; twice for everything, the decoder's lines included.
    #[arg(short, long, global = true, display_order = 100, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// Reads a command line, the program's name first.
///
/// # Errors
/// What is wrong with it, for people; `--help` and `--version` too, whose text that is.
pub fn parse<W: Into<OsString> + Clone>(
    words: impl IntoIterator<Item = W>,
) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(words)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge a video or audio file.
    Infer(Box<InferArguments>),
    /// Make a store to train from.
    #[command(subcommand)]
    Prepare(PrepareCommand),
    /// Count what a store holds: utterances, words and seconds of each class and split.
    Stats(StatsArguments),
    /// Train a model on a store.
    Train(Box<TrainArguments>),
    /// Judge a model on a data set: figures per modality, source and class.
    Eval(Box<EvalArguments>),
    /// Judge a model at each p of the selection: quality and cost as table and figure.
    Sweep(Box<SweepArguments>),
    /// Show what the attention keeps of faces and voices, and hold it against the face's moving parts.
    Explain(Box<ExplainArguments>),
    /// Write trained weights as small files.
    Export(Box<ExportArguments>),
    /// Train every model of the papers and lay out their tables and figures.
    Report(Box<ReportArguments>),
    /// Measure what MESM and FE2E cost in time on this machine.
    Bench(Box<BenchArguments>),
}

const EXAMPLES: &str = "\
Examples:
  mesm infer talk.mp4 --text \"so it is\"              a table: classes, shares, active points, cost
  mesm infer talk.mp4 --json | tail -n 1 | jq .      the same as one JSON object
  mesm infer talk.mp4 --window 3s --hop 0.5s         a time line, one CSV row a window
  mesm infer day.mkv --window 5s --format jsonl      a long file, one JSON object a line
  mesm infer talk.mp4 --top-p 0.3 --overlay seen/    pictures of what the attention kept
  mesm infer voice.flac --modalities ta              the voice alone, and how the words choose

Whatever is absent (no sound, no face, no words) is left out and named in the notes. Without
--text, MESM chooses its points by the empty sentence and says so. Files longer than 30 s are
judged window by window, in bounded memory.

Exit code: 0 done, 1 the machine failed (no decoder, no device), 2 the input is at fault.";

/// `mesm infer`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct InferArguments {
    /// Any file the ffmpeg program reads, or a folder with a window exported by the page (window.json)
    pub clip: PathBuf,
    /// The words that are spoken; chooses the points MESM looks at
    #[arg(long, value_name = "WORDS")]
    pub text: Option<String>,
    /// Trained weights: .safetensors with its configuration inside, or the authors' .pt
    /// [default: those of the program]
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub weights: Option<PathBuf>,
    /// The sparse model or its dense twin, which MESM's weights serve too [default: that of the weights]
    #[arg(long, value_enum)]
    pub model: Option<ModelChoice>,
    /// Share of the attention mass that MESM keeps, above 0 and up to 1 [default: that of the weights, or 0.5]
    #[arg(long, value_name = "P", value_parser = parse_top_p)]
    pub top_p: Option<f32>,
    /// What to use: t (words), v (faces), a (voice)
    #[arg(long, value_name = "LETTERS", default_value = "tav", value_parser = parse_modalities)]
    pub modalities: Modalities,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Write pictures of faces, crops and active points into this folder
    #[arg(long, value_name = "FOLDER")]
    pub overlay: Option<PathBuf>,
    /// Give a time line: judge windows of this length, such as 3s or 1500ms
    #[arg(long, value_name = "LENGTH", value_parser = parse_length)]
    pub window: Option<Length>,
    /// From the start of a window to that of the next [default: the window's length]
    #[arg(long, value_name = "LENGTH", value_parser = parse_length, requires = "window")]
    pub hop: Option<Length>,
    /// Form of the time line
    #[arg(long, value_enum, default_value_t = TimelineFormat::Csv, requires = "window")]
    pub format: TimelineFormat,
    /// Folder of the text encoder.
    #[arg(long, value_name = "FOLDER", help = TEXT_ENCODER_OR_OWN)]
    pub text_encoder: Option<PathBuf>,
    /// Scale frames down to this many pixels on their longer side
    #[arg(long, value_name = "PIXELS", default_value_t = 640, value_parser = clap::value_parser!(u32).range(48..=8192))]
    pub max_side: u32,
}

/// How a time line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TimelineFormat {
    /// A header and a row a window
    Csv,
    /// A JSON object a line
    Jsonl,
}

/// A length of time in whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// The length.
    pub ms: u32,
}

/// Reads `3s`, `0.5s`, `500ms`, `2m` or a plain number of seconds.
fn parse_length(text: &str) -> Result<Length, String> {
    let (number, unit_ms) = match text {
        _ if text.ends_with("ms") => (&text[..text.len() - 2], 1.0),
        _ if text.ends_with('s') => (&text[..text.len() - 1], 1000.0),
        _ if text.ends_with('m') => (&text[..text.len() - 1], 60_000.0),
        _ => (text, 1000.0),
    };
    let wrong = || format!("expected a length such as 3s, 0.5s, 500ms or 2m, found `{text}`");
    let ms = number.trim().parse::<f64>().map_err(|_| wrong())? * unit_ms;
    if !(ms > 0.0 && ms <= 86_400_000.0) {
        return Err(wrong());
    }
    if (ms - ms.round()).abs() > 1e-6 {
        return Err(format!("expected whole milliseconds, found `{text}`"));
    }
    Ok(Length {
        ms: ms.round() as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn infer(line: &str) -> Result<InferArguments, clap::Error> {
        let words = ["mesm", "infer"].into_iter().chain(line.split(' '));
        Arguments::try_parse_from(words).map(|arguments| match arguments.command {
            Command::Infer(infer) => *infer,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn the_definition_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_of_the_readme() {
        let infer = infer("x.mp4").unwrap();
        assert_eq!(infer.modalities, Modalities::ALL);
        assert_eq!(infer.device, DeviceChoice::Cpu);
        assert_eq!((infer.top_p, infer.model, infer.window), (None, None, None));
    }

    #[test]
    fn lengths_have_units() {
        for (text, ms) in [
            ("3s", 3000),
            ("0.5s", 500),
            ("250ms", 250),
            ("2m", 120_000),
            ("1.5", 1500),
        ] {
            assert_eq!(parse_length(text), Ok(Length { ms }), "{text}");
        }
        for text in ["", "s", "-1s", "0", "nan", "inf", "1h", "0.0005s", "99999m"] {
            assert!(parse_length(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "x --top-p 0",
            "x --top-p 1.5",
            "x --modalities tt",
            "x --modalities q",
            "x --hop 1s",
            "x --format jsonl",
            "x --device tpu",
            "x --max-side 7",
        ] {
            let error = infer(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}
