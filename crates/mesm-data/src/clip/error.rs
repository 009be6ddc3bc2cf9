//! What can be wrong with a clip or with the programs that decode it.

use std::path::PathBuf;

/// How to install the decoder, as one line.
pub const INSTALL_LINE: &str = "install it: Debian/Ubuntu `apt-get install -y ffmpeg`, Fedora `dnf install ffmpeg-free`, \
     macOS `brew install ffmpeg`, Windows `winget install Gyan.FFmpeg`";

/// Why a clip could not be probed or decoded.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// `ffmpeg` or `ffprobe` is neither beside this program nor on the path.
    #[error(
        "the program `{program}` was not found beside this one nor on the path; {INSTALL_LINE}"
    )]
    ProgramMissing {
        /// `ffmpeg` or `ffprobe`.
        program: &'static str,
    },
    /// The program exists but did not start, or its pipe broke.
    #[error("could not run `{program}`: {source}")]
    ProgramFailed {
        /// `ffmpeg` or `ffprobe`.
        program: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The file does not exist, is a folder, or may not be read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason, or "is a folder".
        reason: String,
    },
    /// The file has no bytes.
    #[error("{} is empty (0 bytes); expected a video or audio file", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// No demuxer recognises the file.
    #[error("{} is not a media file that ffmpeg reads: {reason}", path.display())]
    NotMedia {
        /// The file.
        path: PathBuf,
        /// What ffprobe said.
        reason: String,
    },
    /// The file holds neither video nor audio (subtitles, say).
    #[error("{} has neither a video nor an audio track", path.display())]
    NoTracks {
        /// The file.
        path: PathBuf,
    },
    /// Frames were asked of a file without a video track (cover pictures do not count).
    #[error("{} has no video track", path.display())]
    NoVideoTrack {
        /// The file.
        path: PathBuf,
    },
    /// Samples were asked of a file without an audio track.
    #[error("{} has no audio track", path.display())]
    NoAudioTrack {
        /// The file.
        path: PathBuf,
    },
    /// The file stops before the length it declares.
    #[error("{} is truncated: {found}, expected {expected}; ffmpeg said: {reason}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// What the file declares.
        expected: String,
        /// What could be read.
        found: String,
        /// The decoder's first complaint.
        reason: String,
    },
    /// ffmpeg gave up.
    #[error("ffmpeg could not decode the {track} of {}: {reason}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// `video` or `audio`.
        track: &'static str,
        /// The decoder's first complaint.
        reason: String,
    },
    /// A window, hop, interval or picture size outside its range.
    #[error("{name} must be {expected}, found {found}")]
    Option {
        /// The option's name.
        name: &'static str,
        /// Its range, in words.
        expected: &'static str,
        /// What was given.
        found: String,
    },
}

impl ClipError {
    /// True where the file or the request is at fault, false where the machine is (a missing or broken program).
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(
            self,
            Self::ProgramMissing { .. } | Self::ProgramFailed { .. }
        )
    }
}
