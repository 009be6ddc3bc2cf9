//! What was seen in an input, whichever kind it is.

use super::facs::Facs;
use super::gallery::Gallery;

/// Everything that is drawn and written.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) faces: Gallery,
    pub(super) voices: Gallery,
    pub(super) facs: Facs,
    /// Which faces and chunks are shown.
    pub(super) chosen: String,
    /// What chose the points.
    pub(super) query: String,
    /// What was absent, left out or replaced.
    pub(super) notes: Vec<String>,
}
