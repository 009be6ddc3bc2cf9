//! Settings in the header of a safetensors file, and beside a file that has no header.

use std::path::Path;

use mesm::two_phase::TwoPhaseConfig;
pub(super) use mesm::weights::{CONFIG, MEL};
use mesm::weights::{Limits, SafetensorsSource};
use mesm_features::mel::MelConfig;
use mesm_train::features::FeatureSettings;
use mesm_train::weights::FEATURES;
use serde::de::DeserializeOwned;

use super::Settings;
use crate::error::CliError;

/// Reads the settings of a safetensors file.
pub(super) fn settings(path: &Path, bytes: &[u8]) -> Result<Settings, CliError> {
    let source =
        SafetensorsSource::new(bytes, Limits::default()).map_err(|source| CliError::Weights {
            path: path.to_owned(),
            source,
        })?;
    if source.metadata().contains_key(FEATURES) {
        return Err(CliError::WeightsConfig {
            path: path.to_owned(),
            reason: "it holds a two-phase model, which reads features and not clips: `mesm eval` judges it".to_owned(),
        });
    }
    let Some(config) = entry(path, &source, CONFIG)? else {
        let reason = format!(
            "its header has no `{CONFIG}`; weights exported by this project carry their model's settings there"
        );
        return Err(CliError::WeightsConfig {
            path: path.to_owned(),
            reason,
        });
    };
    let mel: Option<MelConfig> = entry(path, &source, MEL)?;
    Ok(Settings {
        config,
        mel: checked(path, mel.unwrap_or_default())?,
        guessed: false,
    })
}

/// Reads the settings of a two-phase model from a safetensors file, if it holds one.
pub(super) fn two_phase(
    path: &Path,
    bytes: &[u8],
) -> Result<Option<(TwoPhaseConfig, FeatureSettings)>, CliError> {
    let source =
        SafetensorsSource::new(bytes, Limits::default()).map_err(|source| CliError::Weights {
            path: path.to_owned(),
            source,
        })?;
    let Some(features) = entry(path, &source, FEATURES)? else {
        return Ok(None);
    };
    let config = entry(path, &source, CONFIG)?;
    let config = config.ok_or_else(|| CliError::WeightsConfig {
        path: path.to_owned(),
        reason: format!("its header has `{FEATURES}` but no `{CONFIG}`"),
    })?;
    Ok(Some((config, features)))
}

pub(super) fn checked(path: &Path, mel: MelConfig) -> Result<MelConfig, CliError> {
    mel.validate().map_err(|e| wrong(path, MEL, &e))?;
    Ok(mel)
}

pub(super) fn wrong(path: &Path, entry: &str, error: &dyn std::error::Error) -> CliError {
    CliError::WeightsConfig {
        path: path.to_owned(),
        reason: format!("`{entry}`: {error}"),
    }
}

fn entry<T: DeserializeOwned>(
    path: &Path,
    source: &SafetensorsSource<'_>,
    name: &str,
) -> Result<Option<T>, CliError> {
    source.entry(name).map_err(|e| wrong(path, name, &e))
}
