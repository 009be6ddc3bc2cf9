//! Writing one shard.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::atomic::Unfinished;
use super::row::SENTIMENT;
use super::{Head, Row, StoreError, columns};

/// Most rows in a row group: reaching one row reads its group.
pub const GROUP_ROWS: usize = 64;
/// A row group ends after the row that takes its media over this.
pub const GROUP_BYTES: usize = 8 << 20;

pub(super) const FORMAT_KEY: &str = "mesm.format";
pub(super) const FINGERPRINT_KEY: &str = "mesm.fingerprint";
pub(super) const SPLIT_KEY: &str = "mesm.split";
pub(super) const SKIPPED_KEY: &str = "mesm.skipped";

/// What came of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardFacts {
    /// Rows written.
    pub rows: u64,
    /// Length of the file.
    pub bytes: u64,
}

/// A shard being written; it exists once [`Self::finish`] has returned.
pub struct ShardWriter {
    writer: ArrowWriter<File>,
    unfinished: Unfinished,
    path: PathBuf,
    split: String,
    classes: Vec<String>,
    group: Vec<Row>,
    group_bytes: usize,
    rows: u64,
}

impl ShardWriter {
    /// Begins the shard with number `shard` of the store in `folder`.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`]; [`StoreError::NoSuchRow`] if the description lists no such shard.
    pub fn create(folder: &Path, head: &Head, shard: usize) -> Result<Self, StoreError> {
        let Some(name) = head.shards.get(shard) else {
            return Err(StoreError::NoSuchRow {
                shard: shard as u32,
                group: 0,
                row: 0,
            });
        };
        let path = head.path(folder, shard);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|source| StoreError::Unwritable {
                path: parent.to_owned(),
                source,
            })?;
        }
        let (unfinished, file) = Unfinished::begin(&path)?;
        let options = ArrowWriterOptions::new()
            .with_properties(properties(head, &name.split))
            // Every type here is Parquet's own; a second description of them would only make the file larger.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, columns::schema(), options)
            .map_err(|e| failed(&path, e))?;
        Ok(Self {
            writer,
            unfinished,
            split: name.split.clone(),
            classes: head.classes.clone(),
            path,
            group: Vec::with_capacity(GROUP_ROWS),
            group_bytes: 0,
            rows: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    /// [`StoreError::Row`] if it is of another split, or label or target do not fit the classes;
    /// [`StoreError::Unwritable`].
    pub fn push(&mut self, row: Row) -> Result<(), StoreError> {
        self.check(&row)?;
        self.group_bytes += row.size();
        self.group.push(row);
        if self.group.len() >= GROUP_ROWS || self.group_bytes >= GROUP_BYTES {
            self.end_group()?;
        }
        Ok(())
    }

    /// Ends the row group: the next row begins another one. Rows of different kinds are cheaper to reach apart.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`].
    pub fn end_group(&mut self) -> Result<(), StoreError> {
        if self.group.is_empty() {
            return Ok(());
        }
        let written = columns::encode(&self.group, &self.classes)
            .map_err(ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .and_then(|()| self.writer.flush());
        written.map_err(|e| failed(&self.path, e))?;
        self.rows += self.group.len() as u64;
        self.group.clear();
        self.group_bytes = 0;
        Ok(())
    }

    /// Ends the shard and gives it its name. `skipped` (JSON) is kept with it, for [`Store`](super::Store)s that are
    /// made in several goes.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`].
    pub fn finish(mut self, skipped: &str) -> Result<ShardFacts, StoreError> {
        self.end_group()?;
        self.writer
            .append_key_value_metadata(KeyValue::new(SKIPPED_KEY.to_owned(), skipped.to_owned()));
        let file = self
            .writer
            .into_inner()
            .map_err(|e| failed(&self.path, e))?;
        let length = file.metadata().map(|found| found.len());
        let bytes = length.map_err(|source| StoreError::Unwritable {
            path: self.path,
            source,
        })?;
        self.unfinished.commit(&file)?;
        Ok(ShardFacts {
            rows: self.rows,
            bytes,
        })
    }

    fn check(&self, row: &Row) -> Result<(), StoreError> {
        let wrong = |reason: String| StoreError::Row {
            id: row.id.clone(),
            reason,
        };
        let classes = self.classes.len();
        if row.split != self.split {
            return Err(wrong(format!(
                "expected split `{}`, found `{}`",
                self.split, row.split
            )));
        }
        if row.label.is_some_and(|label| usize::from(label) >= classes) {
            return Err(wrong(format!(
                "expected a label below {classes}, found {:?}",
                row.label
            )));
        }
        if row.seconds.is_some_and(|s| !s.is_finite() || s < 0.0) {
            return Err(wrong(format!(
                "expected a length in seconds, found {:?}",
                row.seconds
            )));
        }
        if row.sentiment.is_some_and(|s| !SENTIMENT.contains(&s)) {
            return Err(wrong(format!(
                "expected a sentiment in -3..=3, found {:?}",
                row.sentiment
            )));
        }
        if row.target.len() != classes || !row.target.iter().all(|v| (0.0..=1.0).contains(v)) {
            return Err(wrong(format!(
                "expected a target of {classes} numbers in 0..=1, found {:?}",
                row.target
            )));
        }
        Ok(())
    }
}

fn properties(head: &Head, split: &str) -> WriterProperties {
    let classes = serde_json::to_string(&head.classes).unwrap_or_default();
    let entries = [
        (FORMAT_KEY, head.format.to_string()),
        ("mesm.version", head.version.clone()),
        ("mesm.classes", classes),
        (SPLIT_KEY, split.to_owned()),
        (FINGERPRINT_KEY, head.fingerprint.clone()),
        ("huggingface", columns::features()),
    ];
    let entries = entries.map(|(key, value)| KeyValue::new(key.to_owned(), value));
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        // Rows are read by their number, never searched: statistics would be a third of a small shard.
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(entries.to_vec()));
    for leaf in columns::MEDIA_LEAVES {
        let leaf = ColumnPath::new(leaf.iter().map(|part| (*part).to_owned()).collect());
        properties = properties
            .set_column_compression(leaf.clone(), Compression::UNCOMPRESSED)
            .set_column_dictionary_enabled(leaf, false);
    }
    properties.build()
}

fn failed(path: &Path, error: ParquetError) -> StoreError {
    StoreError::Unwritable {
        path: path.to_owned(),
        source: std::io::Error::other(error),
    }
}
