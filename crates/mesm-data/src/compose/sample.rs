//! What plans know about a row.

use serde::{Deserialize, Serialize};

use crate::store::RowInfo;

/// What a row can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    /// Pictures of a face.
    Faces,
    /// A voice.
    Audio,
    /// Words.
    Text,
}

impl Modality {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Faces, Self::Audio, Self::Text];
}

/// Some of the three modalities.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Modalities {
    /// Pictures of a face.
    pub faces: bool,
    /// A voice.
    pub audio: bool,
    /// Words.
    pub text: bool,
}

impl Modalities {
    /// None of them.
    pub const NONE: Self = Self {
        faces: false,
        audio: false,
        text: false,
    };
    /// All three.
    pub const ALL: Self = Self {
        faces: true,
        audio: true,
        text: true,
    };

    /// Whether `modality` is one of them.
    #[must_use]
    pub const fn has(self, modality: Modality) -> bool {
        match modality {
            Modality::Faces => self.faces,
            Modality::Audio => self.audio,
            Modality::Text => self.text,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Those for which `keep` holds.
    #[must_use]
    pub fn filter(self, mut keep: impl FnMut(Modality) -> bool) -> Self {
        Self {
            faces: self.faces && keep(Modality::Faces),
            audio: self.audio && keep(Modality::Audio),
            text: self.text && keep(Modality::Text),
        }
    }

    /// Those of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.filter(|modality| other.has(modality))
    }
}

/// What plans know about a row: its label and what it can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Index of the one class it belongs to, if it has one.
    pub label: Option<u8>,
    /// What it can be used for.
    pub modalities: Modalities,
}

impl From<&RowInfo> for Sample {
    /// All that the row holds.
    fn from(row: &RowInfo) -> Self {
        Self {
            label: row.label,
            modalities: Modalities {
                faces: row.has_faces,
                audio: row.has_audio,
                text: row.has_text,
            },
        }
    }
}

/// Whether rows hold utterances as they were: some have a face and a voice. Otherwise each row is of one modality, and
/// utterances have to be composed.
#[must_use]
pub fn aligned(rows: &[RowInfo]) -> bool {
    rows.iter().any(|row| row.has_faces && row.has_audio)
}

/// The samples of `rows`, in their order; plans name rows by their places in it.
///
/// Where rows are not [`aligned`], the words of a voice without a face are left out: acted corpora have the same few
/// sentences for every emotion, so they are what was said in the recording and no sentences that carry the label.
#[must_use]
pub fn samples(rows: &[RowInfo]) -> Vec<Sample> {
    let whole = aligned(rows);
    rows.iter()
        .map(|row| {
            if whole {
                row.into()
            } else {
                without_transcript(row.into())
            }
        })
        .collect()
}

fn without_transcript(mut sample: Sample) -> Sample {
    let Modalities { faces, audio, .. } = sample.modalities;
    sample.modalities.text &= faces || !audio;
    sample
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_modalities() {
        let some = Modalities {
            faces: true,
            audio: false,
            text: true,
        };
        assert!(
            some.has(Modality::Faces) && !some.has(Modality::Audio) && some.has(Modality::Text)
        );
        assert_eq!(
            some.filter(|m| m != Modality::Text),
            Modalities {
                faces: true,
                ..Modalities::NONE
            }
        );
        assert_eq!(Modalities::ALL.and(some), some);
        assert!(Modalities::NONE.and(some).is_empty() && !some.is_empty());
    }

    #[test]
    fn words_of_a_recording_are_no_sentences() {
        let text_kept = |faces, audio, text| {
            let modalities = Modalities { faces, audio, text };
            let sample = without_transcript(Sample {
                label: Some(1),
                modalities,
            });
            assert_eq!(
                (sample.modalities.faces, sample.modalities.audio),
                (faces, audio)
            );
            sample.modalities.text
        };
        assert!(text_kept(false, false, true));
        assert!(!text_kept(false, true, true));
        assert!(text_kept(true, true, true) && text_kept(true, false, true));
        assert!(!text_kept(true, true, false) && !text_kept(false, false, false));
    }
}
