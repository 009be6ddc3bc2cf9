//! Rows of one modality, each on its own.

use std::collections::BTreeMap;

use super::deck::Deck;
use super::plan::Plan;
use super::purpose;
use super::quota::quotas;
use super::sample::{Modalities, Modality, Sample};
use crate::seed::permutation;

impl Plan {
    /// An epoch of the rows with `modality`, as many items as there are rows, shuffled.
    ///
    /// `balance` in `0..=1`: with 0 every row comes once; with 1 every class as often as any other, the rows of small
    /// ones several times, of large ones a part that changes from epoch to epoch; in between classes come by the power
    /// `1 - balance` of their frequency. Rows of no single class count as one more class.
    #[must_use]
    pub fn one_modality(
        samples: &[Sample],
        modality: Modality,
        balance: f64,
        seed: u64,
        epoch: u64,
    ) -> Self {
        let rows = balanced(samples, |m| m.has(modality), balance, seed, epoch);
        of_rows(samples, modality, rows.into_iter())
    }

    /// Every row with `modality` once, in order.
    #[must_use]
    pub fn every(samples: &[Sample], modality: Modality) -> Self {
        let rows = (0..samples.len()).filter(|row| samples[*row].modalities.has(modality));
        of_rows(samples, modality, rows.map(|row| row as u32))
    }
}

fn of_rows(samples: &[Sample], modality: Modality, rows: impl Iterator<Item = u32>) -> Plan {
    let mut plan = Plan::with_capacity(rows.size_hint().0);
    for row in rows {
        let label = samples[row as usize].label;
        let own = |m: Modality| (m == modality).then_some(row);
        let faces = own(Modality::Faces);
        plan.push(
            label,
            faces.as_slice(),
            own(Modality::Audio),
            own(Modality::Text),
            Modalities::NONE,
        );
    }
    plan
}

/// The rows for whose modalities `wanted` holds, as many as there are, with classes balanced, shuffled.
pub(super) fn balanced(
    samples: &[Sample],
    wanted: impl Fn(Modalities) -> bool,
    balance: f64,
    seed: u64,
    epoch: u64,
) -> Vec<u32> {
    let mut classes: BTreeMap<Option<u8>, Vec<u32>> = BTreeMap::new();
    for (row, sample) in samples.iter().enumerate() {
        if wanted(sample.modalities) {
            classes.entry(sample.label).or_default().push(row as u32);
        }
    }
    let frequencies: Vec<f64> = classes.values().map(|rows| rows.len() as f64).collect();
    let total: usize = classes.values().map(Vec::len).sum();
    let mut chosen = Vec::with_capacity(total);
    for ((label, rows), quota) in classes
        .into_iter()
        .zip(quotas(&frequencies, balance, total))
    {
        let key = [purpose::DECK, epoch, 0, class_word(label)];
        let mut deck = Deck::new(rows, seed, key);
        for _ in 0..quota {
            deck.deal(1, &mut chosen);
        }
    }
    let order = permutation(seed, &[purpose::ORDER, epoch], chosen.len() as u32);
    order
        .into_iter()
        .map(|place| chosen[place as usize])
        .collect()
}

/// A class as a word of a key.
pub(super) fn class_word(label: Option<u8>) -> u64 {
    label.map_or(256, u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Faces and texts in turn; class 0 is ten times as frequent as class 1, a few rows have none.
    fn data() -> Vec<Sample> {
        (0..2200)
            .map(|i| Sample {
                label: match i / 2 {
                    0..900 => Some(0),
                    900..990 => Some(1),
                    990..1000 => Some(4),
                    _ => None,
                },
                modalities: Modalities {
                    faces: i % 2 == 0,
                    audio: false,
                    text: i % 2 == 1,
                },
            })
            .collect()
    }

    fn faces(plan: &Plan) -> Vec<usize> {
        plan.items()
            .map(|item| {
                assert!(item.audio.is_none() && item.text.is_none());
                assert_eq!(item.label, data()[item.faces[0]].label);
                let [row] = item.faces[..] else {
                    panic!("one face each")
                };
                row
            })
            .collect()
    }

    fn counts(plan: &Plan) -> BTreeMap<Option<u8>, usize> {
        let mut counts = BTreeMap::new();
        for item in plan.items() {
            *counts.entry(item.label).or_default() += 1;
        }
        counts
    }

    #[test]
    fn natural_is_every_row_once_in_another_order() {
        let plan = Plan::one_modality(&data(), Modality::Faces, 0.0, 1, 0);
        let rows = faces(&plan);
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq((0..2200).step_by(2)));
        assert_ne!(rows, sorted);
        // No class is left together: its share of the first half is its share of all.
        let early = plan
            .items()
            .take(550)
            .filter(|item| item.label == Some(0))
            .count();
        assert!(early.abs_diff(450) < 50, "{early}");
    }

    #[test]
    fn balanced_is_every_class_alike_and_every_row_about_as_often() {
        let plan = Plan::one_modality(&data(), Modality::Faces, 1.0, 1, 0);
        assert_eq!(plan.len(), 1100);
        assert!(
            counts(&plan).values().all(|count| *count == 275),
            "{:?}",
            counts(&plan)
        );
        let mut times = vec![0; 2200];
        for row in faces(&plan) {
            times[row] += 1;
        }
        // 90 rows of class 1 for 275 places: three or four times each.
        assert!((900..990).all(|i| [3, 4].contains(&times[2 * i])));
        assert!((990..1000).all(|i| [27, 28].contains(&times[2 * i])));
        assert!((0..900).all(|i| times[2 * i] <= 1));
        let root = counts(&Plan::one_modality(&data(), Modality::Faces, 0.5, 1, 0));
        let ratio = root[&Some(0)] as f64 / root[&Some(1)] as f64;
        assert!((ratio - 10f64.sqrt()).abs() < 0.05, "{ratio}");
    }

    #[test]
    fn a_plan_follows_from_seed_and_epoch() {
        let plan = |seed, epoch| Plan::one_modality(&data(), Modality::Text, 0.5, seed, epoch);
        assert_eq!(plan(1, 0), plan(1, 0));
        assert_ne!(plan(1, 0), plan(1, 1));
        assert_ne!(plan(1, 0), plan(2, 0));
        assert!(
            plan(1, 0)
                .items()
                .all(|item| item.text.is_some() && item.faces.is_empty())
        );
    }

    #[test]
    fn evaluation_is_every_row_in_order() {
        let plan = Plan::every(&data(), Modality::Text);
        let rows: Vec<usize> = plan.items().filter_map(|item| item.text).collect();
        assert!(rows.into_iter().eq((1..2200).step_by(2)));
        assert!(Plan::every(&data(), Modality::Audio).is_empty());
        assert!(Plan::one_modality(&data(), Modality::Audio, 1.0, 1, 1).is_empty());
    }
}
