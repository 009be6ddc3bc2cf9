//! What is told about a learner: an [`Evaluation`] as JSON or Markdown, the [`Sweep`] over the paper's p, and the epochs
//! of a run as its log tells them.

mod epochs;
mod evaluation;
mod intervals;
mod markdown;
mod modality;
mod notes;
mod sweep;

pub use epochs::{EpochScores, LogError, epochs, phases};
pub use evaluation::{Evaluation, SentimentReport};
pub use intervals::Intervals;
pub(crate) use markdown::text as one_cell;
pub use modality::{Answered, Confidence, ModalityReport, Reporting, SourceScores};
pub use sweep::{DensePoint, Sweep, SweepError, SweepPoint, SweepSeries};
