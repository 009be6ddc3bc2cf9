//! What can go wrong with face detection.

use mesm::weights::WeightsError;
use thiserror::Error;

/// Why no detection was made.
#[derive(Debug, Error)]
pub enum FaceError {
    /// The detector's weights are not usable.
    #[error("the weights of the face detector: {0}")]
    Weights(#[from] WeightsError),
    /// A setting is out of range.
    #[error("face detector: {setting} is {found}; {expected} is expected")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// Its value.
        found: f64,
        /// The accepted range in words.
        expected: &'static str,
    },
    /// The device could not compute or hand back a network's outputs.
    #[error("{net} could not be read from its device: {reason}")]
    Device {
        /// `P-net`, `R-net` or `O-net`.
        net: &'static str,
        /// The backend's own words.
        reason: String,
    },
}
