//! What MESM and FE2E cost in time, measured the same way natively and in a browser.
//!
//! Whatever is compared runs in turns, one call of each after the other: a machine that slows down slows all of them, and
//! the ratios of their medians stay. This crate has no clock of its own; whoever calls it brings one.

#![forbid(unsafe_code)]

mod agreement;
mod case;
mod compare;
mod roofline;
mod stages;
#[cfg(feature = "training")]
mod training;
mod work;

pub use agreement::{Agreement, agreement};
pub use case::case;
pub use compare::{Measurement, Spread, compare};
pub use roofline::{Roofline, roofline};
pub use stages::{StageTime, stages};
#[cfg(feature = "training")]
pub use training::training;
pub use work::{Size, Work, model};

use mesm::weights::WeightsError;
use mesm::{ConfigError, ForwardError};

/// Reads seconds since some moment.
pub type Clock = fn() -> f64;

/// Why a measurement could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights by formula.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A call of a model.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The device.
    #[error("the device failed: {0}")]
    Device(String),
}
