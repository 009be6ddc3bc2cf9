//! What ends the program, and with which exit code.

use std::path::{Path, PathBuf};

use mesm::text::TextError;
use mesm::weights::WeightsError;
use mesm::{ConfigError, ForwardError};
use mesm_data::clip::ClipError;
use mesm_data::manifest::ManifestError;
use mesm_data::store::StoreError;
use mesm_data::window_folder::WindowFolderError;
use mesm_train::features::FeatureError;
use mesm_train::judge::JudgeError;
use mesm_train::lessons::LessonError;
use mesm_train::run::TrainError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The clip.
    #[error(transparent)]
    Clip(#[from] ClipError),
    /// The folder that a store is made of, or the making.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is learnt from or judged.
    #[error(transparent)]
    Lesson(#[from] LessonError),
    /// Features for a two-phase model.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// Training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Judging.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// The exported window.
    #[error(transparent)]
    WindowFolder(#[from] WindowFolderError),
    /// Measuring.
    #[error(transparent)]
    Bench(#[from] mesm_bench::BenchError),
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Command line arguments that do not fit each other or the input.
    #[error("{0}")]
    Arguments(String),
    /// A file of weights or of the text encoder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file of weights is not what the model needs.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: WeightsError,
    },
    /// A file of weights does not say which model it is for.
    #[error("{}: {reason}", path.display())]
    WeightsConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with its configuration.
        reason: String,
    },
    /// There is no text encoder.
    #[error(
        "the text encoder was not found in {}: run `cargo xtask setup` in the project, which \
         brings it, or name its folder by --text-encoder or MESM_TEXT_ENCODER (config.json, model.safetensors, tokenizer.json)",
        folder.display()
    )]
    TextEncoderMissing {
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The text encoder or its tokenizer does not load.
    #[error("the text encoder in {}: {reason}", folder.display())]
    TextEncoder {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Tokens the encoder does not take.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The face detector's weights, which are part of the program, or its computation.
    #[error("the face detector failed: {0}")]
    Faces(String),
    /// The device that was asked for.
    #[error("{0}")]
    Device(String),
    /// The model's computation.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// Nothing in the input can be judged.
    #[error("nothing to look at in {}: {reason}", path.display())]
    NothingToLookAt {
        /// The clip.
        path: PathBuf,
        /// What was absent.
        reason: String,
    },
    /// A result could not be written.
    #[error("cannot write {target}: {source}")]
    Output {
        /// A file, or the standard output.
        target: String,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

impl CliError {
    /// The standard output does not take what is written.
    #[must_use]
    pub fn stdout(source: std::io::Error) -> Self {
        Self::Output {
            target: "the standard output".to_owned(),
            source,
        }
    }

    /// A file or folder cannot be made.
    #[must_use]
    pub fn unwritable(path: &Path, source: std::io::Error) -> Self {
        Self::Output {
            target: path.display().to_string(),
            source,
        }
    }

    /// 2 where the input or the command line is at fault, 1 where the machine is.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Clip(error) => 1 + u8::from(error.is_bad_input()),
            Self::Manifest(error) => 1 + u8::from(error.is_bad_input()),
            Self::Store(error) => 1 + u8::from(error.is_bad_input()),
            Self::Train(error) => 1 + u8::from(error.is_bad_input()),
            Self::WindowFolder(_)
            | Self::Config(_)
            | Self::Arguments(_)
            | Self::Unreadable { .. }
            | Self::Weights { .. }
            | Self::WeightsConfig { .. }
            | Self::TextEncoder { .. }
            | Self::Text(_)
            | Self::Lesson(_)
            | Self::Features(_)
            | Self::NothingToLookAt { .. } => 2,
            Self::TextEncoderMissing { .. }
            | Self::Faces(_)
            | Self::Device(_)
            | Self::Bench(_)
            | Self::Forward(_)
            | Self::Judge(_)
            | Self::Output { .. } => 1,
        }
    }
}
