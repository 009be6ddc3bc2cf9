//! What a message may hold, and what is wrong with one that does not keep to it.

use thiserror::Error;

/// Grows with every change of a message. A page and an engine of different builds (an old file in a cache) must not
/// talk to each other.
pub const VERSION: u32 = 3;
/// Samples per second of all sound that is sent.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
/// Most frames of one window.
pub const MAX_FRAMES: usize = 64;
/// Longest side of a frame in pixels.
pub const MAX_SIDE: u32 = 2048;
/// Shortest side of a frame in pixels: one face crop.
pub const MIN_SIDE: u32 = 48;
/// Most samples of one window: one minute.
pub const MAX_SAMPLES: usize = 60 * SAMPLE_RATE_HZ as usize;
/// Longest text in bytes of UTF-8. The text encoder cuts far earlier; this bounds the message.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Longest JSON document of a message in bytes.
pub const MAX_JSON_BYTES: usize = 1024 * 1024;
/// Most buffers of one message.
pub const MAX_BUFFERS: usize = MAX_FRAMES + 16;

/// A message that must not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// Not a message at all.
    #[error("a message must be {expected}; found {found}. Reload the page")]
    Shape {
        /// What a message is.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// The other side was built from another version.
    #[error(
        "the page speaks version {page} and the engine version {engine}. Reload the page without its cache"
    )]
    Version {
        /// Version of the page.
        page: u32,
        /// Version of the engine.
        engine: u32,
    },
    /// A value outside its range.
    #[error("{what} must be {expected}; found {found}")]
    Range {
        /// Which value.
        what: &'static str,
        /// What is accepted.
        expected: String,
        /// What came.
        found: String,
    },
    /// A buffer that is named but missing, or of another size than its description.
    #[error("buffer {buffer} ({what}) must have {expected} bytes; found {found}")]
    Buffer {
        /// Position in the list of buffers.
        buffer: usize,
        /// What it holds.
        what: &'static str,
        /// Bytes by its description.
        expected: usize,
        /// Bytes it has, or that it is missing.
        found: String,
    },
}

pub(crate) fn range(
    what: &'static str,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> ProtocolError {
    ProtocolError::Range {
        what,
        expected: expected.into(),
        found: found.into(),
    }
}
