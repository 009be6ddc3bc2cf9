//! The page's address tells how to start: `?device=cpu|webgpu|auto`, `?source=sample|camera|file`, `?words=...`,
//! `?step` (go through the sample window by window) and `?max_side=PIXELS` of the frames.

use mesm_protocol::{DevicePreference, MAX_SIDE, MIN_SIDE};
use web_sys::UrlSearchParams;

/// Longer side of the frames that are judged, in pixels, unless asked otherwise.
const DEFAULT_MAX_SIDE: u32 = 640;

/// What the address asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub device: DevicePreference,
    pub source: Option<String>,
    pub words: Option<String>,
    pub step: bool,
    pub max_side: u32,
}

impl Query {
    /// Reads the part of the address after the question mark; what it does not know it leaves out.
    pub(crate) fn read(search: &str) -> Self {
        let get = |name: &str| {
            UrlSearchParams::new_with_str(search)
                .ok()
                .and_then(|params| params.get(name))
        };
        Self {
            device: get("device")
                .and_then(|name| DevicePreference::from_name(&name))
                .unwrap_or_default(),
            source: get("source"),
            words: get("words"),
            step: get("step").is_some(),
            max_side: get("max_side")
                .and_then(|side| side.parse().ok())
                .map_or(DEFAULT_MAX_SIDE, |side: u32| side.clamp(MIN_SIDE, MAX_SIDE)),
        }
    }
}
