//! Tables about emotions: Tables 3, 4 and 5 and Figure 5 of Dai et al.

use super::layout::{Best, Cell, Row, Table};
use super::pages::Pages;
use super::published::{ByClass, MODALITIES, Published, TABLES};
use super::trial::{PaperTable, System};
use crate::report::{DensePoint, Sweep, SweepPoint, SweepSeries};

impl Pages<'_> {
    /// Tables 3 and 4.
    pub(super) fn systems(&self) -> Table {
        let accuracy = self.accuracy_name();
        let mut head = vec!["Model".to_owned(), "10⁹ MACs".to_owned()];
        for class in self.classes {
            head.extend([format!("{class} {accuracy}"), "F1".to_owned()]);
        }
        head.extend([
            format!("average {accuracy}"),
            "F1".to_owned(),
            "seeds".to_owned(),
        ]);
        let mut best = vec![None, Some(Best::Least)];
        best.resize(head.len() - 1, Some(Best::Most));
        best.push(None);
        let published: Option<(&Published, Vec<usize>)> = TABLES
            .iter()
            .find_map(|table| Some((table, table.columns(self.classes)?)));
        let mut rows = Vec::new();
        for (system, reads) in PaperTable::Systems.rows() {
            rows.push(self.by_class(system, reads));
            if let Some((table, columns)) = &published {
                let theirs = table.rows.iter().find(|row| row.system == system);
                rows.extend(theirs.map(|theirs| published_row(theirs, columns)));
            }
        }
        Table {
            title: "All models by class".to_owned(),
            notes: self.notes(published.map(|(table, _)| table)),
            head,
            rows,
            best,
        }
    }

    /// Our figures of a model by class.
    fn by_class(&self, system: System, reads: &str) -> Row {
        let outcomes = self.of(PaperTable::Systems, system, reads);
        let p = outcomes.first().and_then(|(_, outcome)| outcome.top_p);
        let name = match p {
            Some(p) if system == System::Mesm => format!("{} (p = {p})", system.title()),
            _ => system.title().to_owned(),
        };
        let giga = outcomes
            .iter()
            .filter_map(|(_, outcome)| Some(outcome.macs? / 1e9))
            .collect();
        let mut cells = vec![Cell::Text(name), Cell::Values(giga, 3)];
        for class in 0..self.classes.len() {
            let figure = |f1: bool| {
                let each = outcomes.iter().filter_map(|(_, outcome)| {
                    let class = outcome.emotions.as_ref()?.classes.get(class)?;
                    // Of a class that nobody shows nothing can be told.
                    if class.positives == 0 {
                        return None;
                    }
                    let score = match (f1, self.weighted) {
                        (true, _) => class.f1,
                        (false, true) => class.weighted_accuracy,
                        (false, false) => class.accuracy,
                    };
                    Some(100.0 * score.value)
                });
                Cell::Values(each.collect(), 1)
            };
            cells.extend([figure(false), figure(true)]);
        }
        cells.extend(self.accuracies(&outcomes));
        cells.push(Self::runs(&outcomes));
        Row {
            cells,
            published: false,
        }
    }

    fn notes(&self, published: Option<&Published>) -> Vec<String> {
        let mut notes = vec![format!(
            "Percent. {} Thresholds of each class are those of the best F1 on the validation split. MACs: \
             multiply-accumulates of the convolutions for an utterance, pairs of active points counted.",
            if self.weighted {
                "WAcc: weighted accuracy, (TP · N/P + TN) / 2N."
            } else {
                "Acc: accuracy of each class as a question of its own."
            }
        )];
        let absent = |class: usize| {
            let mut outcomes = self.outcomes.values();
            outcomes.any(|outcome| {
                let scores = outcome.emotions.as_ref();
                scores.is_some_and(|scores| {
                    scores.classes.get(class).is_some_and(|c| c.positives == 0)
                })
            })
        };
        if (0..self.classes.len()).any(absent) {
            notes.push(
                "A class without figures does not occur in the test split; the mean F1 counts it as 0.".to_owned(),
            );
        }
        if let Some(table) = published {
            notes.push(format!("In italics: {}.", table.name));
        }
        notes
    }

    /// Table 5.
    pub(super) fn modalities(&self) -> Table {
        let iemocap = TABLES[0].columns(self.classes).is_some();
        let accuracy = self.accuracy_name();
        let mut head = vec!["Model".to_owned(), "reads".to_owned()];
        head.extend([format!("average {accuracy}"), "average F1".to_owned()]);
        if iemocap {
            head.extend(["published Acc".to_owned(), "published F1".to_owned()]);
        }
        head.push("seeds".to_owned());
        let rows = PaperTable::Modalities
            .rows()
            .into_iter()
            .map(|(system, reads)| {
                let outcomes = self.of(PaperTable::Modalities, system, reads);
                let mut cells = vec![
                    Cell::Text(system.title().to_owned()),
                    Cell::Text(reads.to_uppercase()),
                ];
                cells.extend(self.accuracies(&outcomes));
                if iemocap {
                    let theirs = MODALITIES
                        .iter()
                        .find(|(known, letters, ..)| (*known, *letters) == (system, reads));
                    cells.extend(theirs.map_or(
                        [Cell::Nothing, Cell::Nothing],
                        |(.., accuracy, f1)| {
                            [*accuracy, *f1].map(|value| Cell::Values(vec![value], 1))
                        },
                    ));
                }
                cells.push(Self::runs(&outcomes));
                Row {
                    cells,
                    published: false,
                }
            });
        Table {
            title: "Fewer modalities".to_owned(),
            notes: vec![
                "Percent. T: words, V: faces, A: voice; each row is a model of its own, trained on these alone.".to_owned(),
            ],
            rows: rows.collect(),
            best: vec![None, None, Some(Best::Most), Some(Best::Most)],
            head,
        }
    }

    /// Figure 5, of the first seed's models.
    pub(super) fn top_p(&self) -> Sweep {
        let quality =
            |accuracy: f64, weighted: f64| 100.0 * if self.weighted { weighted } else { accuracy };
        let dense = self.of(PaperTable::TopP, System::Fe2e, "tva");
        let dense = dense.first().and_then(|(_, outcome)| {
            let mean = outcome.emotions.as_ref()?.mean;
            Some(DensePoint {
                quality: quality(mean.accuracy, mean.weighted_accuracy),
                cost: outcome.macs? / 1e9,
            })
        });
        let series = self
            .of(PaperTable::TopP, System::Mesm, "tva")
            .into_iter()
            .map(|(trial, outcome)| SweepSeries {
                name: format!("MESM, seed {}", trial.seed),
                points: outcome
                    .sweep
                    .iter()
                    .map(|point| SweepPoint {
                        top_p: point.top_p,
                        quality: quality(point.accuracy, point.weighted_accuracy),
                        interval: None,
                        cost: point.macs / 1e9,
                    })
                    .collect(),
            })
            .collect();
        Sweep {
            quality: format!("average {} (%)", self.accuracy_name()),
            cost: "10⁹ multiply-accumulates".to_owned(),
            series,
            dense,
        }
    }
}

/// The paper's figures of a model, in the order of our classes.
fn published_row(theirs: &ByClass, columns: &[usize]) -> Row {
    let one = |value: f64| Cell::Values(vec![value], 1);
    let giga = theirs
        .giga
        .map_or(Cell::Nothing, |giga| Cell::Values(vec![giga], 2));
    let mut cells = vec![Cell::Text("published".to_owned()), giga];
    for column in columns {
        let (accuracy, f1) = theirs.classes[*column];
        cells.extend([one(accuracy), one(f1)]);
    }
    cells.extend([one(theirs.mean.0), one(theirs.mean.1), Cell::Nothing]);
    Row {
        cells,
        published: true,
    }
}
