//! Learning from a model that has learnt.

use burn::tensor::Device;
use burn::tensor::activation::{sigmoid, softmax};

use super::error::TrainError;
use super::score::compared_logits;
use crate::config::PhaseConfig;
use crate::learner::Learner;
use crate::loss::LossKind;
use crate::utterances::Utterances;

/// A model whose answers are targets beside the labels (Hinton, Vinyals and Dean, 2015): it says how alike the classes are
/// in each utterance, augmented as it is, which a label does not.
#[derive(Debug)]
pub struct Teacher(Learner);

impl Teacher {
    /// A teacher of this learner, which lies on a device without automatic differentiation and reads the same inputs as the
    /// one that is taught.
    #[must_use]
    pub fn new(learner: Learner) -> Self {
        Self(learner)
    }

    /// Replaces the phase's `teacher_share` of the targets by what the teacher says: by its probabilities, or by its number
    /// where the loss is that of a number. `device` is the teacher's.
    ///
    /// # Errors
    /// When the teacher cannot read the utterances, or the device fails.
    pub fn teach(
        &self,
        phase: &PhaseConfig,
        utterances: &mut Utterances,
        device: &Device,
    ) -> Result<(), TrainError> {
        if !phase.is_taught() {
            return Ok(());
        }
        let answer = self.0.forward(utterances, device)?;
        let logits = compared_logits(phase, &answer);
        let said = match phase.loss {
            LossKind::Ce => softmax(logits, 1),
            LossKind::Bce => sigmoid(logits),
            LossKind::Mae => logits,
        };
        let said = said
            .try_into_data()
            .map_err(|e| TrainError::Device(format!("{e:?}")))?
            .try_into_vec::<f32>()
            .map_err(|e| TrainError::Device(format!("{e:?}")))?;
        for (target, said) in utterances.targets.iter_mut().zip(said) {
            *target += phase.teacher_share * (said - *target);
        }
        Ok(())
    }
}
