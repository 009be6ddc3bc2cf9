//! What stops the ingest of a folder.

use std::path::PathBuf;

use crate::clip::ClipError;
use crate::store::StoreError;
use crate::table::TableError;

/// Why no store could be made. A row that cannot be taken is no reason: it is counted and left out.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file is missing or may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The folder holds no table that is known.
    #[error(
        "{} holds none of faces.csv, audio.csv, text.csv, clips.csv and clips/clips.csv",
        folder.display()
    )]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder does not hold the data set, or not as it is handed out.
    #[error("expected in {}: {expected}", folder.display())]
    Layout {
        /// The folder.
        folder: PathBuf,
        /// What was looked for.
        expected: &'static str,
    },
    /// A pickle that holds more than plain data, or a damaged one.
    #[error("{}, byte {at}: {reason}", path.display())]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Place of the operation, counted from 0.
        at: usize,
        /// What was expected and found.
        reason: String,
    },
    /// A table as a whole is not what it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    Table {
        /// The table.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What was expected and found.
        reason: String,
    },
    /// An archive as a whole is not what it should be.
    #[error("{}: {reason}", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The programs that decode videos are missing or failed.
    #[error(transparent)]
    Decoder(ClipError),
    /// Looking for faces failed.
    #[error("looking for faces: {reason}")]
    Faces {
        /// What failed.
        reason: String,
    },
    /// The input is not what it was a moment ago.
    #[error("{}, line {line}: the file changed while it was read; start again when nobody writes to it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The line of its table, counted from 1.
        line: u64,
    },
    /// A class list that makes no sense.
    #[error("the classes must be 1 to 255 different names, found {found}")]
    Classes {
        /// What was given.
        found: String,
    },
    /// A split was asked for that no table names.
    #[error("{} has no split `{split}`; its tables name {known}", folder.display())]
    NoSplit {
        /// The folder.
        folder: PathBuf,
        /// What was asked for.
        split: String,
        /// The splits that there are.
        known: String,
    },
    /// No row is left.
    #[error("no row of {} can be taken: {reasons}", folder.display())]
    NoRows {
        /// The folder.
        folder: PathBuf,
        /// Reasons and counts.
        reasons: String,
    },
    /// The target folder is in use for something else.
    #[error("{} {reason}; choose another folder, or delete it if it is not needed", folder.display())]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// What was found in it.
        reason: String,
    },
    /// Another process writes the same store.
    #[error("another process is writing the store {}", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// Whoever watched asked to stop.
    #[error("stopped after {written} of {shards} shards; the next run goes on from there")]
    Stopped {
        /// Shards that are finished.
        written: usize,
        /// Shards of the whole store.
        shards: usize,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<TableError> for ManifestError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Unreadable { path, source } => Self::Unreadable { path, source },
            TableError::Line { path, line, reason } => Self::Table { path, line, reason },
        }
    }
}

impl ManifestError {
    /// True where the input or the request is at fault, false where the machine is.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Store(error) => error.is_bad_input(),
            Self::Decoder(error) => error.is_bad_input(),
            Self::Stopped { .. } | Self::Busy { .. } | Self::Faces { .. } => false,
            _ => true,
        }
    }
}
