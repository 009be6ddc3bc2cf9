//! From outcomes to tables.

use std::collections::BTreeMap;

use super::layout::{Cell, Table};
use super::outcome::{MaskMeans, Outcome};
use super::trial::{PaperTable, System, Trial};
use crate::report::Sweep;

/// What is known when tables are laid out.
pub struct Pages<'a> {
    /// Names of the classes.
    pub classes: &'a [String],
    /// Seeds, in their order.
    pub seeds: &'a [u64],
    /// What the trainings gave.
    pub outcomes: &'a BTreeMap<Trial, Outcome>,
    /// Whether an utterance may have several classes, or none: accuracy is weighted then, as the paper's.
    pub weighted: bool,
}

/// A part of the report.
#[derive(Debug, Clone, PartialEq)]
pub enum Page {
    /// A table.
    Table(Table),
    /// Quality and cost over p.
    TopP(Sweep),
    /// Masks of one training, with their title.
    Masks(String, Vec<MaskMeans>),
}

/// The tables and figures, in the order asked for.
#[must_use]
pub fn pages(tables: &[PaperTable], known: &Pages<'_>) -> Vec<Page> {
    tables
        .iter()
        .filter_map(|table| match table {
            PaperTable::Systems => Some(Page::Table(known.systems())),
            PaperTable::Modalities => Some(Page::Table(known.modalities())),
            PaperTable::TopP => Some(Page::TopP(known.top_p())),
            PaperTable::Sentiment => Some(Page::Table(known.sentiment())),
            PaperTable::Feedback => Some(Page::Table(known.feedback())),
            PaperTable::Masks => known.masks(),
        })
        .collect()
}

impl Pages<'_> {
    /// The outcomes of a model, one a seed.
    pub(super) fn of(
        &self,
        table: PaperTable,
        system: System,
        reads: &str,
    ) -> Vec<(Trial, &Outcome)> {
        let trials = self
            .seeds
            .iter()
            .map(|seed| Trial::new(system, reads, table.asked(), *seed));
        trials
            .filter_map(|trial| Some((trial, self.outcomes.get(&trial)?)))
            .collect()
    }

    /// A cell that leads to the settings of each training.
    pub(super) fn runs(trials: &[(Trial, &Outcome)]) -> Cell {
        Cell::Links(
            trials
                .iter()
                .map(|(trial, _)| {
                    let place = format!("runs/{trial}/config.json");
                    (trial.seed.to_string(), place)
                })
                .collect(),
        )
    }

    pub(super) fn accuracy_name(&self) -> &'static str {
        if self.weighted { "WAcc" } else { "Acc" }
    }

    pub(super) fn accuracies(&self, outcomes: &[(Trial, &Outcome)]) -> [Cell; 2] {
        let percent = |of: fn(&Outcome, bool) -> Option<f64>| {
            Cell::Values(
                outcomes
                    .iter()
                    .filter_map(|(_, outcome)| Some(100.0 * of(outcome, self.weighted)?))
                    .collect(),
                1,
            )
        };
        [
            percent(|outcome, weighted| {
                let mean = outcome.emotions.as_ref()?.mean;
                Some(if weighted {
                    mean.weighted_accuracy
                } else {
                    mean.accuracy
                })
            }),
            percent(|outcome, _| Some(outcome.emotions.as_ref()?.mean.f1)),
        ]
    }
}
