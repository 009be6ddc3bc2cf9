//! Utterances composed of rows with the same label.

use serde::{Deserialize, Serialize};

use super::deck::Deck;
use super::dropout::ModalityDropout;
use super::plan::Plan;
use super::quota::quotas;
use super::sample::{Modalities, Modality, Sample};
use super::single::class_word;
use super::{ComposeError, purpose};
use crate::seed::permutation;

/// Classes that a label can name.
const CLASSES: usize = 256;
/// The epoch of the fixed pairing; training never gets there.
const JUDGING: u64 = u64::MAX;

/// How utterances are composed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Composition {
    /// What utterances have. Default all.
    pub modalities: Modalities,
    /// Utterances of an epoch; 0, the default, for as many as use up the largest of the modalities once.
    pub utterances: usize,
    /// Frequency of the classes, `0..=1`: 0, the default, as they come, 1 all alike, in between by that power. What
    /// comes is the mean over the modalities of the class's share in each.
    pub balance: f64,
    /// Face rows of an utterance, `1..=64`. Default 6.
    pub faces_per_utterance: usize,
    /// What is dropped. Default nothing.
    pub dropout: ModalityDropout,
}

impl Default for Composition {
    fn default() -> Self {
        Self {
            modalities: Modalities::ALL,
            utterances: 0,
            balance: 0.0,
            faces_per_utterance: 6,
            dropout: ModalityDropout::default(),
        }
    }
}

impl Composition {
    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), ComposeError> {
        let wrong = |setting, expected, found: String| {
            Err(ComposeError {
                setting,
                expected,
                found,
            })
        };
        if self.modalities.is_empty() {
            return wrong("modalities", "at least one", "none".to_owned());
        }
        if self.utterances >= u32::MAX as usize {
            return wrong("utterances", "below 2^32 - 1", self.utterances.to_string());
        }
        if !(0.0..=1.0).contains(&self.balance) {
            return wrong("balance", "in 0 to 1", self.balance.to_string());
        }
        if !(1..=64).contains(&self.faces_per_utterance) {
            return wrong(
                "faces_per_utterance",
                "in 1 to 64",
                self.faces_per_utterance.to_string(),
            );
        }
        self.dropout.validate()
    }

    /// Utterances that use up `rows` rows of a modality once.
    fn utterances_of(&self, modality: Modality, rows: usize) -> usize {
        match modality {
            Modality::Faces => rows.div_ceil(self.faces_per_utterance.max(1)),
            Modality::Audio | Modality::Text => rows,
        }
    }
}

impl Plan {
    /// An epoch of composed utterances: each has a label, and for it face rows, a voice row and a row with words, as far
    /// as there are such rows and modality dropout leaves them.
    ///
    /// Rows of a class come all once before any comes again, in pairings that are new in every epoch. Samples without a
    /// label are not used.
    #[must_use]
    pub fn composed(samples: &[Sample], composition: &Composition, seed: u64, epoch: u64) -> Self {
        let pools = Pools::new(samples, composition.modalities);
        let total = match composition.utterances {
            0 => pools.largest(composition),
            utterances => utterances,
        };
        let quotas = quotas(&pools.frequencies(), composition.balance, total);
        pools.deal(&quotas, composition, seed, epoch)
    }

    /// The utterances on which composed models are judged: the same for the same seed, in natural frequency, without
    /// dropout. With 0 utterances asked for, every class has as many as use up its largest modality: every row is judged
    /// at least once.
    #[must_use]
    pub fn pairing(samples: &[Sample], composition: &Composition, seed: u64) -> Self {
        let composition = Composition {
            balance: 0.0,
            dropout: ModalityDropout::default(),
            ..*composition
        };
        let pools = Pools::new(samples, composition.modalities);
        let quotas = match composition.utterances {
            0 => pools.covering(&composition),
            utterances => quotas(&pools.frequencies(), 0.0, utterances),
        };
        pools.deal(&quotas, &composition, seed, JUDGING)
    }
}

/// Rows by modality and class.
struct Pools {
    rows: [Vec<Vec<u32>>; 3],
}

impl Pools {
    fn new(samples: &[Sample], used: Modalities) -> Self {
        let mut rows = [(); 3].map(|()| vec![Vec::new(); CLASSES]);
        for (row, sample) in samples.iter().enumerate() {
            let Some(label) = sample.label else { continue };
            for modality in Modality::ALL {
                if sample.modalities.and(used).has(modality) {
                    rows[modality as usize][usize::from(label)].push(row as u32);
                }
            }
        }
        Self { rows }
    }

    fn total(&self, modality: Modality) -> usize {
        self.rows[modality as usize].iter().map(Vec::len).sum()
    }

    fn largest(&self, composition: &Composition) -> usize {
        let sizes = Modality::ALL.map(|m| composition.utterances_of(m, self.total(m)));
        sizes.into_iter().max().unwrap_or(0)
    }

    /// For each class the sum over the modalities of its share.
    fn frequencies(&self) -> Vec<f64> {
        let mut frequencies = vec![0.0; CLASSES];
        for modality in Modality::ALL {
            let total = self.total(modality).max(1) as f64;
            for (frequency, rows) in frequencies.iter_mut().zip(&self.rows[modality as usize]) {
                *frequency += rows.len() as f64 / total;
            }
        }
        frequencies
    }

    /// For each class as many utterances as use up its rows.
    fn covering(&self, composition: &Composition) -> Vec<usize> {
        (0..CLASSES)
            .map(|class| {
                let rows = |m: Modality| self.rows[m as usize][class].len();
                let sizes = Modality::ALL.map(|m| composition.utterances_of(m, rows(m)));
                sizes.into_iter().max().unwrap_or(0)
            })
            .collect()
    }

    /// As many utterances of each class as its quota says, shuffled.
    fn deal(self, quotas: &[usize], composition: &Composition, seed: u64, epoch: u64) -> Plan {
        let labels: Vec<u8> = quotas
            .iter()
            .enumerate()
            .flat_map(|(class, quota)| std::iter::repeat_n(class as u8, *quota))
            .collect();
        let order = permutation(seed, &[purpose::ORDER, epoch], labels.len() as u32);

        let mut modality = 0;
        let mut decks = self.rows.map(|classes| {
            modality += 1;
            let decks = classes.into_iter().enumerate().map(|(class, rows)| {
                let class = class_word(Some(class as u8));
                Deck::new(rows, seed, [purpose::DECK, epoch, modality, class])
            });
            decks.collect::<Vec<_>>()
        });
        let mut plan = Plan::with_capacity(labels.len());
        let mut hands = [(); 3].map(|()| Vec::new());
        for (number, place) in order.into_iter().enumerate() {
            let label = labels[place as usize];
            for (modality, hand) in Modality::ALL.into_iter().zip(&mut hands) {
                let count = match modality {
                    Modality::Faces => composition.faces_per_utterance,
                    Modality::Audio | Modality::Text => 1,
                };
                hand.clear();
                decks[modality as usize][usize::from(label)].deal(count, hand);
            }
            let [faces, audio, text] = &hands;
            let present = Modalities {
                faces: !faces.is_empty(),
                audio: !audio.is_empty(),
                text: !text.is_empty(),
            };
            let dropped = composition
                .dropout
                .drop(present, seed, epoch, number as u64);
            let (audio, text) = (audio.first().copied(), text.first().copied());
            plan.push(Some(label), faces, audio, text, dropped);
        }
        plan
    }
}

#[cfg(test)]
mod tests;
