//! The text encoder: found on disk, loaded, asked.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use mesm::text::{TextConfig, TextEncoder, TokenBatch};
use mesm::weights::{Checkpoint, Limits};
use mesm_features::tokens::{TokenError, WordPiece};

use crate::error::CliError;

const VARIABLE: &str = "MESM_TEXT_ENCODER";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";

/// A text encoder with its tokenizer.
pub struct Words {
    folder: PathBuf,
    encoder: TextEncoder,
    tokenizer: WordPiece,
    device: Device,
    /// Size of the vector that [`Words::vector`] gives.
    pub dim: usize,
}

/// A sentence as one vector.
pub struct SentenceVector {
    /// The encoder's first-token vector, `[1, dim]`.
    pub vector: Tensor<2>,
    /// Number of tokens that were read, where the sentence had more.
    pub cut_to: Option<usize>,
}

impl Words {
    /// Loads the encoder in `folder`, or in `MESM_TEXT_ENCODER`, or in the project's cache; its parameters from
    /// `trained` where they came with the model, and then `model.safetensors` is not needed.
    ///
    /// # Errors
    /// [`CliError::TextEncoderMissing`] names the command that brings it; otherwise what is wrong with its files.
    pub fn load(
        folder: Option<&Path>,
        trained: Option<Checkpoint<'_>>,
        device: &Device,
    ) -> Result<Self, CliError> {
        let folder = folder.map_or_else(default_folder, Path::to_path_buf);
        let mut needed = [CONFIG, TOKENIZER].to_vec();
        needed.extend(trained.is_none().then_some(WEIGHTS));
        if !needed.iter().all(|file| folder.join(file).is_file()) {
            return Err(CliError::TextEncoderMissing { folder });
        }
        let read = |file| {
            let path = folder.join(file);
            std::fs::read(&path).map_err(|source| CliError::Unreadable { path, source })
        };
        let wrong = |reason: String| CliError::TextEncoder {
            folder: folder.clone(),
            reason,
        };
        let config = TextConfig::from_json(&read(CONFIG)?).map_err(|e| wrong(e.to_string()))?;
        let encoder = match trained {
            Some(mut trained) => config
                .init(trained.has_prefix("pooler."), device)
                .map_err(|e| wrong(e.to_string()))?
                .load(&mut trained)
                .map_err(|e| wrong(format!("the parameters that came with the model: {e}")))?,
            None => {
                TextEncoder::from_safetensors(&config, &read(WEIGHTS)?, Limits::default(), device)
                    .map_err(|e| wrong(e.to_string()))?
            }
        };
        let tokenizer =
            WordPiece::from_bytes(&read(TOKENIZER)?).map_err(|e| wrong(e.to_string()))?;
        tracing::info!(folder = %folder.display(), hidden = config.hidden_size, "text encoder loaded");
        Ok(Self {
            dim: config.hidden_size,
            folder,
            encoder,
            tokenizer,
            device: device.clone(),
        })
    }

    /// The first-token vector of `sentence`; the empty sentence has one too.
    ///
    /// # Errors
    /// When the sentence is longer than the tokenizer reads, or tokenizer and encoder do not belong together.
    pub fn vector(&self, sentence: &str) -> Result<SentenceVector, CliError> {
        let limit = self.encoder.max_tokens();
        let encode = |limit| {
            let arguments = |error: TokenError| CliError::Arguments(format!("--text: {error}"));
            self.tokenizer.encode(sentence, limit).map_err(arguments)
        };
        let whole = encode(usize::MAX)?;
        let cut = whole.ids.len() > limit;
        let tokens = if cut { encode(limit)? } else { whole };
        let batch =
            TokenBatch::new(&[tokens.ids], &self.encoder, &self.device).map_err(|error| {
                let reason = format!("its tokenizer does not fit it: {error}");
                CliError::TextEncoder {
                    folder: self.folder.clone(),
                    reason,
                }
            })?;
        let vector = TextEncoder::cls(self.encoder.encode(&batch));
        Ok(SentenceVector {
            vector,
            cut_to: cut.then_some(limit),
        })
    }
}

/// `MESM_TEXT_ENCODER`, or the folder that `cargo xtask` fills: `downloads/minilm` in `MESM_CACHE` or in `mesm` in the
/// user's cache folder. It need not exist.
#[must_use]
pub fn default_folder() -> PathBuf {
    let set = |variable| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set(VARIABLE).unwrap_or_else(|| {
        let cache = set("MESM_CACHE").or_else(|| dirs::cache_dir().map(|cache| cache.join("mesm")));
        cache.unwrap_or_default().join("downloads").join("minilm")
    })
}
