//! What can be wrong with a store.

use std::path::PathBuf;

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or folder is missing or may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The folder holds no store.
    #[error("{} is no store: {reason}; `mesm prepare manifest DIR --out STORE` makes one", folder.display())]
    NoStore {
        /// The folder.
        folder: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// The store was not finished.
    #[error(
        "the store {} is unfinished ({found} of {expected} shards): give the command that makes it once more, it goes on",
        folder.display()
    )]
    Unfinished {
        /// The folder.
        folder: PathBuf,
        /// Shards that are there.
        found: usize,
        /// Shards that it should have.
        expected: usize,
    },
    /// A Parquet file that is not a shard of this store.
    #[error("{} is no shard of this store: {reason}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A shard does not read back.
    #[error("{} is damaged{}: {reason}; delete it and make the store again, the other shards are kept", path.display(), at(*row))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The row, counted from 0 within the file, where it is known.
        row: Option<u64>,
        /// What was expected and found.
        reason: String,
    },
    /// A row that the store cannot hold.
    #[error("row `{id}` cannot be stored: {reason}")]
    Row {
        /// The row's name.
        id: String,
        /// What was expected and found.
        reason: String,
    },
    /// A row was asked for that this store does not have.
    #[error(
        "this store has no row {row} in group {group} of shard {shard}: the row belongs to another store"
    )]
    NoSuchRow {
        /// Number of the shard.
        shard: u32,
        /// Number of the row group.
        group: u32,
        /// Number of the row in it.
        row: u32,
    },
}

impl StoreError {
    /// True where the data are at fault, false where the machine is.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Unwritable { .. })
    }
}

fn at(row: Option<u64>) -> String {
    row.map_or_else(String::new, |row| format!(" at row {row}"))
}
