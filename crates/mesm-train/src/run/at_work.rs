//! What a phase works with: made for its beginning, kept, and taken up again.

use crate::checkpoint::{Checkpoint, RunState};
use crate::learner::Learner;
use crate::optimizer::{PhaseOptimizer, with_identities};
use crate::weights;

use super::{Run, TrainError};

/// A learner and what goes with it in a phase.
pub(super) struct AtWork {
    pub(super) learner: Learner,
    pub(super) average: Option<Learner>,
    pub(super) optimizer: PhaseOptimizer,
    pub(super) state: RunState,
}

impl Run<'_> {
    /// Everything a phase begins with. After the last phase the learner only rests.
    pub(super) fn at_work(
        &self,
        learner: Learner,
        mut state: RunState,
        fresh: &dyn Fn() -> Result<Learner, TrainError>,
    ) -> Result<AtWork, TrainError> {
        let phase = self
            .config
            .phases
            .get(state.phase)
            .or(self.config.phases.last());
        let phase = phase.cloned().unwrap_or_default();
        let average = if phase.average > 0.0 {
            let twin = weights::restored(fresh()?, &weights::snapshot(&learner)?)?;
            Some(twin.judging())
        } else {
            None
        };
        let learner = learner.frozen(&phase.freeze, phase.text_learning())?;
        state.identities = learner
            .identities()
            .into_iter()
            .map(|(path, id)| (path, id.val()))
            .collect();
        Ok(AtWork {
            learner,
            average,
            optimizer: PhaseOptimizer::new(&phase),
            state,
        })
    }

    /// What a checkpoint holds, where it is one of this run.
    pub(super) fn taken_up(
        &self,
        checkpoint: Checkpoint,
        settings: &str,
        fresh: &dyn Fn() -> Result<Learner, TrainError>,
    ) -> Result<AtWork, TrainError> {
        if checkpoint.state.config != settings {
            return Err(TrainError::OtherRun {
                folder: self.folder.to_owned(),
            });
        }
        let learner = weights::restored(fresh()?, &checkpoint.learner)?;
        let identities = checkpoint.state.identities.clone();
        let mut at_work = self.at_work(learner, checkpoint.state, fresh)?;
        at_work.learner = with_identities(at_work.learner, &identities)?;
        at_work.state.identities = identities;
        if let Some(average) = &checkpoint.average {
            at_work.average = Some(weights::restored(fresh()?, average)?.judging());
        }
        if !checkpoint.optimizer.is_empty() {
            at_work.optimizer = at_work.optimizer.restored(checkpoint.optimizer)?;
        }
        Ok(at_work)
    }

    /// Writes a checkpoint.
    pub(super) fn keep(&self, at_work: &AtWork) -> Result<(), TrainError> {
        let average = at_work
            .average
            .as_ref()
            .map(weights::snapshot)
            .transpose()?;
        Ok(Checkpoint {
            state: at_work.state.clone(),
            learner: weights::snapshot(&at_work.learner)?,
            average,
            optimizer: at_work.optimizer.to_bytes()?,
        }
        .write(&self.checkpoint_path())?)
    }
}
