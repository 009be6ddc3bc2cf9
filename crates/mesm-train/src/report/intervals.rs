//! How far figures may be off, by drawing again from what was judged.

use serde::{Deserialize, Serialize};

use crate::metrics::{Bootstrap, Confusion, Interval};

/// How far the figures may be off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    /// Share of samples within, in 0..1.
    pub level: f64,
    /// Samples drawn.
    pub resamples: usize,
    /// What they were drawn from: subjects where they are known, utterances otherwise.
    pub groups: usize,
    /// Of the accuracy.
    pub accuracy: Interval,
    /// Of the UAR, in each sample over the classes that occur in it.
    pub uar: Interval,
    /// Of the macro-F1.
    pub macro_f1: Interval,
}

/// Accuracy, UAR and macro-F1 drawn again and again.
pub(super) fn drawn(
    classes: usize,
    pairs: &[(usize, usize)],
    groups: &[usize],
    bootstrap: &Bootstrap,
) -> Option<Intervals> {
    let [accuracy, uar, macro_f1] = bootstrap.intervals(groups, |sample| {
        let pairs = sample.iter().map(|place| pairs[*place]);
        let confusion = Confusion::from_pairs(classes, pairs);
        [confusion.accuracy(), confusion.uar(), confusion.macro_f1()]
    })?;
    let mut distinct = groups.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    Some(Intervals {
        level: bootstrap.level,
        resamples: bootstrap.resamples,
        groups: distinct.len(),
        accuracy,
        uar,
        macro_f1,
    })
}
