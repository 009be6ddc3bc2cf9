//! The data's own utterances: rows that hold several modalities at once.

use super::composed::Composition;
use super::plan::Plan;
use super::sample::{Modalities, Sample};
use super::single::balanced;

impl Plan {
    /// An epoch of the rows that hold any of the composition's modalities, each an utterance of its own, as many as there
    /// are, balanced as in [`Plan::one_modality`] and with modality dropout. How many faces of a row are taken, and the
    /// number of utterances, are not this plan's business.
    #[must_use]
    pub fn aligned(samples: &[Sample], composition: &Composition, seed: u64, epoch: u64) -> Self {
        let used = composition.modalities;
        let wanted = |m: Modalities| !m.and(used).is_empty();
        let rows = balanced(samples, wanted, composition.balance, seed, epoch);
        let mut plan = Self::with_capacity(rows.len());
        for (number, row) in rows.into_iter().enumerate() {
            let present = samples[row as usize].modalities.and(used);
            let dropped = composition
                .dropout
                .drop(present, seed, epoch, number as u64);
            push(&mut plan, samples, row, present, dropped);
        }
        plan
    }

    /// Every row that holds any of `modalities` once, in order.
    #[must_use]
    pub fn every_aligned(samples: &[Sample], modalities: Modalities) -> Self {
        let mut plan = Self::with_capacity(samples.len());
        for (row, sample) in samples.iter().enumerate() {
            let present = sample.modalities.and(modalities);
            if !present.is_empty() {
                push(&mut plan, samples, row as u32, present, Modalities::NONE);
            }
        }
        plan
    }
}

fn push(plan: &mut Plan, samples: &[Sample], row: u32, present: Modalities, dropped: Modalities) {
    let own = |there: bool| there.then_some(row);
    plan.push(
        samples[row as usize].label,
        own(present.faces).as_slice(),
        own(present.audio),
        own(present.text),
        dropped,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::ModalityDropout;

    fn data() -> Vec<Sample> {
        (0..300)
            .map(|i| Sample {
                label: (i % 10 != 9).then_some((i % 3) as u8),
                modalities: Modalities {
                    faces: i % 2 == 0,
                    audio: i % 5 != 0,
                    text: i % 7 == 0,
                },
            })
            .collect()
    }

    #[test]
    fn every_utterance_once_with_what_it_holds() {
        let used = Modalities {
            text: false,
            ..Modalities::ALL
        };
        let composition = Composition {
            modalities: used,
            ..Composition::default()
        };
        let holds = |i: &usize| i.is_multiple_of(2) || !i.is_multiple_of(5);
        let mut rows = Vec::new();
        for item in Plan::aligned(&data(), &composition, 1, 0).items() {
            let row = item.audio.or(item.faces.first().copied()).unwrap();
            assert_eq!(item.faces.is_empty(), row % 2 == 1);
            assert_eq!(item.audio.is_none(), row % 5 == 0);
            assert_eq!((item.text, item.label), (None, data()[row].label));
            rows.push(row);
        }
        assert!(!rows.is_sorted());
        rows.sort_unstable();
        assert!(rows.into_iter().eq((0..300).filter(holds)));
        let every = Plan::every_aligned(&data(), used);
        let rows = every
            .items()
            .map(|i| i.audio.or(i.faces.first().copied()).unwrap());
        assert!(rows.eq((0..300).filter(holds)));
    }

    #[test]
    fn dropout_leaves_something_and_never_for_judging() {
        let composition = Composition {
            dropout: ModalityDropout::all(0.5),
            ..Composition::default()
        };
        let plan = Plan::aligned(&data(), &composition, 1, 0);
        assert!(plan.items().any(|item| !item.dropped.is_empty()));
        assert!(
            plan.items()
                .all(|item| !item.faces.is_empty() || item.audio.is_some() || item.text.is_some())
        );
        let every = Plan::every_aligned(&data(), Modalities::ALL);
        assert!(every.items().all(|item| item.dropped.is_empty()));
    }
}
