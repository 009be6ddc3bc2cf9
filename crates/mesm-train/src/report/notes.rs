//! What must be known to read figures rightly.

use super::intervals::Intervals;
use crate::metrics::Confusion;

/// A class with fewer utterances than this gets a note.
const FEW_UTTERANCES: u64 = 30;
/// Fewer groups than this to draw from get a note.
const FEW_GROUPS: usize = 10;

/// The classes for which `wanted` holds, with how many utterances they have.
fn listed(classes: &[String], confusion: &Confusion, wanted: impl Fn(u64) -> bool) -> Vec<String> {
    let scores = confusion.per_class();
    let classes = classes.iter().zip(scores);
    classes
        .filter(|(_, class)| wanted(class.support))
        .map(|(name, class)| match class.support {
            0 => name.clone(),
            support => format!("{name} ({support})"),
        })
        .collect()
}

/// Classes that are not there, or hardly.
pub(super) fn note_classes(classes: &[String], confusion: &Confusion, notes: &mut Vec<String>) {
    if confusion.n() == 0 {
        notes.push("there is nothing to judge: all figures are set to 0".to_owned());
        return;
    }
    let absent = listed(classes, confusion, |support| support == 0);
    if !absent.is_empty() {
        notes.push(format!(
            "classes that do not occur, whose recall is set to 0 and left out of the UAR: {}",
            absent.join(", ")
        ));
    }
    let few = listed(classes, confusion, |support| {
        (1..FEW_UTTERANCES).contains(&support)
    });
    if !few.is_empty() {
        notes.push(format!(
            "classes with fewer than {FEW_UTTERANCES} utterances, whose figures are rough: {}",
            few.join(", ")
        ));
    }
}

/// Classes that a source does not have.
pub(super) fn note_source(
    source: &str,
    classes: &[String],
    confusion: &Confusion,
    notes: &mut Vec<String>,
) {
    let absent = listed(classes, confusion, |support| support == 0);
    if !absent.is_empty() && absent.len() < classes.len() {
        notes.push(format!(
            "{source} has no utterances of: {}",
            absent.join(", ")
        ));
    }
}

/// Intervals that say little.
pub(super) fn note_groups(n: u64, intervals: Option<&Intervals>, notes: &mut Vec<String>) {
    match intervals {
        Some(intervals) if intervals.groups < FEW_GROUPS => notes.push(format!(
            "the intervals were drawn from {} subjects or utterances only and are rough",
            intervals.groups
        )),
        None if n > 0 => notes.push("too little to draw intervals from".to_owned()),
        _ => {}
    }
}
