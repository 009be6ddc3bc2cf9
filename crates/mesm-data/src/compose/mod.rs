//! Which rows an epoch is made of, and in what order.
//!
//! A [`Plan`] is made from a split's [`Sample`]s alone: a few bytes a row, no media. There are plans for training and for
//! judging, of three kinds:
//!
//! | kind | for training | for judging |
//! | --- | --- | --- |
//! | rows of one modality | [`Plan::one_modality`] | [`Plan::every`] |
//! | utterances composed of rows with the same label | [`Plan::composed`] | [`Plan::pairing`] |
//! | the data's own utterances | [`Plan::aligned`] | [`Plan::every_aligned`] |
//!
//! A plan follows from its settings, a seed and an epoch. A run that goes on in the middle of an epoch makes the plan
//! again and asks for the batch of its next step.
//!
//! Composed utterances take a face, a voice and a sentence from different people. Given the label the three know nothing
//! of each other, which real ones do: scores on them are too good and must be reported as composed.

mod aligned;
mod composed;
mod deck;
mod dropout;
mod plan;
mod quota;
mod sample;
mod single;

pub use composed::Composition;
pub use dropout::ModalityDropout;
pub use plan::{Plan, PlanItem};
pub use sample::{Modalities, Modality, Sample, aligned, samples};

/// First words of the keys of random numbers, so that no two purposes share numbers and none meets those that other
/// code numbers from 0.
mod purpose {
    const fn named(name: [u8; 8]) -> u64 {
        u64::from_le_bytes(name)
    }

    pub(super) const ORDER: u64 = named(*b"c.order.");
    pub(super) const DECK: u64 = named(*b"c.deck..");
    pub(super) const DROPOUT: u64 = named(*b"c.drop..");
}

/// What is wrong with the settings of a composition.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{setting}` must be {expected}, found {found}")]
pub struct ComposeError {
    /// Its name, as in a configuration file.
    pub setting: &'static str,
    /// What is accepted.
    pub expected: &'static str,
    /// What was given.
    pub found: String,
}
