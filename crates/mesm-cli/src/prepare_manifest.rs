//! `mesm prepare manifest`: a folder of tables and archives into a store.

use std::fmt::Write as _;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use mesm_data::manifest::{Options, Outcome, Progress, prepare};

use crate::error::CliError;
use crate::faces::Finder;

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
    let PrepareCommand::Manifest(arguments) = command;
    let options = Options {
        classes: arguments
            .classes
            .iter()
            .map(|class| class.trim().to_owned())
            .collect(),
        splits: Vec::new(),
        shard_bytes: arguments.shard_mb * 1_000_000,
    };
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template(
        "{bar:30} {pos} of {len} rows, {elapsed} passed, {eta} to go{msg}",
    ) {
        bar.set_style(style);
    }
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
    let outcome = outcome?;
    let text = if arguments.json {
        let mut line = serde_json::to_string(&outcome.report).unwrap_or_default();
        line.push('\n');
        line
    } else {
        render(&outcome, &arguments.out)
    };
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(CliError::stdout)
}

fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.rows);
    bar.set_position(progress.rows_done);
    bar.set_message(format!(
        ", shard {} of {}",
        progress.shards_done, progress.shards
    ));
}

/// The report for people.
fn render(outcome: &Outcome, store: &Path) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = write_table(outcome, store, &mut out);
    out
}

fn write_table(outcome: &Outcome, store: &Path, out: &mut String) -> std::fmt::Result {
    let report = &outcome.report;
    writeln!(
        out,
        "{}: {} rows, {:.1} MB, {} shards written now, {} kept\n",
        store.display(),
        report.rows,
        report.bytes as f64 / 1e6,
        outcome.written,
        outcome.kept
    )?;
    let widest = report.splits.keys().map(|split| split.chars().count());
    let width = widest.max().unwrap_or(0).max(5);
    write!(
        out,
        "{:width$}  {:>8}  {:>7}  {:>7}  {:>7}",
        "split", "rows", "faces", "voices", "texts"
    )?;
    for class in &report.classes {
        write!(out, "  {class:>8}")?;
    }
    writeln!(out)?;
    for (split, counts) in &report.splits {
        write!(
            out,
            "{split:width$}  {:>8}  {:>7}  {:>7}  {:>7}",
            counts.rows, counts.faces, counts.audio, counts.text
        )?;
        for class in &report.classes {
            let cell = class.chars().count().max(8);
            write!(out, "  {:>cell$}", counts.labels.get(class).unwrap_or(&0))?;
        }
        writeln!(out)?;
    }
    if report.skipped.is_empty() {
        writeln!(out, "\nnothing was left out")?;
    } else {
        writeln!(
            out,
            "\nleft out ({}; all reasons in report.json)",
            report.left_out()
        )?;
        for skipped in &report.skipped {
            let examples: Vec<String> = skipped
                .examples
                .iter()
                .take(2)
                .map(|example| match example.line {
                    Some(line) => format!("line {line}: {}", example.found),
                    None => example.found.clone(),
                })
                .collect();
            writeln!(
                out,
                "{:15}  {:>7}  {:23}  {}",
                skipped.file,
                skipped.count,
                skipped.reason.words(),
                examples.join("; ").escape_debug()
            )?;
        }
    }
    for file in &report.not_read {
        writeln!(out, "not read    {}: {}", file.file, file.reason)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mesm_data::manifest::{Example, NotRead, Reason, Report, Skipped, SplitReport};

    use super::*;

    #[test]
    fn the_table_has_this_form() {
        let train = SplitReport {
            rows: 12,
            faces: 5,
            audio: 3,
            text: 7,
            shards: 1,
            bytes: 2_500_000,
            labels: BTreeMap::from([("joy".to_owned(), 12)]),
            sources: BTreeMap::new(),
        };
        let example = |line, found: &str| Example {
            line,
            found: found.to_owned(),
        };
        let outcome = Outcome {
            report: Report {
                format: 1,
                version: "0".to_owned(),
                classes: vec!["bewilderment".to_owned(), "joy".to_owned()],
                fingerprint: String::new(),
                inputs: Vec::new(),
                rows: 12,
                bytes: 2_500_000,
                splits: BTreeMap::from([("train".to_owned(), train)]),
                skipped: vec![Skipped {
                    file: "faces.csv".to_owned(),
                    reason: Reason::MissingMedia,
                    count: 3,
                    examples: vec![
                        example(Some(4), "a\nb.jpg"),
                        example(Some(5), "c.jpg"),
                        example(Some(6), "d.jpg"),
                    ],
                }],
                not_read: vec![NotRead {
                    file: "audio.tar".to_owned(),
                    reason: "there is no audio.csv".to_owned(),
                }],
            },
            written: 1,
            kept: 2,
        };
        assert_eq!(
            render(&outcome, Path::new("s")),
            "\
s: 12 rows, 2.5 MB, 1 shards written now, 2 kept

split      rows    faces   voices    texts  bewilderment       joy
train        12        5        3        7             0        12

left out (3; all reasons in report.json)
faces.csv              3  file missing             line 4: a\\nb.jpg; line 5: c.jpg
not read    audio.tar: there is no audio.csv
"
        );
    }
}
