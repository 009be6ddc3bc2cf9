//! A model with its weights: from a file, or from the closed formula while there are none.

use std::path::Path;

use burn::tensor::Device;
use mesm::weights::{Formula, Limits, SafetensorsSource, load_params};
use mesm::{Model, ModelConfig, ModelKind};
use mesm_features::mel::MelConfig;

use crate::error::CliError;

/// The formula's seed while no trained weights are given.
pub const UNTRAINED_SEED: &str = "mesm-untrained";
/// Entries of a weights file's header: the model's settings and, where they are not the default, the spectrogram's.
pub const CONFIG_ENTRY: &str = "config";
/// See [`CONFIG_ENTRY`].
pub const MEL_ENTRY: &str = "mel";

/// A model that is ready, and what it was trained on.
pub struct LoadedModel {
    /// The model.
    pub model: Model,
    /// The spectrogram it knows.
    pub mel: MelConfig,
    /// `untrained`, or the file's name.
    pub origin: String,
    /// False where the closed formula filled it.
    pub trained: bool,
}

/// What the command line asks of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wishes {
    /// Which model; `None`: as the file says, or MESM.
    pub kind: Option<ModelKind>,
    /// Kept share of the attention mass; `None`: as the file says, or the default.
    pub top_p: Option<f32>,
    /// Size of the text encoder's vector; `None`: no text encoder was loaded.
    pub text_dim: Option<usize>,
}

/// Fills a model by the closed formula.
///
/// # Errors
/// A wish out of range.
pub fn untrained(wishes: Wishes, device: &Device) -> Result<LoadedModel, CliError> {
    let mut config = ModelConfig {
        kind: wishes.kind.unwrap_or_default(),
        ..ModelConfig::default()
    };
    config.top_p = wishes.top_p.unwrap_or(config.top_p);
    config.text_dim = wishes.text_dim.unwrap_or(config.text_dim);
    let model = load_params(config.init(device)?, &mut Formula::new(UNTRAINED_SEED, "")).map_err(
        |source| CliError::Weights {
            path: "the closed formula".into(),
            source,
        },
    )?;
    Ok(LoadedModel {
        model,
        mel: MelConfig::default(),
        origin: "untrained".to_owned(),
        trained: false,
    })
}

/// The settings in the header of a safetensors file of weights.
///
/// # Errors
/// When the file is no safetensors file or its header does not hold them.
pub fn read_config(path: &Path, bytes: &[u8]) -> Result<(ModelConfig, MelConfig), CliError> {
    let source =
        SafetensorsSource::new(bytes, Limits::default()).map_err(|source| CliError::Weights {
            path: path.to_owned(),
            source,
        })?;
    let wrong = |reason: String| CliError::WeightsConfig {
        path: path.to_owned(),
        reason,
    };
    let entry = |name: &str| source.metadata().get(name);
    let config = entry(CONFIG_ENTRY).ok_or_else(|| {
        wrong(format!("its header has no `{CONFIG_ENTRY}`; weights exported by this project carry their model's settings there"))
    })?;
    let config: ModelConfig = serde_json::from_str(config)
        .map_err(|e| wrong(format!("`{CONFIG_ENTRY}` in its header: {e}")))?;
    let mel = entry(MEL_ENTRY)
        .map(|mel| serde_json::from_str(mel))
        .transpose();
    let mel: MelConfig = mel
        .map_err(|e| wrong(format!("`{MEL_ENTRY}` in its header: {e}")))?
        .unwrap_or_default();
    mel.validate()
        .map_err(|e| wrong(format!("`{MEL_ENTRY}` in its header: {e}")))?;
    Ok((config, mel))
}

/// Loads a safetensors file of weights.
///
/// # Errors
/// When file and header, or header and wishes, do not fit each other.
pub fn load(
    path: &Path,
    bytes: &[u8],
    wishes: Wishes,
    device: &Device,
) -> Result<LoadedModel, CliError> {
    let (mut config, mel) = read_config(path, bytes)?;
    if let Some(kind) = wishes.kind.filter(|kind| *kind != config.kind) {
        return Err(CliError::Arguments(format!(
            "--model asks for {kind:?}, but {} holds {:?}: leave --model out",
            path.display(),
            config.kind
        )));
    }
    if let Some(found) = wishes.text_dim.filter(|dim| *dim != config.text_dim) {
        return Err(CliError::Arguments(format!(
            "{} was trained with text vectors of {} numbers; this text encoder gives {found}: name the right one by --text-encoder",
            path.display(),
            config.text_dim
        )));
    }
    config.top_p = wishes.top_p.unwrap_or(config.top_p);
    let weights_error = |source| CliError::Weights {
        path: path.to_owned(),
        source,
    };
    let mut source = SafetensorsSource::new(bytes, Limits::default()).map_err(weights_error)?;
    let model = load_params(config.init(device)?, &mut source).map_err(weights_error)?;
    let origin = path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    Ok(LoadedModel {
        model,
        mel,
        origin,
        trained: true,
    })
}
