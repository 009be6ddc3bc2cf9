//! A model with attention, and what it is asked by.

use burn::tensor::{Device, Tensor};
use mesm::{Batch, Modality, Model, ModelConfig, ModelKind, Prediction, SparsePath};
use mesm_features::mel::MelConfig;
use mesm_features::window::Sentence;

use super::arguments::ExplainArguments;
use crate::error::CliError;
use crate::weights::WeightsFile;
use crate::words::Words;

/// The model, its text encoder and the device both are on.
pub(super) struct Explainer {
    pub(super) model: Model,
    pub(super) mel: MelConfig,
    /// Name of the weights.
    pub(super) weights: String,
    pub(super) device: Device,
    words: Words,
    /// The empty sentence, `[1, text_dim]`.
    empty: Tensor<2>,
}

impl Explainer {
    /// Loads weights as the arguments say.
    ///
    /// # Errors
    /// When files cannot be used, or the weights are those of a model without attention.
    pub(super) fn load(arguments: &ExplainArguments, device: &Device) -> Result<Self, CliError> {
        let file = WeightsFile::named_or_built_in(arguments.weights.as_deref())?;
        let origin = file.origin()?;
        let settings = origin.settings()?;
        let mut config = settings.config;
        if config.kind == ModelKind::Fe2e {
            return Err(CliError::Arguments(format!(
                "{} holds fe2e, which looks at every point: only mesm has attention to explain",
                origin.name()
            )));
        }
        config.sparse_path = SparsePath::Gathered;
        config.top_p = arguments.top_p.unwrap_or(config.top_p);
        let words = Words::load(arguments.text_encoder.as_deref(), &origin, device)?;
        words.check(&config, &origin)?;
        Ok(Self {
            model: origin.load(&config, device)?,
            mel: settings.mel,
            weights: origin.name(),
            device: device.clone(),
            empty: words.vector("")?.vector,
            words,
        })
    }

    /// The model's settings.
    pub(super) fn config(&self) -> &ModelConfig {
        self.model.config()
    }

    /// Whether the weights know such a modality.
    pub(super) fn knows(&self, modality: Modality) -> bool {
        self.config().modalities.contains(modality)
    }

    /// Words, or the empty sentence, as the model reads them. Words beyond what the text encoder reads are cut.
    ///
    /// # Errors
    /// When tokenizer and encoder do not belong together.
    pub(super) fn sentence(&self, words: Option<&str>) -> Result<Sentence, CliError> {
        Ok(match words {
            None => Sentence {
                vector: self.empty.clone(),
                empty: true,
            },
            Some(words) => Sentence {
                vector: self.words.vector(words)?.vector,
                empty: false,
            },
        })
    }

    /// Asks the model.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) fn ask(&self, batch: &Batch) -> Result<Prediction, CliError> {
        Ok(pollster::block_on(async {
            self.model.forward_async(batch).await?.into_host().await
        })?)
    }
}

/// Words that say something.
pub(super) fn said(words: Option<&str>) -> Option<&str> {
    words.filter(|words| !words.trim().is_empty())
}
