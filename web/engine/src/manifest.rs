//! `static/models/model.json`: which model the page runs, how it gets its weights, and what it must answer to the
//! self-test.

use mesm::ModelConfig;
use mesm_features::mel::MelConfig;
use serde::Deserialize;

use crate::error::EngineError;

/// Longest accepted description in bytes.
const MAX_BYTES: usize = 1 << 20;

/// A model's description.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name, for people.
    pub name: String,
    /// Where its weights come from.
    pub weights: WeightsOrigin,
    /// Its settings.
    pub config: ModelConfig,
    /// The spectrogram it knows.
    #[serde(default)]
    pub mel: MelConfig,
    /// What [`self_test`](crate::self_test) must give: the logits, then the box and the probability of a face.
    pub self_test: Vec<f32>,
}

/// Where weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WeightsOrigin {
    /// The closed formula with this seed: the model was never trained.
    Formula(String),
    /// A safetensors file beside the description.
    File(String),
}

impl Manifest {
    /// Reads a description.
    ///
    /// # Errors
    /// When it is too long or not one.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EngineError> {
        if bytes.len() > MAX_BYTES {
            return Err(EngineError::Manifest(format!(
                "at most {MAX_BYTES} bytes are read, found {}",
                bytes.len()
            )));
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|e| EngineError::Manifest(e.to_string()))?;
        if let WeightsOrigin::File(name) = &manifest.weights
            && (name.is_empty() || name.contains(['/', '\\', ':', '?', '#', '%']))
        {
            return Err(EngineError::Manifest(format!(
                "the weights must be a plain file name beside it, found {name:?}"
            )));
        }
        Ok(manifest)
    }

    /// False where the closed formula fills the model.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        matches!(self.weights, WeightsOrigin::File(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_lie_beside_the_description() {
        let json = |weights: &str| {
            format!(r#"{{"name":"x","weights":{weights},"config":{{}},"self_test":[]}}"#)
        };
        let formula = Manifest::from_json(json(r#"{"formula":"s"}"#).as_bytes()).unwrap();
        assert!(!formula.is_trained());
        let file = Manifest::from_json(json(r#"{"file":"x.safetensors"}"#).as_bytes()).unwrap();
        assert!(file.is_trained());
        for bad in [
            r#"{"file":"../x"}"#,
            r#"{"file":"http://x"}"#,
            r#"{"file":""}"#,
        ] {
            assert!(Manifest::from_json(json(bad).as_bytes()).is_err(), "{bad}");
        }
    }
}
