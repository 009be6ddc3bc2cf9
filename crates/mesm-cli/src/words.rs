//! The text encoder: found on disk, loaded, asked.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use mesm::ModelConfig;
use mesm::text::{TextConfig, TextEncoder, TokenBatch};
use mesm::weights::Limits;
use mesm_data::store::write_atomically;
use mesm_features::tokens::{TokenError, WordPiece};

use crate::error::CliError;
use crate::weights::{Origin, TrainedText};

const VARIABLE: &str = "MESM_TEXT_ENCODER";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const TOKENIZER: &str = "tokenizer.json";

/// The text encoder that was trained with the built-in weights.
const BUILT_IN: [&[u8]; 3] = [
    include_bytes!("../../../static/weights/text/config.json"),
    include_bytes!("../../../static/weights/text/model.safetensors"),
    include_bytes!("../../../static/weights/text/tokenizer.json"),
];

/// A text encoder with its tokenizer.
pub struct Words {
    folder: PathBuf,
    encoder: TextEncoder,
    tokenizer: WordPiece,
    device: Device,
    /// Size of the vector that [`Words::vector`] gives.
    pub dim: usize,
}

/// The files of a text encoder, read.
pub struct TextFiles {
    folder: PathBuf,
    /// Its sizes.
    pub config: TextConfig,
    config_json: Cow<'static, [u8]>,
    weights: Cow<'static, [u8]>,
    tokenizer: Cow<'static, [u8]>,
}

/// A sentence as one vector.
pub struct SentenceVector {
    /// The encoder's first-token vector, `[1, dim]`.
    pub vector: Tensor<2>,
    /// Number of tokens that were read, where the sentence had more.
    pub cut_to: Option<usize>,
}

impl Words {
    /// Loads the encoder that goes with some weights. Without a `folder`, built-in weights have a built-in encoder;
    /// others are looked for in `MESM_TEXT_ENCODER` or in the project's cache, and their `model.safetensors` is not
    /// needed where the parameters came with the weights.
    ///
    /// # Errors
    /// [`CliError::TextEncoderMissing`] names the command that brings it; otherwise what is wrong with its files.
    pub fn load(
        folder: Option<&Path>,
        origin: &Origin<'_>,
        device: &Device,
    ) -> Result<Self, CliError> {
        let (files, encoder) = Self::files(folder, origin, device)?;
        tracing::info!(
            folder = %files.folder.display(),
            hidden = files.config.hidden_size,
            "text encoder loaded"
        );
        Ok(Self {
            dim: files.config.hidden_size,
            encoder,
            tokenizer: files.tokenizer()?,
            folder: files.folder,
            device: device.clone(),
        })
    }

    /// The files and the encoder that [`Self::load`] loads.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn files(
        folder: Option<&Path>,
        origin: &Origin<'_>,
        device: &Device,
    ) -> Result<(TextFiles, TextEncoder), CliError> {
        let trained = origin.text_encoder()?;
        let files = if folder.is_none() && origin.is_built_in() {
            TextFiles::built_in()?
        } else {
            TextFiles::read(folder, trained.is_none())?
        };
        let encoder = match trained {
            Some(trained) => files.trained(trained, device)?,
            None => files.encoder(device)?,
        };
        Ok((files, encoder))
    }

    /// Whether the text's vector has the size that the weights were trained with.
    ///
    /// # Errors
    /// When it has not.
    pub fn check(&self, config: &ModelConfig, origin: &Origin<'_>) -> Result<(), CliError> {
        if config.text_dim == self.dim {
            return Ok(());
        }
        Err(CliError::Arguments(format!(
            "{} was trained with text vectors of {} numbers; this text encoder gives {}: name the right one by --text-encoder",
            origin.name(),
            config.text_dim,
            self.dim
        )))
    }

    /// Encoder and tokenizer.
    #[must_use]
    pub fn into_parts(self) -> (TextEncoder, WordPiece) {
        (self.encoder, self.tokenizer)
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

impl TextFiles {
    /// Reads the files in `folder`, or in `MESM_TEXT_ENCODER`, or in the project's cache; `model.safetensors` only if
    /// its weights are wanted.
    ///
    /// # Errors
    /// [`CliError::TextEncoderMissing`] names the command that brings it; otherwise what is wrong with its files.
    pub fn read(folder: Option<&Path>, with_weights: bool) -> Result<Self, CliError> {
        let folder = folder.map_or_else(default_folder, Path::to_path_buf);
        let mut needed = [CONFIG, TOKENIZER].to_vec();
        needed.extend(with_weights.then_some(WEIGHTS));
        if !needed.iter().all(|file| folder.join(file).is_file()) {
            return Err(CliError::TextEncoderMissing { folder });
        }
        let read = |file| {
            let path = folder.join(file);
            let bytes = std::fs::read(&path);
            bytes
                .map(Cow::from)
                .map_err(|source| CliError::Unreadable { path, source })
        };
        let config = read(CONFIG)?;
        let weights = if with_weights {
            read(WEIGHTS)?
        } else {
            Cow::default()
        };
        let tokenizer = read(TOKENIZER)?;
        Self::new(folder, [config, weights, tokenizer])
    }

    /// Those of the program.
    ///
    /// # Errors
    /// Never, unless the program was built from a damaged file.
    pub fn built_in() -> Result<Self, CliError> {
        Self::new("the program".into(), BUILT_IN.map(Cow::from))
    }

    fn new(
        folder: PathBuf,
        [config_json, weights, tokenizer]: [Cow<'static, [u8]>; 3],
    ) -> Result<Self, CliError> {
        Ok(Self {
            config: TextConfig::from_json(&config_json).map_err(|e| CliError::TextEncoder {
                folder: folder.clone(),
                reason: e.to_string(),
            })?,
            config_json,
            weights,
            tokenizer,
            folder,
        })
    }

    /// The encoder with parameters that came with a model.
    ///
    /// # Errors
    /// When they are not those of the configured encoder.
    pub fn trained(
        &self,
        mut trained: TrainedText<'_>,
        device: &Device,
    ) -> Result<TextEncoder, CliError> {
        self.config
            .init(trained.pooler, device)
            .map_err(|e| self.wrong(e.to_string()))?
            .load(&mut trained.source)
            .map_err(|e| self.wrong(format!("the parameters that came with the model: {e}")))
    }

    /// Writes configuration, tokenizer and `weights` into a folder that [`Self::read`] reads.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path, weights: &[u8]) -> Result<(), CliError> {
        for (name, bytes) in [
            (CONFIG, self.config_json.as_ref()),
            (TOKENIZER, self.tokenizer.as_ref()),
            (WEIGHTS, weights),
        ] {
            write_atomically(&folder.join(name), bytes)?;
        }
        Ok(())
    }

    /// The encoder with the weights of the files.
    ///
    /// # Errors
    /// When they are not those of the configured encoder.
    pub fn encoder(&self, device: &Device) -> Result<TextEncoder, CliError> {
        TextEncoder::from_safetensors(&self.config, &self.weights, Limits::default(), device)
            .map_err(|e| self.wrong(e.to_string()))
    }

    /// Its tokenizer.
    ///
    /// # Errors
    /// When the file is none.
    pub fn tokenizer(&self) -> Result<WordPiece, CliError> {
        WordPiece::from_bytes(&self.tokenizer).map_err(|e| self.wrong(e.to_string()))
    }

    fn wrong(&self, reason: String) -> CliError {
        CliError::TextEncoder {
            folder: self.folder.clone(),
            reason,
        }
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
