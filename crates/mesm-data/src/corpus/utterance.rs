//! An utterance as the files of a data set describe it, before anything is decoded.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::clip::{Half, Stretch};
use crate::manifest::InputFile;

/// Longest utterance in seconds that is read at all: the longest of CMU-MOSEI has about 270.
pub(super) const MAX_UTTERANCE_S: f64 = 300.0;

/// A file, or a part of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    pub(super) path: PathBuf,
    /// `None`: all of it.
    pub(super) stretch: Option<Stretch>,
}

/// Where pictures and sound are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Material {
    /// To be cut out of recordings. The sound may be a track of the video.
    Cut { video: Track, sound: Track },
    /// Already cut: a folder with a picture a frame, and sounds.
    Frames {
        folder: PathBuf,
        /// Of two people in the recording the one who speaks; names the files.
        half: Option<Half>,
    },
}

/// An utterance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Utterance {
    pub(super) id: String,
    /// The file that labels it, relative to the data set, and the line in it.
    pub(super) file: String,
    pub(super) line: Option<u64>,
    pub(super) source: &'static str,
    pub(super) subject: String,
    pub(super) target: Vec<f32>,
    pub(super) sentiment: Option<f32>,
    pub(super) text: String,
    /// Length in seconds, where the labels tell it.
    pub(super) seconds: Option<f64>,
    pub(super) material: Material,
}

impl Utterance {
    /// Index of its class, if it is of exactly one.
    pub(super) fn label(&self) -> Option<u8> {
        let mut positive = (0u8..).zip(&self.target).filter(|(_, value)| **value > 0.5);
        let label = positive.next()?.0;
        positive.next().is_none().then_some(label)
    }
}

/// What the files of a data set say.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) classes: Vec<String>,
    pub(super) utterances: Vec<Utterance>,
    /// Ids that the data set names and that were left out: a list of a split may name them, too.
    pub(super) left_out: HashSet<String>,
    /// The files that were read.
    pub(super) inputs: Vec<InputFile>,
    /// Where lists of splits lie that came with the data.
    pub(super) own_splits: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_the_only_class() {
        let label = |target: &[f32]| {
            let utterance = Utterance {
                id: String::new(),
                file: String::new(),
                line: None,
                source: "",
                subject: String::new(),
                target: target.to_vec(),
                sentiment: None,
                text: String::new(),
                seconds: None,
                material: Material::Frames {
                    folder: PathBuf::new(),
                    half: None,
                },
            };
            utterance.label()
        };
        assert_eq!(label(&[0.0, 0.0, 1.0]), Some(2));
        assert_eq!(label(&[1.0, 0.0, 1.0]), None);
        assert_eq!(label(&[0.0, 0.0]), None);
    }
}
