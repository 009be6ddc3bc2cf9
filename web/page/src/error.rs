//! What can go wrong on the page, in words for the person in front of it.

use mesm_protocol::ProtocolError;
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue};

use crate::english;

/// A failure to show.
#[derive(Debug, Error)]
pub(crate) enum PageError {
    /// The document lacks something the program needs: program and document are of different builds.
    #[error("{}", english::failed::missing(.0))]
    Missing(&'static str),
    /// The browser refused something.
    #[error("{what}: {cause}")]
    Browser {
        /// What was tried, and what to do when it fails.
        what: &'static str,
        /// The browser's reason.
        cause: String,
    },
    /// A message that may not be sent or used.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Nothing to judge.
    #[error("{0}")]
    Input(String),
}

impl PageError {
    /// Wraps a JavaScript exception.
    pub(crate) fn browser(what: &'static str) -> impl Fn(JsValue) -> Self {
        move |cause| Self::Browser {
            what,
            cause: reason(&cause),
        }
    }
}

/// The message of a JavaScript exception.
pub(crate) fn reason(cause: &JsValue) -> String {
    cause.dyn_ref::<js_sys::Error>().map_or_else(
        || {
            cause
                .as_string()
                .or_else(|| {
                    js_sys::Reflect::get(cause, &"message".into())
                        .ok()?
                        .as_string()
                })
                .unwrap_or_else(|| format!("{cause:?}"))
        },
        |error| String::from(error.message()),
    )
}
