//! A model with its weights: from a file, or those of the program.

mod checkpoint;
mod header;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mesm::two_phase::{TwoPhaseConfig, TwoPhaseModel};
use mesm::weights::{
    Checkpoint, Limits, ParamSource, SafetensorsSource, WeightsError, load_params,
};
use mesm::{Model, ModelConfig};
use mesm_features::mel::MelConfig;
use mesm_train::features::FeatureSettings;
use mesm_train::weights::TEXT_PREFIX;

use crate::error::CliError;

/// The weights that are used where none are named.
const BUILT_IN: &[u8] = include_bytes!("../../../../static/weights/mesm-web.safetensors");
/// Their name.
const BUILT_IN_NAME: &str = "mesm-web.safetensors";
/// The text encoder's names in the authors' checkpoints.
const CHECKPOINT_TEXT_PREFIX: &str = "T.albert.";
/// Parts of the authors' checkpoints that the model itself does not have.
const OTHER_PARTS: [&str; 2] = ["T.", "mtcnn."];

/// What fixes a model before its weights are loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The model's shape and behaviour.
    pub config: ModelConfig,
    /// The spectrogram it knows.
    pub mel: MelConfig,
    /// True where class names and attention heads are a guess, because the file does not tell.
    pub guessed: bool,
}

/// A file of weights in memory.
#[derive(Debug, Clone)]
pub struct WeightsFile {
    path: PathBuf,
    bytes: Cow<'static, [u8]>,
    built_in: bool,
}

/// The parameters of a text encoder that was trained together with a model.
pub struct TrainedText<'a> {
    /// Its parameters by their Hugging Face names.
    pub source: Box<dyn ParamSource + 'a>,
    /// Whether they include a pooler.
    pub pooler: bool,
}

/// Where weights come from.
pub enum Origin<'a> {
    /// A safetensors file with its settings in the header.
    Safetensors(&'a WeightsFile),
    /// A PyTorch checkpoint of the authors' code, with settings beside it or guessed from its shapes.
    Checkpoint(&'a WeightsFile, Checkpoint<'a>),
}

impl WeightsFile {
    /// Reads a file of at most 1 GiB.
    ///
    /// # Errors
    /// When it cannot be read or is larger.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let unreadable = |source| CliError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let limit = Limits::default().bytes;
        let found = std::fs::metadata(path).map_err(unreadable)?.len();
        let found = usize::try_from(found).unwrap_or(usize::MAX);
        if found > limit {
            let source = WeightsError::TooLarge { found, limit };
            return Err(CliError::Weights {
                path: path.to_owned(),
                source,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            bytes: std::fs::read(path).map_err(unreadable)?.into(),
            built_in: false,
        })
    }

    /// The named file, or the weights that are part of the program.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn named_or_built_in(path: Option<&Path>) -> Result<Self, CliError> {
        path.map_or_else(
            || {
                Ok(Self {
                    path: BUILT_IN_NAME.into(),
                    bytes: BUILT_IN.into(),
                    built_in: true,
                })
            },
            Self::read,
        )
    }

    /// The file as a source of weights, by its extension.
    ///
    /// # Errors
    /// When the extension is unknown or a checkpoint cannot be read.
    pub fn origin(&self) -> Result<Origin<'_>, CliError> {
        let extension = self
            .path
            .extension()
            .and_then(|e| e.to_str())
            .unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "safetensors" => Ok(Origin::Safetensors(self)),
            "pt" | "pth" => {
                let checkpoint = Checkpoint::new(&self.bytes, Limits::default());
                Ok(Origin::Checkpoint(
                    self,
                    checkpoint.map_err(|source| self.wrong(source))?,
                ))
            }
            _ => Err(CliError::WeightsConfig {
                path: self.path.clone(),
                reason: "expected a file named .safetensors, .pt or .pth".to_owned(),
            }),
        }
    }

    fn tensors(&self) -> Result<SafetensorsSource<'_>, CliError> {
        SafetensorsSource::new(&self.bytes, Limits::default()).map_err(|source| self.wrong(source))
    }

    fn wrong(&self, source: WeightsError) -> CliError {
        CliError::Weights {
            path: self.path.clone(),
            source,
        }
    }
}

impl Origin<'_> {
    /// Whether no file was named: the text encoder is that of the program then.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        let (Self::Safetensors(file) | Self::Checkpoint(file, _)) = self;
        file.built_in
    }

    /// What fixes a two-phase model, if the weights are those of one.
    ///
    /// # Errors
    /// When the file says it wrongly.
    pub fn two_phase(&self) -> Result<Option<(TwoPhaseConfig, FeatureSettings)>, CliError> {
        match self {
            Self::Safetensors(file) => header::two_phase(&file.path, &file.bytes),
            Self::Checkpoint(..) => Ok(None),
        }
    }

    /// A two-phase model, filled.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_two_phase(
        &self,
        config: &TwoPhaseConfig,
        device: &Device,
    ) -> Result<TwoPhaseModel, CliError> {
        let model = config.init(device)?;
        let (Self::Safetensors(file) | Self::Checkpoint(file, _)) = self;
        load_params(model, &mut file.tensors()?).map_err(|source| file.wrong(source))
    }

    /// What fixes an end-to-end model.
    ///
    /// # Errors
    /// When the file does not say it, or says it wrongly, or holds a two-phase model.
    pub fn settings(&self) -> Result<Settings, CliError> {
        match self {
            Self::Safetensors(file) => header::settings(&file.path, &file.bytes),
            Self::Checkpoint(file, checkpoint) => {
                let multimodal = checkpoint.clone().without(OTHER_PARTS);
                checkpoint::settings(&file.path, &multimodal.specs())
            }
        }
    }

    /// The model, filled.
    ///
    /// # Errors
    /// When a setting is out of range or the weights are not exactly those of the model.
    pub fn load(&self, config: &ModelConfig, device: &Device) -> Result<Model, CliError> {
        let model = config.init(device)?;
        let mut model = match self {
            Self::Safetensors(file) => {
                let mut source = file.tensors()?.without([TEXT_PREFIX]);
                load_params(model, &mut source).map_err(|source| file.wrong(source))
            }
            Self::Checkpoint(file, checkpoint) => {
                load_params(model, &mut checkpoint.clone().without(OTHER_PARTS))
                    .map_err(|source| file.wrong(source))
            }
        }?;
        // `config` may ask for another share than the file's, whose statistics were loaded.
        model.set_top_p(config.top_p)?;
        Ok(model)
    }

    /// The weights of a text encoder that was trained together with the model, where the file holds one.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn text_encoder(&self) -> Result<Option<TrainedText<'_>>, CliError> {
        Ok(match self {
            Self::Safetensors(file) => {
                let source = file.tensors()?;
                source.has_prefix(TEXT_PREFIX).then(|| TrainedText {
                    pooler: source.has_prefix(&format!("{TEXT_PREFIX}pooler.")),
                    source: Box::new(source.under(TEXT_PREFIX)),
                })
            }
            Self::Checkpoint(_, checkpoint) => {
                let text = checkpoint.clone().under(CHECKPOINT_TEXT_PREFIX);
                let pooler = text.has_prefix("pooler.");
                (!text.specs().is_empty()).then(|| TrainedText {
                    pooler,
                    source: Box::new(text),
                })
            }
        })
    }

    /// The file's name.
    #[must_use]
    pub fn name(&self) -> String {
        let (Self::Safetensors(file) | Self::Checkpoint(file, _)) = self;
        file.path.file_name().map_or_else(
            || file.path.display().to_string(),
            |name| name.to_string_lossy().into_owned(),
        )
    }
}
