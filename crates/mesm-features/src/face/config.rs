//! Settings of the detector.

use serde::{Deserialize, Serialize};

use super::error::FaceError;

/// Settings of the detector. The defaults are the authors' (and facenet-pytorch's).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MtcnnConfig {
    /// Side of the smallest face that is looked for, pixels, at least 12. P-net's share of the
    /// time falls with its square.
    pub min_face_px: f64,
    /// Ratio of one pyramid level's size to the one before, 0.1 to 0.95.
    pub pyramid_factor: f64,
    /// Probabilities a candidate needs at P-net, R-net and O-net, 0 to 1.
    pub thresholds: [f32; 3],
}

impl Default for MtcnnConfig {
    fn default() -> Self {
        Self {
            min_face_px: 20.0,
            pyramid_factor: 0.709,
            thresholds: [0.6, 0.7, 0.7],
        }
    }
}

impl MtcnnConfig {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// The first setting that is not.
    pub fn validate(&self) -> Result<(), FaceError> {
        let check = |setting, found: f64, (low, high), expected| {
            if (low..=high).contains(&found) {
                Ok(())
            } else {
                Err(FaceError::Setting {
                    setting,
                    found,
                    expected,
                })
            }
        };
        check(
            "min_face_px",
            self.min_face_px,
            (12.0, 10_000.0),
            "12 to 10000 pixels",
        )?;
        check(
            "pyramid_factor",
            self.pyramid_factor,
            (0.1, 0.95),
            "0.1 to 0.95",
        )?;
        for threshold in self.thresholds {
            check("a threshold", f64::from(threshold), (0.0, 1.0), "0 to 1")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        assert!(MtcnnConfig::default().validate().is_ok());
        let with = |change: fn(&mut MtcnnConfig)| {
            let mut config = MtcnnConfig::default();
            change(&mut config);
            config.validate()
        };
        assert!(with(|c| c.min_face_px = 0.0).is_err());
        assert!(with(|c| c.min_face_px = f64::NAN).is_err());
        // A factor of 1 would never end the pyramid.
        assert!(with(|c| c.pyramid_factor = 1.0).is_err());
        assert!(with(|c| c.thresholds[2] = 1.5).is_err());
    }
}
