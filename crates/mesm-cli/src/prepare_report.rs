//! What `mesm prepare` says while it is at work and when it is done.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use mesm_data::manifest::{Outcome, Progress};

use crate::error::CliError;

/// A bar on the error stream; nothing where that is no terminal.
pub(crate) fn bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template(
        "{bar:30} {pos} of {len} rows, {elapsed} passed, {eta} to go{msg}",
    ) {
        bar.set_style(style);
    }
    bar
}

/// Moves the bar.
pub(crate) fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.rows);
    bar.set_position(progress.rows_done);
    bar.set_message(format!(
        ", shard {} of {}",
        progress.shards_done, progress.shards
    ));
}

/// Prints what came of it: a table, or the report as one JSON object.
///
/// # Errors
/// When the standard output takes no more.
pub(crate) fn print(
    outcome: &Outcome,
    store: &Path,
    json: bool,
    stdout: &mut impl Write,
) -> Result<(), CliError> {
    let text = if json {
        let mut line = serde_json::to_string(&outcome.report).unwrap_or_default();
        line.push('\n');
        line
    } else {
        render(outcome, store)
    };
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    written.map_err(CliError::stdout)
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
                skipped.file.escape_debug().to_string(),
                skipped.count,
                skipped.reason.words(),
                examples.join("; ").escape_debug()
            )?;
        }
    }
    for file in &report.not_read {
        writeln!(out, "not read    {}: {}", file.file, file.reason)?;
    }
    for note in &report.notes {
        writeln!(out, "note        {note}")?;
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
                notes: vec!["2 of 3 speakers are in more than one split".to_owned()],
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
note        2 of 3 speakers are in more than one split
"
        );
    }
}
