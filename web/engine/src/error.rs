//! What can go wrong in the engine.

use mesm::text::TextError;
use mesm::weights::WeightsError;
use mesm::{ConfigError, ForwardError};
use mesm_features::face::FaceError;
use mesm_features::mel::MelError;
use mesm_features::picture::PictureError;
use mesm_features::tokens::TokenError;
use mesm_features::track::TrackError;
use mesm_protocol::ProtocolError;
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue};

/// A failure of the engine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A message that must not be used.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// A file of the site does not arrive.
    #[error(
        "{url}: {cause}. The site may be incomplete, or the connection was lost; reload the page"
    )]
    Fetch {
        /// Address.
        url: String,
        /// The browser's reason.
        cause: String,
    },
    /// The description of the model is not one.
    #[error("static/models/model.json: {0}")]
    Manifest(String),
    /// The model's settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights are not this model's.
    #[error("weights of the model: {0}")]
    Weights(#[from] WeightsError),
    /// The text encoder's files do not fit together.
    #[error("text encoder: {0}")]
    Text(#[from] TextError),
    /// The tokenizer, or words it cannot take.
    #[error("words: {0}")]
    Tokens(#[from] TokenError),
    /// The face detector's weights.
    #[error("face detector: {0}")]
    Face(#[from] FaceError),
    /// A frame's face could not be looked for.
    #[error("face: {0}")]
    Track(#[from] TrackError),
    /// A frame is no picture.
    #[error("frame: {0}")]
    Picture(#[from] PictureError),
    /// The sound cannot be used.
    #[error("sound: {0}")]
    Mel(#[from] MelError),
    /// The model, or the device under it.
    #[error(transparent)]
    Forward(#[from] ForwardError),
    /// The graphics device.
    #[error("WebGPU: {0}")]
    Gpu(String),
    /// Something took too long.
    #[error("{what} took longer than {limit_s:.0} s")]
    Late {
        /// What was waited for.
        what: &'static str,
        /// How long, in seconds.
        limit_s: f64,
    },
    /// Nothing to judge.
    #[error("nothing is left to judge: no words, no face, no sound")]
    Nothing,
    /// A call of the browser failed.
    #[error("the browser failed: {0}")]
    Browser(String),
}

impl EngineError {
    /// Whether the device can no longer be trusted.
    #[must_use]
    pub fn is_of_device(&self) -> bool {
        matches!(
            self,
            Self::Gpu(_)
                | Self::Late { .. }
                | Self::Forward(ForwardError::Device(_))
                | Self::Face(_)
                | Self::Track(_)
        )
    }
}

impl From<JsValue> for EngineError {
    fn from(cause: JsValue) -> Self {
        Self::Browser(reason(&cause))
    }
}

/// The message of a JavaScript exception.
pub(crate) fn reason(cause: &JsValue) -> String {
    cause.dyn_ref::<js_sys::Error>().map_or_else(
        || cause.as_string().unwrap_or_else(|| format!("{cause:?}")),
        |error| String::from(error.message()),
    )
}
