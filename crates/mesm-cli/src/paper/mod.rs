//! `mesm report`: the papers' tables and figures from one's own data.

mod document;
mod recipe;
mod trial;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mesm_data::compose;
use mesm_data::store::Store;
use mesm_train::tables::{Asked, Outcome, Pages, PaperTable, Trial, pages, trials};

use crate::choices::{DeviceChoice, TEXT_ENCODER};
use crate::device;
use crate::error::CliError;

use document::Document;
use recipe::Recipes;
use trial::Laboratory;

/// What a report is made of.
const SPLITS: [&str; 3] = [TRAIN, "valid", "test"];
/// The split that is learnt from.
const TRAIN: &str = "train";

const EXAMPLES: &str = "\
Examples:
  mesm prepare iemocap IEMOCAP_full_release --out iemocap
  mesm report --data iemocap --out runs/iemocap                    every table the data can give
  mesm report --data mosei --out runs/mosei --seeds 1,2,3          means and deviations over seeds
  mesm report --data mosei --out runs/mosei --tables sentiment,feedback
  mesm report --data STORE --out runs/own --recipes recipes        settings of one's own

OUT/report.md holds the tables with the papers' own figures beside them, and leads to the settings
of every training; each table is also written for LaTeX, each figure as SVG. All trainings lie in
OUT/runs. What is stopped or killed goes on with the same command, and ends with the same report.

A folder of recipes has files for `mesm train --config`, with one phase each: MODEL.toml
(lf-lstm, lf-trans, emo-embs, mult, fe2e, mesm, baseline, baseline-linear, mm-latch, mm-latch-mult),
or for all others of a family end-to-end.toml and two-phase.toml. The model, what it reads and the
seed are the report's.

Exit code: 0 done, 1 the machine or a training failed, 2 the input is at fault.";

/// `mesm report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArguments {
    /// A store made by `mesm prepare`, with the splits train, valid and test
    #[arg(long, value_name = "STORE")]
    pub data: PathBuf,
    /// The report's folder: report.md, tables, figures, and the trainings
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Which tables [default: all that the data can give; those about sentiment need it in the data]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAMES")]
    pub tables: Vec<TableChoice>,
    /// Seeds: each model is trained once with each
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "NUMBERS",
        default_value = "1"
    )]
    pub seeds: Vec<u64>,
    /// Folder with settings for the trainings [default: the papers']
    #[arg(long, value_name = "FOLDER")]
    pub recipes: Option<PathBuf>,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Folder of the text encoder
    #[arg(long, value_name = "FOLDER", help = TEXT_ENCODER)]
    pub text_encoder: Option<PathBuf>,
}

/// A table or figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableChoice {
    /// All models by class (Dai et al., Tables 3 and 4)
    Systems,
    /// Models that read less (their Table 5)
    Modalities,
    /// Quality and cost over p (their Figure 5)
    TopP,
    /// Sentiment (Paraskevopoulos et al., Table 1)
    Sentiment,
    /// Kinds of feedback (their Table 2)
    Feedback,
    /// What the feedback lets through (their Figure 2)
    Masks,
}

impl From<TableChoice> for PaperTable {
    fn from(choice: TableChoice) -> Self {
        match choice {
            TableChoice::Systems => Self::Systems,
            TableChoice::Modalities => Self::Modalities,
            TableChoice::TopP => Self::TopP,
            TableChoice::Sentiment => Self::Sentiment,
            TableChoice::Feedback => Self::Feedback,
            TableChoice::Masks => Self::Masks,
        }
    }
}

/// What the data can answer.
struct Facts {
    sentiment: bool,
    several_classes: bool,
    /// Utterances of the data's own: several modalities in one row.
    aligned: bool,
}

/// Carries `mesm report` out; names what was written on `out`.
///
/// # Errors
/// [`CliError`], which knows its exit code; the report can be gone on with.
pub fn run(arguments: &ReportArguments, out: &mut impl Write) -> Result<(), CliError> {
    let store = Store::open(&arguments.data)?;
    for split in SPLITS {
        if store.rows(split).is_empty() {
            return Err(CliError::Arguments(format!(
                "{}: it has no split `{split}`, only {}; a report needs {}",
                arguments.data.display(),
                store.splits().join(", "),
                SPLITS.join(", ")
            )));
        }
    }
    let facts = facts(&store)?;
    let tables = tables(arguments, &facts)?;
    let mut seeds = arguments.seeds.clone();
    seeds.sort_unstable();
    seeds.dedup();
    let laboratory = Laboratory {
        store: &store,
        recipes: Recipes::new(arguments.recipes.as_deref(), facts.several_classes),
        runs: arguments.out.join("runs"),
        text_encoder: arguments.text_encoder.as_deref(),
        device: device::open(arguments.device)?,
        swept: tables.contains(&PaperTable::TopP),
    };
    let trials = trials(&tables, &seeds);
    let mut outcomes: BTreeMap<Trial, Outcome> = BTreeMap::new();
    for (number, trial) in trials.iter().enumerate() {
        let place = format!("{}/{}", number + 1, trials.len());
        outcomes.insert(*trial, laboratory.outcome(trial, &place)?);
    }
    let known = Pages {
        classes: store.classes(),
        seeds: &seeds,
        outcomes: &outcomes,
        weighted: facts.several_classes,
    };
    let document = Document {
        folder: &arguments.out,
        store: &store,
        composed: !facts.aligned,
        left_out: arguments.tables.is_empty() && !facts.sentiment,
    };
    for path in document.write(&pages(&tables, &known))? {
        writeln!(out, "{}", path.display()).map_err(CliError::stdout)?;
    }
    Ok(())
}

fn facts(store: &Store) -> Result<Facts, CliError> {
    let mut facts = Facts {
        sentiment: true,
        several_classes: false,
        aligned: compose::aligned(&store.rows(TRAIN)),
    };
    let mut rows = 0_usize;
    store.visit_facts(&mut |_, _, row| {
        rows += 1;
        facts.sentiment &= row.sentiment.is_some();
        facts.several_classes |= row.target.iter().filter(|target| **target > 0.5).count() != 1;
    })?;
    facts.sentiment &= rows > 0;
    Ok(facts)
}

/// The tables that are asked for; without a choice, those that the data can give.
fn tables(arguments: &ReportArguments, facts: &Facts) -> Result<Vec<PaperTable>, CliError> {
    let about_sentiment = |table: &PaperTable| table.asked() == Asked::Sentiment;
    if arguments.tables.is_empty() {
        let all = PaperTable::ALL.into_iter();
        return Ok(all
            .filter(|table| facts.sentiment || !about_sentiment(table))
            .collect());
    }
    let tables: Vec<PaperTable> = arguments
        .tables
        .iter()
        .map(|table| (*table).into())
        .collect();
    if !facts.sentiment && tables.iter().any(about_sentiment) {
        return Err(CliError::Arguments(format!(
            "--tables: sentiment, feedback and masks need utterances rated for sentiment; {} has some without. \
             `mesm prepare mosei` keeps the ratings",
            arguments.data.display()
        )));
    }
    Ok(tables)
}
