//! What a store holds: rows, and a light index of them.

use std::ops::RangeInclusive;

/// An encoded picture or sound, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Where it came from: a path relative to the data set, for messages and its suffix.
    pub path: String,
    /// The file: JPEG or PNG, FLAC or WAV.
    pub bytes: Vec<u8>,
}

/// A row with its media.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name, unique within the store.
    pub id: String,
    /// The split it belongs to.
    pub split: String,
    /// The corpus it comes from.
    pub source: String,
    /// Who is seen or heard; `unknown` where nobody knows.
    pub subject: String,
    /// Index of the one class it belongs to, if it has one.
    pub label: Option<u8>,
    /// What a model should say for each class, `[classes]` in `[0, 1]`: one-hot, multi-hot or a distribution.
    pub target: Vec<f32>,
    /// Share of the annotators who chose the label, in `[0, 1]` (FER+: votes of the plurality / all votes).
    pub agreement: Option<f32>,
    /// Pictures of the face, in the order of time.
    pub faces: Vec<Media>,
    /// The voice.
    pub audio: Option<Media>,
    /// The words. Rows of a set of voices have the words that were spoken, which may be the same sentence for every
    /// class.
    pub text: Option<String>,
    /// Their language, such as `en`.
    pub lang: Option<String>,
    /// How long the utterance lasts in its recording, in seconds, where that is known.
    pub seconds: Option<f32>,
    /// How positive the annotators found it, from -3 to 3 (CMU-MOSEI: the mean of their ratings).
    pub sentiment: Option<f32>,
}

/// Bounds of [`Row::sentiment`].
pub const SENTIMENT: RangeInclusive<f32> = -3.0..=3.0;

impl Row {
    /// Letters of what the row holds: `t`, `a`, `v`, in this order.
    #[must_use]
    pub fn modalities(&self) -> String {
        let present = [
            ('t', self.text.is_some()),
            ('a', self.audio.is_some()),
            ('v', !self.faces.is_empty()),
        ];
        present
            .into_iter()
            .filter_map(|(letter, present)| present.then_some(letter))
            .collect()
    }

    /// About how many bytes it takes.
    pub(super) fn size(&self) -> usize {
        let faces: usize = self.faces.iter().map(|face| face.bytes.len()).sum();
        faces
            + self.audio.as_ref().map_or(0, |audio| audio.bytes.len())
            + self.text.as_ref().map_or(0, String::len)
    }
}

/// A row without its media: where it lies and what it is, in a few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowInfo {
    pub(super) shard: u32,
    pub(super) group: u32,
    pub(super) row: u32,
    /// Index of the one class it belongs to, if it has one.
    pub label: Option<u8>,
    /// Index of the corpus in [`Store::sources`](super::Store::sources).
    pub source: u16,
    /// Whether it has a picture of a face.
    pub has_faces: bool,
    /// Whether it has a voice.
    pub has_audio: bool,
    /// Whether it has words. Rows with a voice have the words that were spoken: whoever wants sentences that carry the
    /// label themselves takes rows that have neither faces nor voice, or aligned sets.
    pub has_text: bool,
}
