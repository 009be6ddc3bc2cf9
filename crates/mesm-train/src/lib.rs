//! Training and judging: losses, metrics, the training loop, checkpoints, figures and reports.
//!
//! [`config`] says what is done; [`run`] does it, on [`lessons`] that give a batch by its place alone; [`examples`] makes
//! them from a store. [`judge`] asks a learner about utterances whose answer is known, [`calibrate`] makes one serve every share
//! of the attention mass.
#![forbid(unsafe_code)]

mod average;
pub mod calibrate;
mod checkpoint;
pub mod config;
pub mod examples;
pub mod features;
pub mod figures;
pub mod judge;
pub mod learner;
pub mod lessons;
pub mod loss;
pub mod metrics;
mod mix;
mod optimizer;
pub mod reading;
pub mod report;
pub mod run;
pub mod system;
pub mod tables;
mod utterances;
pub mod weights;

pub use utterances::Utterances;
