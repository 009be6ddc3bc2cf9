//! `mesm stats`: Tables 1 and 2 of the NAACL paper for any store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use mesm_data::media::{self, MediaError};
use mesm_data::store::{RowFacts, RowInfo, Store};
use serde::Serialize;

use crate::error::CliError;

mod render;

const EXAMPLES: &str = "\
Examples:
  mesm stats STORE                    a table: words, seconds and the size of each split, by class
  mesm stats STORE --markdown         the same for a document
  mesm stats STORE --json | tail -n 1 | jq '.classes[] | {class, words}'

A row counts for each class that its target says; it may count for several or for none. Words are what white
space parts. Rows without words or sound do not count in their means.

Exit code: 0 done, 1 the machine failed, 2 the input is at fault.";

/// `mesm stats`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct StatsArguments {
    /// The store
    #[arg(value_name = "STORE")]
    pub store: PathBuf,
    /// Print one JSON object as the last line
    #[arg(long)]
    pub json: bool,
    /// Print a Markdown table
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stats {
    /// The splits, in the order of learning: train, valid, test, then others by name.
    pub splits: Vec<String>,
    /// A line a class, in the order of the store.
    pub classes: Vec<Line>,
    /// Rows of no class.
    pub none: Line,
    /// All rows.
    pub all: Line,
    /// Different subjects of each split, those that nobody knows not counted.
    pub subjects: BTreeMap<String, u64>,
    /// Subjects that are in more than one split.
    pub shared_subjects: u64,
}

/// A line of the table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Line {
    /// The class.
    pub class: String,
    /// Rows.
    pub rows: u64,
    /// Mean number of words.
    pub words: Option<f64>,
    /// Mean length in seconds.
    pub seconds: Option<f64>,
    /// Mean sentiment, from -3 to 3.
    pub sentiment: Option<f64>,
    /// Rows of each split.
    pub splits: BTreeMap<String, u64>,
}

/// Carries `mesm stats` out.
///
/// # Errors
/// When the store does not read or the output takes no more.
pub fn run(arguments: &StatsArguments, stdout: &mut impl Write) -> Result<(), CliError> {
    let stats = Stats::count(&Store::open(&arguments.store)?)?;
    let text = if arguments.json {
        let mut line = serde_json::to_string(&stats).unwrap_or_default();
        line.push('\n');
        line
    } else if arguments.markdown {
        render::markdown(&stats)
    } else {
        render::table(&stats)
    };
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(CliError::stdout)
}

/// A mean on its way.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// A line on its way.
#[derive(Debug, Clone, Default)]
struct Tally {
    rows: u64,
    words: Mean,
    seconds: Mean,
    sentiment: Mean,
    splits: BTreeMap<String, u64>,
}

impl Tally {
    fn line(self, class: &str) -> Line {
        Line {
            class: class.to_owned(),
            rows: self.rows,
            words: self.words.value(),
            seconds: self.seconds.value(),
            sentiment: self.sentiment.value(),
            splits: self.splits,
        }
    }
}

impl Stats {
    /// Counts the rows of a store. Of rows that do not tell their length the sound is decoded.
    ///
    /// # Errors
    /// When a shard cannot be read or is damaged.
    pub fn count(store: &Store) -> Result<Self, CliError> {
        let classes = store.classes();
        let mut tallies = vec![Tally::default(); classes.len()];
        let (mut none, mut all) = (Tally::default(), Tally::default());
        let mut subjects: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut failed = None;
        store.visit_facts(&mut |split, info, facts| {
            let seconds = seconds(store, info, &facts).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                None
            });
            let words = facts.text.as_ref().map(|t| t.split_whitespace().count());
            let add = |tally: &mut Tally| {
                tally.rows += 1;
                tally.words.add(words.map(|words| words as f64));
                tally.seconds.add(seconds);
                tally.sentiment.add(facts.sentiment.map(f64::from));
                *tally.splits.entry(split.to_owned()).or_default() += 1;
            };
            add(&mut all);
            let mut any = false;
            for (class, tally) in tallies.iter_mut().enumerate() {
                let is_label = info.label.map(usize::from) == Some(class);
                if is_label || facts.target.get(class).is_some_and(|value| *value > 0.5) {
                    add(tally);
                    any = true;
                }
            }
            if !any {
                add(&mut none);
            }
            if facts.subject != "unknown" {
                let of = subjects.entry(split.to_owned()).or_default();
                of.insert(facts.subject);
            }
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let mut splits = store.splits();
        let known = ["train", "valid", "test"];
        splits.sort_by_key(|split| known.iter().position(|k| k == split).unwrap_or(known.len()));
        let lines = tallies.into_iter().zip(classes);
        Ok(Self {
            splits,
            classes: lines.map(|(tally, class)| tally.line(class)).collect(),
            none: none.line("none"),
            all: all.line("all"),
            shared_subjects: shared(&subjects),
            subjects: subjects
                .into_iter()
                .map(|(split, of)| (split, of.len() as u64))
                .collect(),
        })
    }
}

/// How long a row's sound is: what it says, otherwise what its sound says.
fn seconds(store: &Store, info: RowInfo, facts: &RowFacts) -> Result<Option<f64>, CliError> {
    if facts.seconds.is_some() || !info.has_audio {
        return Ok(facts.seconds.map(f64::from));
    }
    let row = store.read(info)?;
    let Some(audio) = row.audio else {
        return Ok(None);
    };
    let samples = match media::voice(&audio.bytes) {
        Ok(samples) => samples,
        // Too long to learn from, and still as long as its header says.
        Err(MediaError::TooLong { seconds }) => return Ok(Some(seconds)),
        Err(e) => {
            let reason = format!("{}: {}: {e}", row.id, audio.path);
            return Err(CliError::Arguments(reason));
        }
    };
    Ok(Some(samples.len() as f64 / f64::from(media::VOICE_RATE_HZ)))
}

fn shared(subjects: &BTreeMap<String, BTreeSet<String>>) -> u64 {
    let mut count: BTreeMap<&str, u64> = BTreeMap::new();
    for subject in subjects.values().flatten() {
        *count.entry(subject).or_default() += 1;
    }
    count.values().filter(|splits| **splits > 1).count() as u64
}
