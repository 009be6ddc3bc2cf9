//! What the convolutions of a model cost, added up over what it is asked.

use std::collections::BTreeMap;

use mesm::{Cost, ForwardError, Modality};
use mesm_train::learner::Answer;

use crate::error::CliError;

/// Multiply-accumulates of each modality so far, pairs of active points counted.
#[derive(Default)]
pub(crate) struct Costs {
    macs: BTreeMap<Modality, u64>,
    failed: Option<ForwardError>,
}

impl Costs {
    /// Adds a batch. Two-phase models have nothing to add: what their features cost is not known.
    pub(crate) fn hear(&mut self, answer: &Answer) {
        let Answer::EndToEnd(output) = answer else {
            return;
        };
        match pollster::block_on(output.clone().into_host()) {
            Ok(prediction) => {
                for (modality, cost) in &prediction.cost {
                    *self.macs.entry(*modality).or_default() += Cost::cnn_macs_pairs(cost);
                }
            }
            Err(error) => self.failed = Some(error),
        }
    }

    /// Of one modality for each of so many utterances.
    ///
    /// # Errors
    /// When a batch could not be read from the device.
    pub(crate) fn of(self, modality: Modality, utterances: usize) -> Result<f64, CliError> {
        let macs = self.checked()?.get(&modality).copied().unwrap_or_default();
        Ok(macs as f64 / utterances.max(1) as f64)
    }

    /// Of all modalities for each of so many utterances; nothing where nothing was counted.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) fn of_all(self, utterances: usize) -> Result<Option<f64>, CliError> {
        let macs = self.checked()?;
        let sum: u64 = macs.values().sum();
        Ok((!macs.is_empty()).then(|| sum as f64 / utterances.max(1) as f64))
    }

    fn checked(self) -> Result<BTreeMap<Modality, u64>, CliError> {
        match self.failed {
            Some(error) => Err(error.into()),
            None => Ok(self.macs),
        }
    }
}
