//! Any model of the papers by one configuration: an end-to-end one, or one of the two-phase baselines.

use mesm::two_phase::TwoPhaseConfig;
use mesm::{ConfigError, ModelConfig};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The settings of a model, told apart by their `kind`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum SystemConfig {
    /// MESM or FE2E: from pixels, sound and words.
    EndToEnd(ModelConfig),
    /// A baseline that reads hand-crafted features.
    TwoPhase(TwoPhaseConfig),
}

impl Default for SystemConfig {
    fn default() -> Self {
        Self::EndToEnd(ModelConfig::default())
    }
}

impl<'de> Deserialize<'de> for SystemConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Untagged enums lose the reason; the kind decides, and its own settings say what is wrong with them.
        fn of<T: DeserializeOwned, E: serde::de::Error>(settings: Value) -> Result<T, E> {
            serde_json::from_value(settings).map_err(E::custom)
        }
        let settings = Value::deserialize(deserializer)?;
        match settings.get("kind") {
            None => Ok(Self::EndToEnd(of(settings)?)),
            Some(Value::String(kind)) if matches!(kind.as_str(), "mesm" | "fe2e") => {
                Ok(Self::EndToEnd(of(settings)?))
            }
            Some(kind) => {
                let known = serde_json::from_value::<mesm::two_phase::TwoPhaseKind>(kind.clone());
                known.map_err(|_| {
                    D::Error::custom(format!(
                        "kind: expected mesm, fe2e, lf-lstm, lf-trans, mult, emo-embs, mm-latch or mm-latch-mult; found {kind}"
                    ))
                })?;
                Ok(Self::TwoPhase(of(settings)?))
            }
        }
    }
}

impl SystemConfig {
    /// The settings of MESM or FE2E, if it is one.
    #[must_use]
    pub fn end_to_end(&self) -> Option<&ModelConfig> {
        match self {
            Self::EndToEnd(config) => Some(config),
            Self::TwoPhase(_) => None,
        }
    }

    /// The settings of a baseline, if it is one.
    #[must_use]
    pub fn two_phase(&self) -> Option<&TwoPhaseConfig> {
        match self {
            Self::EndToEnd(_) => None,
            Self::TwoPhase(config) => Some(config),
        }
    }

    /// Its name on the command line and in files.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::EndToEnd(config) => format!("{:?}", config.kind).to_lowercase(),
            Self::TwoPhase(config) => config.kind.to_string(),
        }
    }

    /// Share of the attention mass that is kept; 1 where nothing is selected.
    #[must_use]
    pub fn top_p(&self) -> f32 {
        self.end_to_end().map_or(1.0, |config| config.top_p)
    }

    /// Whether every setting can be used, and they fit each other.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::EndToEnd(config) => config.check(),
            Self::TwoPhase(config) => config.check(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<SystemConfig, String> {
        toml::from_str(toml).map_err(|e| e.to_string())
    }

    #[test]
    fn the_kind_decides() {
        assert_eq!(read("").unwrap(), SystemConfig::default());
        let dense = read("kind = \"fe2e\"\ntop_p = 0.7").unwrap();
        assert_eq!(dense.kind(), "fe2e");
        assert!((dense.top_p() - 0.7).abs() < 1e-6);
        let late = read("kind = \"lf-lstm\"\nhidden_dim = 24").unwrap();
        assert_eq!(late.two_phase().unwrap().hidden_dim, 24);
        assert_eq!(late.kind(), "lf-lstm");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |toml: &str| read(toml).unwrap_err();
        assert!(wrong("kind = \"gpt\"").contains("lf-trans"));
        assert!(wrong("kind = \"mult\"\nwidths = [1]").contains("widths"));
        assert!(wrong("kind = \"mesm\"\nhidden_dim = 3").contains("hidden_dim"));
    }

    #[test]
    fn written_and_read_again() {
        for kind in [
            "mesm",
            "fe2e",
            "lf-lstm",
            "lf-trans",
            "mult",
            "emo-embs",
            "mm-latch",
            "mm-latch-mult",
        ] {
            let config = read(&format!("kind = \"{kind}\"")).unwrap();
            assert_eq!(config.kind(), kind);
            let text = toml::to_string(&config).unwrap();
            assert_eq!(read(&text).unwrap(), config);
            let json = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<SystemConfig>(&json).unwrap(), config);
        }
    }
}
