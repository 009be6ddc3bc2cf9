//! `static/weights/model.json`: which model the page runs, and what it must answer to the self-test.

use mesm::ModelConfig;
use mesm::weights::{CONFIG, MEL, SafetensorsSource};
use mesm_features::mel::MelConfig;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::EngineError;

/// Longest accepted description in bytes.
const MAX_BYTES: usize = 1 << 20;

/// What a device says to the fixed window of the [`self_test`](crate::self_test).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The logits with every point kept, then the face's box in sides of the picture and its probability.
    pub everything: Vec<f32>,
    /// The logits with the points that the model's own share keeps.
    pub selected: Vec<f32>,
}

/// A model's description.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its name, for people.
    pub name: String,
    /// The safetensors file beside the description, with the model's settings in its header.
    pub weights: String,
    /// The folder beside the description with the text encoder's `config.json`, `model.safetensors` and
    /// `tokenizer.json`.
    pub text_encoder: String,
    /// What the self-test must give.
    pub self_test: Answer,
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
        for name in [&manifest.weights, &manifest.text_encoder] {
            if name.chars().all(|c| c == '.') || name.contains(['/', '\\', ':', '?', '#', '%']) {
                return Err(EngineError::Manifest(format!(
                    "weights and text encoder must be plain names beside it, found {name:?}"
                )));
            }
        }
        Ok(manifest)
    }
}

/// Settings in the header of the weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub config: ModelConfig,
    /// The spectrogram the model knows.
    pub mel: MelConfig,
}

impl Settings {
    pub(crate) fn of(weights: &SafetensorsSource<'_>) -> Result<Self, EngineError> {
        Ok(Self {
            config: entry(weights, CONFIG)?.ok_or_else(|| {
                EngineError::Manifest(format!("the header of the weights has no `{CONFIG}`"))
            })?,
            mel: entry(weights, MEL)?.unwrap_or_default(),
        })
    }
}

fn entry<T: DeserializeOwned>(
    weights: &SafetensorsSource<'_>,
    name: &str,
) -> Result<Option<T>, EngineError> {
    weights
        .entry(name)
        .map_err(|e| EngineError::Manifest(format!("`{name}` in the header of the weights: {e}")))
}

#[cfg(test)]
mod tests {
    use mesm::weights::Limits;

    use super::*;

    #[test]
    fn files_lie_beside_the_description() {
        let read = |weights: &str, text: &str| {
            let json = format!(
                r#"{{"name":"x","weights":"{weights}","text_encoder":"{text}","self_test":{{"everything":[],"selected":[]}}}}"#
            );
            Manifest::from_json(json.as_bytes())
        };
        assert_eq!(read("x.safetensors", "text").unwrap().text_encoder, "text");
        for bad in ["../x", "http://x", "", "..", ".", "a/b"] {
            assert!(read(bad, "text").is_err(), "{bad}");
            assert!(read("x", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn weights_without_settings_are_refused() {
        let of = |header: &[u8]| {
            let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
            bytes.extend(header);
            let source = SafetensorsSource::new(&bytes, Limits::default()).unwrap();
            Settings::of(&source).unwrap_err().to_string()
        };
        let nothing = SafetensorsSource::new(&[], Limits::default());
        assert!(!nothing.unwrap_err().to_string().is_empty());
        let error = of(b"{}");
        assert!(error.contains("config"), "{error}");
        let error = of(br#"{"__metadata__":{"config":"{\"kind\":\"dense\"}"}}"#);
        assert!(error.contains("config"), "{error}");
    }
}
