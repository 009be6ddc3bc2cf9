//! An evaluation as Markdown, to read and to put into a model card.

use super::evaluation::{Evaluation, SentimentReport};
use super::intervals::Intervals;
use super::modality::ModalityReport;
use crate::metrics::{Interval, MultiLabelScores, Score, SentimentScores};

impl Evaluation {
    /// The evaluation as Markdown: a table over the modalities, then each of them by class and by source, with counts
    /// and intervals.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut page = format!("# Evaluation on `{}`\n\n", text(&self.split));
        if !self.weights.is_empty() {
            page += "Weights: `";
            page += &text(&self.weights);
            page += "`.\n\n";
        }
        page += &method(self);
        let rows = self.reports().into_iter().map(|(name, report)| {
            if report.n == 0 {
                let mut row = vec![name.to_owned(), "0".to_owned()];
                row.resize(6, "-".to_owned());
                return row;
            }
            let within = report.intervals.as_ref();
            vec![
                name.to_owned(),
                report.n.to_string(),
                figure(report.accuracy, within.map(|w| w.accuracy)),
                figure(report.uar, within.map(|w| w.uar)),
                figure(report.macro_f1, within.map(|w| w.macro_f1)),
                figure(report.calibration.expected_error, None),
            ]
        });
        let head = ["", "n", "accuracy", "UAR", "macro-F1", "calibration error"];
        page += &table(&head, rows);
        for (name, report) in self.reports() {
            page += &modality(name, report);
        }
        if let Some(report) = &self.sentiment {
            page += &sentiment(report);
        }
        page
    }
}

/// How the intervals were made.
fn method(evaluation: &Evaluation) -> String {
    let reports = evaluation.reports();
    let Some(made) = reports
        .iter()
        .find_map(|(_, report)| report.intervals.as_ref())
    else {
        return String::new();
    };
    format!(
        "In brackets: {} % intervals, percentiles of {} bootstrap samples drawn by subject where subjects are known, by \
         utterance otherwise; `drawn from` says from how many. UAR is the mean recall of the classes that occur.\n\n",
        (made.level * 1000.0).round() / 10.0,
        made.resamples
    )
}

fn modality(name: &str, report: &ModalityReport) -> String {
    if report.n == 0 && report.notes.is_empty() {
        return String::new();
    }
    let mut page = format!("\n## {name}\n\n");
    if report.n > 0 {
        page += &by_class(report);
        page += "\n";
        page += &by_source(report);
        page += "\nTrue classes are rows, answers are columns:\n\n";
        page += &confusion(report);
    }
    if let Some(scores) = &report.multi_label {
        page += "\nEach class as a question of its own:\n\n";
        page += &questions(&report.classes, scores);
    }
    if !report.notes.is_empty() {
        if report.n > 0 {
            page += "\n";
        }
        for note in &report.notes {
            page += "- ";
            page += &text(note);
            page += "\n";
        }
    }
    page
}

fn sentiment(report: &SentimentReport) -> String {
    let row = |name: &str, scores: &SentimentScores| {
        let figures = [
            scores.accuracy_7,
            scores.accuracy_5,
            scores.accuracy_2,
            scores.f1,
            scores.mean_absolute_error,
            scores.correlation,
        ];
        let mut row = vec![name.to_owned()];
        row.extend(figures.map(|score| figure(score.value, None)));
        row
    };
    let head = [
        "",
        "acc-7",
        "acc-5",
        "acc-2",
        "F1",
        "mean absolute error",
        "correlation",
    ];
    let rows = [
        row("all", &report.all),
        row("without those that are 0", &report.without_zeros),
    ];
    format!(
        "\n## sentiment\n\n{} utterances, all modalities together.\n\n{}",
        report.n,
        table(&head, rows.into_iter())
    )
}

fn by_class(report: &ModalityReport) -> String {
    let rows = report.classes.iter().filter_map(|name| {
        let class = report.per_class.get(name)?;
        Some(vec![
            text(name),
            class.support.to_string(),
            class.answered.to_string(),
            figure(class.precision, None),
            figure(class.recall, None),
            figure(class.f1, None),
        ])
    });
    table(
        &["class", "n", "answered", "precision", "recall", "F1"],
        rows,
    )
}

fn by_source(report: &ModalityReport) -> String {
    let rows = report.per_source.iter().map(|(name, source)| {
        let within = |of: fn(&Intervals) -> Interval| source.intervals.as_ref().map(of);
        vec![
            text(name),
            source.n.to_string(),
            source
                .intervals
                .as_ref()
                .map_or_else(|| "-".to_owned(), |within| within.groups.to_string()),
            figure(source.accuracy, within(|w| w.accuracy)),
            figure(source.uar, within(|w| w.uar)),
            figure(source.macro_f1, within(|w| w.macro_f1)),
        ]
    });
    let head = ["source", "n", "drawn from", "accuracy", "UAR", "macro-F1"];
    table(&head, rows)
}

fn confusion(report: &ModalityReport) -> String {
    let names = report.classes.iter().map(|name| text(name));
    let head: Vec<String> = std::iter::once(String::new())
        .chain(names.clone())
        .collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows = names.zip(report.confusion.rows()).map(|(name, counts)| {
        let counts = counts.iter().map(ToString::to_string);
        std::iter::once(name).chain(counts).collect()
    });
    table(&head, rows)
}

fn questions(classes: &[String], scores: &MultiLabelScores) -> String {
    let value = |score: Score| {
        let agreed = if score.note.is_some() { "*" } else { "" };
        format!("{}{agreed}", figure(score.value, None))
    };
    let rows = classes.iter().zip(&scores.classes).map(|(name, class)| {
        vec![
            text(name),
            class.positives.to_string(),
            format!("{:.2}", class.threshold),
            value(class.accuracy),
            value(class.weighted_accuracy),
            value(class.precision),
            value(class.recall),
            value(class.f1),
            value(class.weighted_f1),
            value(class.auc),
        ]
    });
    let mean = scores.mean;
    let means = [
        mean.accuracy,
        mean.weighted_accuracy,
        mean.precision,
        mean.recall,
        mean.f1,
        mean.weighted_f1,
        mean.auc,
    ];
    let mut last = vec!["mean".to_owned(), scores.n.to_string(), String::new()];
    last.extend(means.map(|value| figure(value, None)));
    let head = [
        "class",
        "n",
        "threshold",
        "accuracy",
        "WAcc",
        "precision",
        "recall",
        "F1",
        "weighted F1",
        "AUC",
    ];
    format!(
        "{}\nAll classes right: {}; all of what is answered right: {}. A star marks what is agreed, not measured.\n",
        table(&head, rows.chain(std::iter::once(last))),
        figure(scores.exact, None),
        figure(scores.subset, None)
    )
}

/// Names on the left, numbers on the right.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let names: Vec<String> = head.iter().map(|name| (*name).to_owned()).collect();
    let rule =
        std::iter::once("---").chain(std::iter::repeat_n("---:", head.len().saturating_sub(1)));
    let rule: Vec<String> = rule.map(str::to_owned).collect();
    let mut table = line(&names) + &line(&rule);
    for row in rows {
        table += &line(&row);
    }
    table
}

fn figure(value: f64, within: Option<Interval>) -> String {
    match within {
        Some(within) => format!("{value:.3} [{:.3}, {:.3}]", within.low, within.high),
        None => format!("{value:.3}"),
    }
}

/// A name as one cell of a table, whatever is in it.
pub(crate) fn text(name: &str) -> String {
    name.replace('|', "\\|")
        .replace(['\n', '\r'], " ")
        .replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MultiLabel;
    use crate::report::{Answered, Reporting};

    fn evaluation() -> Evaluation {
        let classes = ["joy".to_owned(), "cal|m".to_owned()];
        let answered: Vec<Answered<'_>> = (0..40)
            .map(|i| Answered {
                truth: i % 2,
                logits: if i % 5 == 0 { &[1.0, 0.0] } else { &[0.0, 1.0] },
                source: if i < 30 { "drawn" } else { "sung" },
                subject: "unknown",
            })
            .collect();
        let logits: Vec<f32> = answered
            .iter()
            .flat_map(|one| one.logits.to_vec())
            .collect();
        let truth: Vec<bool> = answered
            .iter()
            .flat_map(|one| [one.truth == 0, false])
            .collect();
        let questions = MultiLabel::new(2, &logits, &truth)
            .unwrap()
            .scores(&[0.6, 0.6])
            .unwrap();
        let report = ModalityReport::new(&classes, &answered, &Reporting::default());
        Evaluation {
            split: "test".to_owned(),
            weights: "web".to_owned(),
            text: report.with_multi_label(questions),
            ..Evaluation::default()
        }
    }

    #[test]
    fn every_table_is_whole() {
        let page = evaluation().markdown();
        let mut columns = 0;
        for line in page.lines() {
            if line.starts_with('|') {
                let cells = line.replace("\\|", "").matches('|').count();
                assert!(columns == 0 || columns == cells, "{page}");
                columns = cells;
            } else {
                columns = 0;
            }
        }
        assert!(!page.contains("NaN"), "{page}");
    }

    #[test]
    fn figures_stand_beside_counts_and_intervals() {
        let page = evaluation().markdown();
        assert!(page.contains("| text | 40 | 0.500 [0."), "{page}");
        assert!(page.contains("| faces | 0 | - |"), "{page}");
        assert!(
            page.contains("| cal\\|m | 20 | 32 | 0.500 | 0.800 | 0.615 |"),
            "{page}"
        );
        assert!(
            page.contains("95 % intervals, percentiles of 1000 bootstrap samples"),
            "{page}"
        );
        assert!(page.contains("| sung | 10 | 10 |"), "{page}");
        assert!(page.contains("AUC set to 0.500"), "{page}");
    }
}
