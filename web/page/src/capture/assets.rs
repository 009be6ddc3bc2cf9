//! What capturing needs from the site. All of it is fetched at the start: afterwards the page sends no request.

use wasm_bindgen::JsCast;
use web_sys::{Blob, BlobPropertyBag, Response, Url};

use crate::browser::{wait_for, window};
use crate::english;
use crate::error::PageError;

const SAMPLE: &str = "static/sample.mp4";
const WORKLET: &str = "static/microphone-worklet.js";

/// Files that are kept in memory.
pub(crate) struct Assets {
    /// The sample clip.
    pub sample: Blob,
    /// Address of the microphone's processor, within this page.
    pub worklet_url: String,
}

impl Assets {
    /// Fetches them.
    pub(crate) async fn load() -> Result<Self, PageError> {
        let worklet = fetch(WORKLET).await?;
        let options = BlobPropertyBag::new();
        options.set_type("text/javascript");
        let parts = js_sys::Array::of1(&worklet);
        let failed = PageError::browser(english::failed::KEEPING_PROGRAM);
        let script = Blob::new_with_blob_sequence_and_options(&parts, &options).map_err(&failed)?;
        Ok(Self {
            sample: fetch(SAMPLE).await?,
            worklet_url: Url::create_object_url_with_blob(&script).map_err(&failed)?,
        })
    }
}

async fn fetch(path: &'static str) -> Result<Blob, PageError> {
    let what = english::failed::LOADING_FILE;
    let response: Response = wait_for(window()?.fetch_with_str(path), what)
        .await?
        .unchecked_into();
    if !response.ok() {
        return Err(PageError::Input(english::failed::incomplete(
            path,
            response.status(),
        )));
    }
    let blob = wait_for(response.blob().map_err(PageError::browser(what))?, what).await?;
    Ok(blob.unchecked_into())
}
