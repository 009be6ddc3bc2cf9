//! Why a run ends early.

use std::path::PathBuf;

use mesm::weights::WeightsError;
use thiserror::Error;

use crate::checkpoint::CheckpointError;
use crate::config::TrainConfigError;
use crate::judge::JudgeError;
use crate::learner::LearnerError;
use crate::lessons::LessonError;
use crate::optimizer::OptimizerError;

/// Why a run ended early.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] TrainConfigError),
    /// The run's folder belongs to a run with other settings.
    #[error(
        "{}: this run was begun with other settings. Go on with those (its config.json), or choose another folder",
        folder.display()
    )]
    OtherRun {
        /// The run's folder.
        folder: PathBuf,
    },
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An item of the data.
    #[error(transparent)]
    Lesson(#[from] LessonError),
    /// A forward pass.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// Validation.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A step.
    #[error(transparent)]
    Optimizer(#[from] OptimizerError),
    /// Weights that could not be kept or taken up.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A file of the run.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The device failed.
    #[error("the device failed: {0}")]
    Device(String),
    /// The loss is no number any more.
    #[error(
        "phase `{phase}`, epoch {epoch}, step {step}: the loss is {loss} (norm of the gradients {norm}). The batch: {ids}. \
         The last good state is {}: lower the learning rate or the clipping norm in a new run",
        checkpoint.display()
    )]
    NotFinite {
        /// The phase.
        phase: String,
        /// The epoch, from 0.
        epoch: usize,
        /// The step, from 0.
        step: usize,
        /// The loss.
        loss: f64,
        /// The norm of the gradients.
        norm: f64,
        /// The utterances.
        ids: String,
        /// The last checkpoint.
        checkpoint: PathBuf,
    },
    /// Whoever watches asked for it.
    #[error("stopped; the same command goes on from the last checkpoint")]
    Stopped,
}

impl TrainError {
    /// Whether settings or data are at fault; otherwise the machine or the training.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        matches!(
            self,
            Self::Config(_) | Self::OtherRun { .. } | Self::Lesson(_) | Self::Weights(_)
        )
    }
}
