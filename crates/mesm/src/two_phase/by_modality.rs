//! One module a modality.

use burn::module::Module;

use crate::config::{Modalities, Modality};

/// A module for each modality that the model has weights for.
#[derive(Module, Debug)]
pub(super) struct ByModality<M: Module> {
    text: Option<M>,
    visual: Option<M>,
    acoustic: Option<M>,
}

impl<M: Module> ByModality<M> {
    /// What `make` gives for the members of `modalities`.
    pub(super) fn new(modalities: Modalities, make: impl Fn(Modality) -> M) -> Self {
        let one = |modality| modalities.contains(modality).then(|| make(modality));
        Self {
            text: one(Modality::Text),
            visual: one(Modality::Visual),
            acoustic: one(Modality::Acoustic),
        }
    }

    /// None of them.
    pub(super) fn none() -> Self {
        Self {
            text: None,
            visual: None,
            acoustic: None,
        }
    }

    /// The module of `modality`.
    pub(super) fn get(&self, modality: Modality) -> Option<&M> {
        match modality {
            Modality::Text => self.text.as_ref(),
            Modality::Visual => self.visual.as_ref(),
            Modality::Acoustic => self.acoustic.as_ref(),
        }
    }
}

/// The order in which the authors of all these models list modalities: logits for fusion, vectors side by side. The
/// end-to-end models have another, [`Modality::FUSION_ORDER`].
pub(super) const LISTED: [Modality; 3] = [Modality::Text, Modality::Acoustic, Modality::Visual];
