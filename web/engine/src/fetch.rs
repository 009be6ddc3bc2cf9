//! Files of the site, with progress and a limit on their size.

use wasm_bindgen::JsCast;

use crate::deadline::within;
use crate::error::{EngineError, reason};
use crate::host::{self, Chunk, Response};

/// No file of the site comes near.
const MAX_BYTES: usize = 1 << 30;
/// A connection that says nothing for so long is dead.
const SILENCE_LIMIT_MS: f64 = 60_000.0;

/// The bytes of a file. `progress` hears how many have arrived and how many there will be, if that is known.
pub(crate) async fn fetch(
    url: &str,
    mut progress: impl FnMut(usize, Option<usize>),
) -> Result<Vec<u8>, EngineError> {
    let failed = |cause: String| EngineError::Fetch {
        url: url.to_owned(),
        cause,
    };
    let response = within(SILENCE_LIMIT_MS, "a file of the site", host::fetch(url))
        .await?
        .map_err(|cause| failed(reason(&cause)))?
        .unchecked_into::<Response>();
    if !response.ok() {
        return Err(failed(format!("HTTP {}", response.status())));
    }
    let expected = response
        .headers()
        .get("content-length")
        .and_then(|length| String::from(length).parse::<usize>().ok())
        .filter(|length| *length <= MAX_BYTES);
    let body = response
        .body()
        .ok_or_else(|| failed("it is empty".to_owned()))?;
    let reader = body.get_reader();
    let mut bytes = Vec::with_capacity(expected.unwrap_or(0));
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
        progress(end, expected);
    }
}
