//! Light or dark: the system's choice until the person makes one.

use web_sys::HtmlButtonElement;

use crate::browser::{document, media_matches, on};
use crate::english;
use crate::error::PageError;
use crate::memory::{remember, remembered};

const KEY: &str = "mesm-theme";

/// Applies the stored choice and lets the button change it.
pub(crate) fn start(button: &HtmlButtonElement) -> Result<(), PageError> {
    if let Some(stored) = remembered(KEY) {
        apply(&stored)?;
    }
    on(button, "click", |_| {
        let next = if is_dark() { "light" } else { "dark" };
        remember(KEY, next);
        let _ = apply(next);
    })
}

fn apply(theme: &str) -> Result<(), PageError> {
    let root = document()?
        .document_element()
        .ok_or(PageError::Missing("html"))?;
    root.set_attribute("data-theme", if theme == "dark" { "dark" } else { "light" })
        .map_err(PageError::browser(english::failed::COLOURS))
}

fn is_dark() -> bool {
    let chosen = document()
        .ok()
        .and_then(|document| document.document_element())
        .and_then(|root| root.get_attribute("data-theme"));
    chosen.map_or_else(
        || media_matches("(prefers-color-scheme: dark)"),
        |theme| theme == "dark",
    )
}
