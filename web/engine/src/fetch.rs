//! Files of the site: with progress, a limit on their size, and what they must be.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use wasm_bindgen::{JsCast, JsValue};

use crate::deadline::within;
use crate::error::{EngineError, reason};
use crate::host::{self, Chunk, Response};

/// No file of the site comes near.
const MAX_BYTES: usize = 1 << 30;
/// A connection that says nothing for so long is dead.
const SILENCE_LIMIT_MS: f64 = 60_000.0;
/// What every file of the site must be.
const SUMS: &str = "files.json";

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Sum {
    sha256: String,
    bytes: usize,
}

/// The site the page comes from.
pub(crate) struct Site {
    base_url: String,
    sums: BTreeMap<String, Sum>,
}

impl Site {
    /// Reads what the files of the site below `base_url` must be.
    pub(crate) async fn open(base_url: &str) -> Result<Self, EngineError> {
        let url = format!("{base_url}{SUMS}");
        let bytes = download(&url, None, false, |_| ()).await?;
        let sums = serde_json::from_slice(&bytes).map_err(|error| EngineError::Fetch {
            url,
            cause: error.to_string(),
        })?;
        Ok(Self {
            base_url: base_url.to_owned(),
            sums,
        })
    }

    /// The bytes of a file, which are what was built. What arrives cut off or damaged is asked for once more, past all
    /// caches. `progress` hears how many bytes have arrived and how many there will be.
    pub(crate) async fn fetch(
        &self,
        path: &str,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Vec<u8>, EngineError> {
        let url = format!("{}{path}", self.base_url);
        let sum = self.sums.get(path).ok_or_else(|| EngineError::Fetch {
            url: url.clone(),
            cause: "it does not belong to the site: page and files are of different builds"
                .to_owned(),
        })?;
        let mut arrived = |arrived| progress(arrived, sum.bytes);
        let first = download(&url, Some(sum.bytes), false, &mut arrived).await;
        if let Ok(bytes) = first
            && sum.fits(&bytes)
        {
            return Ok(bytes);
        }
        let bytes = download(&url, Some(sum.bytes), true, &mut arrived).await?;
        if sum.fits(&bytes) {
            return Ok(bytes);
        }
        Err(EngineError::Fetch {
            url,
            cause: format!(
                "it arrived damaged twice ({} of {} bytes). A new version may be on its way: reload the page in a minute",
                bytes.len(),
                sum.bytes
            ),
        })
    }
}

impl Sum {
    fn fits(&self, bytes: &[u8]) -> bool {
        let digest = Sha256::digest(bytes);
        let hex = digest.iter().map(|byte| format!("{byte:02x}"));
        self.bytes == bytes.len() && self.sha256 == hex.collect::<String>()
    }
}

/// What the server sends, past all caches where `anew`. Room is made for the `expected` bytes at once; `progress` hears
/// how many have arrived.
async fn download(
    url: &str,
    expected: Option<usize>,
    anew: bool,
    mut progress: impl FnMut(usize),
) -> Result<Vec<u8>, EngineError> {
    let failed = |cause: String| EngineError::Fetch {
        url: url.to_owned(),
        cause,
    };
    let options = js_sys::Object::new();
    if anew {
        // An object of its own takes any property.
        let _ = js_sys::Reflect::set(&options, &"cache".into(), &JsValue::from_str("reload"));
    }
    let asked = host::fetch(url, &options);
    let response = within(SILENCE_LIMIT_MS, "a file of the site", asked)
        .await?
        .map_err(|cause| failed(reason(&cause)))?
        .unchecked_into::<Response>();
    if !response.ok() {
        return Err(failed(format!("HTTP {}", response.status())));
    }
    let body = response
        .body()
        .ok_or_else(|| failed("it is empty".to_owned()))?;
    let reader = body.get_reader();
    let mut bytes = Vec::with_capacity(expected.unwrap_or(0).min(MAX_BYTES));
    loop {
        let chunk = within(SILENCE_LIMIT_MS, "a file of the site", reader.read())
            .await?
            .map_err(|cause| failed(reason(&cause)))?
            .unchecked_into::<Chunk>();
        if chunk.done() {
            return Ok(bytes);
        }
        let value = chunk.value();
        let start = bytes.len();
        let end = start + value.length() as usize;
        if end > MAX_BYTES {
            return Err(failed(format!("more than {MAX_BYTES} bytes")));
        }
        bytes.resize(end, 0);
        value.copy_to(&mut bytes[start..]);
        progress(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_sum() {
        let sum = Sum {
            sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned(),
            bytes: 3,
        };
        assert!(sum.fits(b"abc"));
        assert!(!sum.fits(b"abb") && !sum.fits(b"abcd") && !sum.fits(b""));
    }
}
