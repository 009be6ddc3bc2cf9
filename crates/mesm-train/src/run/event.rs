//! What happens in a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Metric;

/// What happens, for whoever shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// A phase begins or goes on.
    Phase {
        /// Its name.
        phase: String,
        /// Epochs it may have.
        epochs: usize,
        /// Epoch it is at, from 0.
        epoch: usize,
        /// Steps of an epoch.
        steps: usize,
        /// Step it is at.
        step: usize,
        /// Batches of the validation split.
        valid_steps: usize,
    },
    /// A step is done.
    Step {
        /// The phase.
        phase: String,
        /// The epoch, from 0.
        epoch: usize,
        /// The step, from 0.
        step: usize,
        /// Its loss.
        loss: f64,
        /// Norm of all gradients before clipping.
        norm: f64,
        /// Learning rate.
        rate: f64,
        /// Utterances a second since the last such line of the log.
        utterances_per_s: f64,
    },
    /// A batch of the validation split is judged.
    Valid {
        /// Batches done.
        done: usize,
        /// Batches there are.
        of: usize,
    },
    /// An epoch is done and judged.
    Epoch {
        /// The phase.
        phase: String,
        /// The epoch, from 0.
        epoch: usize,
        /// Mean loss of its steps.
        train_loss: f64,
        /// Mean loss on the validation split.
        valid_loss: f64,
        /// The score that chooses the epoch.
        score: f64,
        /// The figures of each modality and of all together on the validation split.
        scores: BTreeMap<String, BTreeMap<Metric, f64>>,
        /// Whether its weights are the best so far and were kept; those of an epoch with a wider nucleus than the model's
        /// give way to any that come after.
        best: bool,
        /// Seconds it took, judging included, since the run was last taken up.
        seconds: f64,
    },
    /// The phase has ended.
    Ended {
        /// The phase.
        phase: String,
        /// The epoch whose weights were kept, from 0.
        epoch: usize,
        /// Their score.
        score: f64,
        /// The file they are in.
        weights: String,
    },
}
