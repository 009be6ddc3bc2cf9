//! Modality dropout: utterances in which nobody speaks, shows a face or says a word.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::sample::{Modalities, Modality};
use super::{ComposeError, purpose};
use crate::seed::rng;

/// Chance that each modality is dropped from an utterance, `0..=1`; 0 by default. One that is there always stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModalityDropout {
    /// Of the faces.
    pub faces: f64,
    /// Of the voice.
    pub audio: f64,
    /// Of the words.
    pub text: f64,
}

impl ModalityDropout {
    /// The same chance for each.
    #[must_use]
    pub const fn all(chance: f64) -> Self {
        Self {
            faces: chance,
            audio: chance,
            text: chance,
        }
    }

    pub(super) fn validate(&self) -> Result<(), ComposeError> {
        for modality in Modality::ALL {
            let chance = self.chance(modality);
            if !(0.0..=1.0).contains(&chance) {
                return Err(ComposeError {
                    setting: "dropout",
                    expected: "in 0 to 1",
                    found: chance.to_string(),
                });
            }
        }
        Ok(())
    }

    fn chance(&self, modality: Modality) -> f64 {
        match modality {
            Modality::Faces => self.faces,
            Modality::Audio => self.audio,
            Modality::Text => self.text,
        }
    }

    /// What is dropped of `present` in an utterance, never all of it: where chance would drop all, one of them, each as
    /// likely, stays.
    pub(super) fn drop(
        &self,
        present: Modalities,
        seed: u64,
        epoch: u64,
        number: u64,
    ) -> Modalities {
        if *self == Self::default() || present.is_empty() {
            return Modalities::NONE;
        }
        let mut rng = rng(seed, &[purpose::DROPOUT, epoch, number]);
        // Every number is drawn, so that one modality's fate does not hang on another's presence.
        let fates = Modality::ALL.map(|modality| rng.random::<f64>() < self.chance(modality));
        let dropped = present.filter(|modality| fates[modality as usize]);
        if dropped != present {
            return dropped;
        }
        let there: Vec<Modality> = Modality::ALL
            .into_iter()
            .filter(|m| present.has(*m))
            .collect();
        let kept = there[rng.random_range(0..there.len())];
        present.filter(|modality| modality != kept)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "no share at all is exactly 0")]
mod tests {
    use super::*;

    fn shares(dropout: &ModalityDropout, present: Modalities) -> [f64; 3] {
        let mut counts = [0u32; 3];
        for number in 0..4000 {
            let dropped = dropout.drop(present, 1, 2, number);
            assert_ne!(dropped, present, "all dropped");
            assert_eq!(dropped.and(present), dropped);
            for modality in Modality::ALL {
                counts[modality as usize] += u32::from(dropped.has(modality));
            }
        }
        counts.map(|count| f64::from(count) / 4000.0)
    }

    #[test]
    fn each_is_dropped_as_often_as_asked() {
        // The chance of dropping all three, 0.006, is shared out again.
        let dropout = ModalityDropout {
            faces: 0.1,
            audio: 0.2,
            text: 0.3,
        };
        for (share, chance) in shares(&dropout, Modalities::ALL)
            .into_iter()
            .zip([0.1, 0.2, 0.3])
        {
            assert!((share - chance).abs() < 0.025, "{share} {chance}");
        }
        assert_eq!(
            shares(&ModalityDropout::default(), Modalities::ALL),
            [0.0; 3]
        );
    }

    #[test]
    fn one_always_stays() {
        let shares_of_all = shares(&ModalityDropout::all(1.0), Modalities::ALL);
        assert!(
            shares_of_all.iter().all(|s| (s - 2.0 / 3.0).abs() < 0.03),
            "{shares_of_all:?}"
        );
        let only = Modalities {
            text: true,
            ..Modalities::NONE
        };
        assert_eq!(shares(&ModalityDropout::all(1.0), only), [0.0; 3]);
        assert!(
            ModalityDropout::all(1.0)
                .drop(Modalities::NONE, 1, 1, 1)
                .is_empty()
        );
    }

    #[test]
    fn chances_are_checked() {
        assert!(ModalityDropout::all(1.0).validate().is_ok());
        assert!(
            ModalityDropout {
                text: 1.1,
                ..ModalityDropout::default()
            }
            .validate()
            .is_err()
        );
        assert!(ModalityDropout::all(f64::NAN).validate().is_err());
    }
}
