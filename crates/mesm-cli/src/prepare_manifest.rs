//! `mesm prepare manifest`: a folder of tables and archives into a store.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use mesm_data::manifest::{Options, prepare};

use crate::error::CliError;
use crate::faces::Finder;
use crate::prepare_corpus::{self, CorpusArguments, IemocapArguments};
use crate::prepare_report::{bar, print, show};

const EXAMPLES: &str = "\
Examples:
  mesm prepare manifest DATA --out STORE             make the store, or go on making it
  mesm prepare manifest DATA --out STORE --json | tail -n 1 | jq .skipped

DATA holds any of these, each with a header line and its columns in any order:
  faces.csv and faces.tar    split,label,path [source,subject,votes]       JPEG or PNG
  audio.csv and audio.tar    split,label,path [source,subject,lang,text]   FLAC or WAV
  text.csv                   split,label,text [source,subject,lang]
  clips.csv and videos       path,label [split,source,subject,lang,text]   what ffmpeg reads
Clips may lie in a folder clips of their own; without a split theirs is `clips`. Of a video of up to
two minutes, one utterance, a face every half second and the sound are kept.
Splits are named freely; votes such as 5/10 say how many annotators chose the label.

STORE becomes a folder of Parquet files. Rows that cannot be taken are counted with their reason in
its report.json and in the table that is printed. The same input gives the same bytes; a run that
was killed goes on where it was. In Python:
  pandas.read_parquet(\"STORE/data\")
  datasets.load_dataset(\"STORE\")

Exit code: 0 done, 1 the machine failed, 2 the input is at fault.";

/// What can be prepared.
#[derive(Debug, Clone, Subcommand)]
pub enum PrepareCommand {
    /// Tables of labelled faces, voices, sentences and videos, whichever there are.
    Manifest(ManifestArguments),
    /// IEMOCAP as it is handed out.
    Iemocap(IemocapArguments),
    /// CMU-MOSEI's raw files.
    #[command(after_help = prepare_corpus::help(prepare_corpus::MOSEI))]
    Mosei(CorpusArguments),
    /// The folders of utterances already cut that the authors of the NAACL paper hand out.
    #[command(after_help = prepare_corpus::help(prepare_corpus::PROCESSED))]
    Processed(CorpusArguments),
}

/// `mesm prepare manifest`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManifestArguments {
    /// The folder with the tables and archives
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The store's folder: new, empty, or the unfinished store of an earlier run
    #[arg(long, value_name = "STORE")]
    pub out: PathBuf,
    /// Names of the classes, in the order of the model's outputs
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "anger,disgust,fear,happy,sad,surprise,neutral"
    )]
    pub classes: Vec<String>,
    /// Size of a shard in MB (10^6 bytes)
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub shard_mb: u64,
    /// Print the report as one JSON object on the last line
    #[arg(long)]
    pub json: bool,
}

/// Carries `mesm prepare` out; the report goes to `stdout`, progress to the error stream.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub fn run(command: &PrepareCommand, stdout: &mut impl Write) -> Result<(), CliError> {
    match command {
        PrepareCommand::Manifest(arguments) => manifest(arguments, stdout),
        PrepareCommand::Iemocap(arguments) => prepare_corpus::iemocap(arguments, stdout),
        PrepareCommand::Mosei(arguments) => prepare_corpus::mosei(arguments, stdout),
        PrepareCommand::Processed(arguments) => prepare_corpus::processed(arguments, stdout),
    }
}

fn manifest(arguments: &ManifestArguments, stdout: &mut impl Write) -> Result<(), CliError> {
    let options = Options {
        classes: arguments
            .classes
            .iter()
            .map(|class| class.trim().to_owned())
            .collect(),
        splits: Vec::new(),
        shard_bytes: arguments.shard_mb * 1_000_000,
    };
    let bar = bar();
    let outcome = prepare(
        &arguments.folder,
        &arguments.out,
        &options,
        &mut Finder::default(),
        &mut |progress| {
            show(&bar, progress);
            ControlFlow::Continue(())
        },
    );
    bar.finish_and_clear();
    print(&outcome?, &arguments.out, arguments.json, stdout)
}
