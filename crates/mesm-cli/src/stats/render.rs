//! The counts as text: columns that line up, or Markdown.

use std::fmt::Write;

use super::{Line, Stats};

/// A table for people. Columns are those of the paper's Tables 1 and 2, and one for each split.
pub(super) fn table(stats: &Stats) -> String {
    let cells = cells(stats);
    let columns = cells.first().map_or(0, Vec::len);
    let wide = |column: usize| {
        let lengths = cells.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut out = String::new();
    for row in &cells {
        let mut line = String::new();
        for (number, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing into a string cannot fail.
            let _ = match number {
                0 => write!(line, "{cell:width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        out += line.trim_end();
        out.push('\n');
    }
    out.push('\n');
    out += &speakers(stats);
    out
}

/// The same as a Markdown table.
pub(super) fn markdown(stats: &Stats) -> String {
    let mut out = String::new();
    for (number, row) in cells(stats).iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
        if number == 0 {
            let rules: Vec<&str> = (0..row.len())
                .map(|column| if column == 0 { "---" } else { "---:" })
                .collect();
            let _ = writeln!(out, "| {} |", rules.join(" | "));
        }
    }
    out.push('\n');
    out += &speakers(stats);
    out
}

/// Rows of cells, the head first.
fn cells(stats: &Stats) -> Vec<Vec<String>> {
    let rated = stats.all.sentiment.is_some();
    let mut head: Vec<String> = ["class", "words", "seconds"].map(str::to_owned).to_vec();
    if rated {
        head.push("sentiment".to_owned());
    }
    head.extend(stats.splits.iter().cloned());
    head.push("all".to_owned());
    let mut rows = vec![head];
    let nothing = stats.none.rows == 0;
    let none = (!nothing).then_some(&stats.none);
    for line in stats.classes.iter().chain(none).chain([&stats.all]) {
        rows.push(row(stats, line, rated));
    }
    rows
}

fn row(stats: &Stats, line: &Line, rated: bool) -> Vec<String> {
    let mean = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    let mut row = vec![line.class.clone(), mean(line.words), mean(line.seconds)];
    if rated {
        row.push(mean(line.sentiment));
    }
    let counts = stats.splits.iter().map(|split| line.splits.get(split));
    row.extend(counts.map(|count| count.unwrap_or(&0).to_string()));
    row.push(line.rows.to_string());
    row
}

fn speakers(stats: &Stats) -> String {
    if stats.subjects.is_empty() {
        return "speakers are not known\n".to_owned();
    }
    let of = |split: &String| {
        let count = stats.subjects.get(split).unwrap_or(&0);
        format!("{split} {count}")
    };
    let counts: Vec<String> = stats.splits.iter().map(of).collect();
    format!(
        "speakers: {}; {} in more than one split\n",
        counts.join(", "),
        stats.shared_subjects
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn example() -> Stats {
        let line = |class: &str, rows, words, sentiment| Line {
            class: class.to_owned(),
            rows,
            words,
            seconds: Some(4.5),
            sentiment,
            splits: BTreeMap::from([("train".to_owned(), rows)]),
        };
        Stats {
            splits: vec!["train".to_owned(), "test".to_owned()],
            classes: vec![
                line("anger", 757, Some(15.964), None),
                line("sad|blue", 9, None, None),
            ],
            none: line("none", 0, None, None),
            all: line("all", 766, Some(15.9), None),
            subjects: BTreeMap::from([("train".to_owned(), 10)]),
            shared_subjects: 2,
        }
    }

    #[test]
    fn the_table_has_this_form() {
        assert_eq!(
            table(&example()),
            "\
class     words  seconds  train  test  all
anger     15.96     4.50    757     0  757
sad|blue      -     4.50      9     0    9
all       15.90     4.50    766     0  766

speakers: train 10, test 0; 2 in more than one split
"
        );
    }

    #[test]
    fn markdown_has_rules_and_escapes() {
        let mut stats = example();
        stats.all.sentiment = Some(0.5);
        stats.none.rows = 1;
        let text = markdown(&stats);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "| class | words | seconds | sentiment | train | test | all |",
                "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
            ]
        );
        assert_eq!(lines[3], "| sad\\|blue | - | 4.50 | - | 9 | 0 | 9 |");
        assert!(lines[4].starts_with("| none |"));
        assert!(lines[5].starts_with("| all | 15.90 | 4.50 | 0.50 |"));
    }
}
