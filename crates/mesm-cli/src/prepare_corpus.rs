//! `mesm prepare iemocap`, `mosei` and `processed`: the data sets of the papers into a store.

use std::io::Write;
use std::num::NonZero;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::thread;

use clap::{Args, ValueEnum};
use mesm_data::corpus::{Corpus, CorpusOptions, MarkedSide, Splits, prepare_corpus};

use crate::error::CliError;
use crate::faces::Finder;
use crate::prepare_report::{bar, print, show};

/// More threads only wait for the face detector, which uses all cores by itself.
const MOST_JOBS: usize = 8;

const LISTS: &str = "\
Folder with train_split.txt, valid_split.txt and test_split.txt, an id a line [default: drawn, 70/10/20]";
const IEMOCAP: &str = "\
Examples:
  mesm prepare iemocap IEMOCAP_full_release --out STORE
  mesm prepare iemocap IEMOCAP_full_release --out STORE --splits IEMOCAP_SPLIT     the published split
  mesm prepare iemocap IEMOCAP_full_release --out STORE --speaker-disjoint         nobody in two splits
  mesm stats STORE

The data are licensed: ask https://sail.usc.edu/iemocap for them. Below DIR (or its folder
IEMOCAP_full_release) each Session1 to Session5 that is there is read:
  dialog/EmoEvaluation/*.txt    times and labels; ang, exc, fru, hap, neu and sad are taken
  dialog/transcriptions/*.txt   words
  dialog/avi/DivX/*.avi         two actors side by side: the half of whoever speaks is kept
  dialog/wav/*.wav              a channel for each of them

The published split is not speaker-disjoint: all ten actors are in each of its parts.
";
pub(crate) const MOSEI: &str = "\
Examples:
  mesm prepare mosei CMU-MOSEI --out STORE
  mesm prepare mosei CMU-MOSEI --out STORE --splits MOSEI_SPLIT     the published split
  mesm stats STORE

DIR (or its folder Raw) holds
  Labels/*.csv                                  a row an annotator: Input.VIDEO_ID, Input.CLIP, Answer.anger, ...
  Transcript/Segmented/Combined/VIDEO.txt       VIDEO___CLIP___START___END___WORDS
  Videos/Full/Combined/VIDEO.mp4                or Videos/Segmented/Combined/VIDEO_CLIP.mp4
  Audio/Full/WAV_16000/VIDEO.wav                otherwise the sound of the video

An emotion is there where any annotator saw it: a row may have several or none. The mean sentiment, from -3
to 3, is kept beside. Speakers are not named: --speaker-disjoint keeps each video within one split.
";
pub(crate) const PROCESSED: &str = "\
Examples:
  mesm prepare processed data/IEMOCAP_RAW_PROCESSED --out STORE
  mesm prepare processed data/MOSEI_RAW_PROCESSED --out STORE

DIR holds meta.pkl and a folder an utterance (image_0.jpg, ..., audio.wav; of IEMOCAP image_L_0.jpg,
image_R_0.jpg, ..., audio_L.wav, audio_R.wav), or is the folder in which one such folder lies. The lists in
IEMOCAP_SPLIT or MOSEI_SPLIT beside it are used without being named. Of the pickle only numbers, texts, lists
and dictionaries are read; nothing in it is executed.
";
const COMMON: &str = "\
What does not fit (no words, no label, an end before its start or after its recording, no sound) is left out
and counted with its reason in report.json and in the table. The same input gives the same bytes; a run that
was killed goes on where it was.

Exit code: 0 done, 1 the machine failed, 2 the input is at fault.";

/// What is said below the flags of a command.
pub(crate) fn help(own: &str) -> String {
    [own, "\n", COMMON].concat()
}

/// What the data sets have in common.
#[derive(Debug, Clone, Args)]
pub struct CorpusArguments {
    /// The folder with the data
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The store's folder: new, empty, or the unfinished store of an earlier run
    #[arg(long, value_name = "STORE")]
    pub out: PathBuf,
    /// Folder with the lists of the splits.
    #[arg(long, value_name = "LISTS", help = LISTS)]
    pub splits: Option<PathBuf>,
    /// Draw splits so that no speaker is in two of them
    #[arg(long, conflicts_with = "splits")]
    pub speaker_disjoint: bool,
    /// Draw other splits [default: 0]
    #[arg(long, value_name = "N", conflicts_with = "splits")]
    pub seed: Option<u64>,
    /// Utterances that are decoded at the same time [default: one a core, at most 8]
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZero<usize>>,
    /// Size of a shard in MB (10^6 bytes)
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=65536))]
    pub shard_mb: u64,
    /// Print the report as one JSON object on the last line
    #[arg(long)]
    pub json: bool,
}

/// `mesm prepare iemocap`.
#[derive(Debug, Clone, Args)]
#[command(after_help = help(IEMOCAP))]
pub struct IemocapArguments {
    /// What the data sets have in common.
    #[command(flatten)]
    pub common: CorpusArguments,
    /// Side of the actor with the markers, whose letter the name of the dialogue has: half of the picture, channel
    /// of the sound. The other side is the other actor's. The authors' code has left
    #[arg(long, value_enum, default_value_t = SideChoice::Left)]
    pub marked: SideChoice,
}

/// A side of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SideChoice {
    /// The left half, the first channel
    Left,
    /// The right half, the second channel
    Right,
}

impl From<SideChoice> for MarkedSide {
    fn from(choice: SideChoice) -> Self {
        match choice {
            SideChoice::Left => Self::Left,
            SideChoice::Right => Self::Right,
        }
    }
}

pub(crate) fn iemocap(
    arguments: &IemocapArguments,
    stdout: &mut impl Write,
) -> Result<(), CliError> {
    let marked = arguments.marked.into();
    run(Corpus::Iemocap { marked }, &arguments.common, stdout)
}

pub(crate) fn mosei(arguments: &CorpusArguments, stdout: &mut impl Write) -> Result<(), CliError> {
    run(Corpus::Mosei, arguments, stdout)
}

pub(crate) fn processed(
    arguments: &CorpusArguments,
    stdout: &mut impl Write,
) -> Result<(), CliError> {
    run(Corpus::Processed, arguments, stdout)
}

fn run(
    corpus: Corpus,
    arguments: &CorpusArguments,
    stdout: &mut impl Write,
) -> Result<(), CliError> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let jobs = arguments.jobs.map_or(cores.min(MOST_JOBS), NonZero::get);
    let options = CorpusOptions {
        corpus,
        splits: splits(arguments),
        shard_bytes: arguments.shard_mb * 1_000_000,
        threads: jobs,
    };
    let bar = bar();
    let outcome = prepare_corpus(
        &arguments.folder,
        &arguments.out,
        &options,
        &|| Box::new(Finder::default()),
        &mut |progress| {
            show(&bar, progress);
            ControlFlow::Continue(())
        },
    );
    bar.finish_and_clear();
    print(&outcome?, &arguments.out, arguments.json, stdout)
}

/// What the flags ask for; nothing where they leave it to the data.
fn splits(arguments: &CorpusArguments) -> Option<Splits> {
    if let Some(lists) = &arguments.splits {
        return Some(Splits::Files(lists.clone()));
    }
    let drawn = arguments.seed.is_some() || arguments.speaker_disjoint;
    drawn.then(|| Splits::Drawn {
        seed: arguments.seed.unwrap_or(0),
        speaker_disjoint: arguments.speaker_disjoint,
    })
}
