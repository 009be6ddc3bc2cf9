//! What was absent or replaced, in words.

use std::fmt;

use mesm_features::window::Absence;

/// Something about one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowNote {
    /// A track was absent or replaced.
    Input(Absence),
    /// Nothing was left but the empty sentence.
    OnlyEmptySentence,
    /// Nothing at all was left.
    Nothing,
}

impl fmt::Display for WindowNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(absence) => absence.fmt(f),
            Self::OnlyEmptySentence => {
                f.write_str("only the empty sentence was left to judge: the numbers say nothing")
            }
            Self::Nothing => f.write_str("nothing was left to judge: there is no answer"),
        }
    }
}

/// Something about the whole run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunNote {
    /// A checkpoint came without settings.
    GuessedSettings {
        /// Attention heads that were assumed.
        heads: usize,
    },
    /// MESM ran without words.
    EmptySentence,
    /// FE2E ran without words.
    NoText,
    /// Words were given and not wanted.
    TextNotUsed,
    /// Only the first tokens of the words were read.
    TextCut {
        /// Tokens that were read.
        read: usize,
    },
    /// The file has no video track.
    NoVideoTrack,
    /// The file has no audio track.
    NoAudioTrack,
    /// The weights know no such modality.
    UnknownModality(char),
    /// More than one window.
    Windows {
        /// How many.
        count: u64,
        /// Length of a window.
        window_ms: u32,
    },
    /// The decoder complained but went on.
    Decoder(String),
}

impl fmt::Display for RunNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GuessedSettings { heads } => write!(
                f,
                "the checkpoint does not tell its attention heads ({heads} are assumed) nor its class names: \
                 a JSON file of its name beside it can"
            ),
            Self::EmptySentence => {
                f.write_str("no words were given: the empty sentence chose the points")
            }
            Self::NoText => f.write_str("no words were given: the text is left out"),
            Self::TextNotUsed => {
                f.write_str("the words are not used: t is not among the modalities")
            }
            Self::TextCut { read } => write!(
                f,
                "the words were cut: the text encoder reads {read} tokens"
            ),
            Self::NoVideoTrack => f.write_str("no video track: the faces are left out"),
            Self::NoAudioTrack => f.write_str("no audio track: the voice is left out"),
            Self::UnknownModality(letter) => write!(
                f,
                "the weights do not know the modality {letter}: it is left out"
            ),
            Self::Windows { count, window_ms } => write!(
                f,
                "judged in {count} windows of {} s: logits and shares are means weighted by length, the rest are sums",
                f64::from(*window_ms) / 1000.0
            ),
            Self::Decoder(complaint) => f.write_str(complaint),
        }
    }
}

impl RunNote {
    /// Whether it says that something to look at was absent.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::NoText
                | Self::TextNotUsed
                | Self::NoVideoTrack
                | Self::NoAudioTrack
                | Self::UnknownModality(_)
        )
    }
}
