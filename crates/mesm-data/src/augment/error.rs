//! Settings that cannot be used.

use thiserror::Error;

/// A setting of an augmentation is out of its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("`{setting}` must be in {low} to {high}, found {found}")]
pub struct AugmentError {
    /// Its name, as in a configuration file.
    pub setting: &'static str,
    /// Least value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
    /// The value given.
    pub found: f32,
}

/// A setting with its name, its value and the least and largest that are accepted.
pub(super) type Setting = (&'static str, f32, f32, f32);

/// Checks settings one after the other; what is no number is in no range.
pub(super) fn check(settings: &[Setting]) -> Result<(), AugmentError> {
    for &(setting, found, low, high) in settings {
        if !(low..=high).contains(&found) {
            return Err(AugmentError {
                setting,
                low,
                high,
                found,
            });
        }
    }
    Ok(())
}
