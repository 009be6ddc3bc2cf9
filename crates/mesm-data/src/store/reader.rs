//! Reading a store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::cache::GroupCache;
use super::head::no_store;
use super::shard::{FINGERPRINT_KEY, FORMAT_KEY, SKIPPED_KEY, SPLIT_KEY};
use super::{HEAD_FILE, Head, REPORT_FILE, Row, RowInfo, StoreError, columns};

/// Default bound of the cache of row groups.
const CACHE_BYTES: usize = 256 << 20;
/// Larger row groups were not written by this program.
const MAX_GROUP_BYTES: i64 = 1 << 30;
/// As many as an index of 16 bits tells apart.
const MAX_SOURCES: usize = 1 << 16;

/// A store, open for reading; any number of threads may read at the same time.
///
/// Opening reads the light index: per row some twenty bytes stay in memory, media never do but in the cache, which is
/// bounded.
pub struct Store {
    pub(super) head: Head,
    pub(super) shards: Vec<Shard>,
    sources: Vec<String>,
    /// Shard by shard, in the order of the files.
    pub(super) rows: Vec<RowInfo>,
    cache: Mutex<GroupCache>,
}

/// An open shard: the file's description, not the file.
pub(super) struct Shard {
    pub(super) path: PathBuf,
    pub(super) metadata: ArrowReaderMetadata,
    skipped: String,
}

impl Store {
    /// Opens the store in a folder.
    ///
    /// # Errors
    /// When there is none, it is unfinished, or a shard is missing, damaged or of another store.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let head = Head::read(folder)?
            .ok_or_else(|| no_store(folder, format!("there is no {HEAD_FILE} in it")))?;
        if !folder.join(REPORT_FILE).is_file() {
            let found = (0..head.shards.len())
                .filter(|shard| head.path(folder, *shard).is_file())
                .count();
            return Err(StoreError::Unfinished {
                folder: folder.to_owned(),
                found,
                expected: head.shards.len(),
            });
        }
        Self::open_shards(folder, head)
    }

    /// Opens a store whose shards are all there, though the report may not be.
    pub(crate) fn open_shards(folder: &Path, head: Head) -> Result<Self, StoreError> {
        let shards: Vec<Shard> = (0..head.shards.len())
            .map(|shard| Shard::open(folder, &head, shard))
            .collect::<Result<_, _>>()?;
        let mut rows = Vec::new();
        let mut numbers = BTreeMap::new();
        for (number, shard) in shards.iter().enumerate() {
            shard.index(number as u32, &head.classes, &mut numbers, &mut rows)?;
        }
        if numbers.len() > MAX_SOURCES {
            return Err(no_store(
                folder,
                format!(
                    "expected at most {MAX_SOURCES} sources, found {}",
                    numbers.len()
                ),
            ));
        }
        // So far sources count in the order in which they were met; readers see them sorted.
        let mut ranks = vec![0; numbers.len()];
        for (rank, met) in numbers.values().enumerate() {
            ranks[usize::from(*met)] = rank as u16;
        }
        for row in &mut rows {
            row.source = ranks[usize::from(row.source)];
        }
        let sources = numbers.into_keys().collect();
        Ok(Self {
            head,
            shards,
            sources,
            rows,
            cache: Mutex::new(GroupCache::new(CACHE_BYTES)),
        })
    }

    /// The same store with another bound, in bytes, of the cache of row groups (256 MiB by default).
    #[must_use]
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.cache = Mutex::new(GroupCache::new(bytes));
        self
    }

    /// Names of the classes, in the order of the target vectors.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.head.classes
    }

    /// Digest of everything that the store's bytes follow from: equal for stores that are equal.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.head.fingerprint
    }

    /// Names of the splits, sorted.
    #[must_use]
    pub fn splits(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.head.shards.iter().map(|shard| &shard.split).collect();
        names.into_iter().cloned().collect()
    }

    /// Names of the corpora the rows come from, sorted; [`RowInfo::source`] counts them.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// The rows of a split without their media, in the order of the store; none if there is no such split.
    #[must_use]
    pub fn rows(&self, split: &str) -> Vec<RowInfo> {
        let of_split = |row: &&RowInfo| {
            let shard = self.head.shards.get(row.shard as usize);
            shard.is_some_and(|shard| shard.split == split)
        };
        self.rows.iter().filter(of_split).copied().collect()
    }

    /// Reads a row with its media.
    ///
    /// # Errors
    /// When the shard cannot be read or is damaged, and when the row is of another store.
    pub fn read(&self, row: RowInfo) -> Result<Row, StoreError> {
        let no_such_row = || StoreError::NoSuchRow {
            shard: row.shard,
            group: row.group,
            row: row.row,
        };
        let shard = self
            .shards
            .get(row.shard as usize)
            .filter(|shard| (row.group as usize) < shard.metadata.metadata().num_row_groups())
            .ok_or_else(no_such_row)?;
        let batch = self.group(shard, row)?;
        if row.row as usize >= batch.num_rows() {
            return Err(no_such_row());
        }
        columns::decode(&batch, row.row as usize, &self.head.classes).map_err(|reason| {
            shard.damaged(
                Some(shard.first_row(row.group) + u64::from(row.row)),
                reason,
            )
        })
    }

    /// What each shard says of rows that were left out of it (JSON).
    pub(crate) fn skipped(&self) -> impl Iterator<Item = &str> {
        self.shards.iter().map(|shard| shard.skipped.as_str())
    }

    fn group(&self, shard: &Shard, row: RowInfo) -> Result<RecordBatch, StoreError> {
        let key = (row.shard, row.group);
        let cache = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = cache().get(key) {
            return Ok(batch);
        }
        // Not under the lock: two threads may read the same group, none waits for another's disk.
        let batch = shard.read_group(row.group)?;
        cache().put(key, batch.clone());
        Ok(batch)
    }
}

impl Shard {
    /// Reads a shard's description and checks that it is one of this store.
    fn open(folder: &Path, head: &Head, number: usize) -> Result<Self, StoreError> {
        let path = head.path(folder, number);
        let file = open(&path)?;
        let length = file
            .metadata()
            .map_err(|source| StoreError::Unreadable {
                path: path.clone(),
                source,
            })?
            .len();
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = guarded(|| ArrowReaderMetadata::load(&file, options))
            .map_err(|reason| damaged(&path, None, reason))?;
        let mut shard = Self {
            path,
            metadata,
            skipped: String::new(),
        };
        shard.check_entries(head, number)?;
        let foreign = |reason| StoreError::Foreign {
            path: shard.path.clone(),
            reason,
        };
        columns::check(shard.metadata.schema()).map_err(foreign)?;
        shard.check_groups(length)?;
        shard.skipped = shard.entry(SKIPPED_KEY).unwrap_or("[]").to_owned();
        Ok(shard)
    }

    fn entry(&self, key: &str) -> Option<&str> {
        let entries = self
            .metadata
            .metadata()
            .file_metadata()
            .key_value_metadata()?;
        let entry = entries.iter().find(|entry| entry.key == key)?;
        entry.value.as_deref()
    }

    fn check_entries(&self, head: &Head, number: usize) -> Result<(), StoreError> {
        let split = head.shards.get(number).map_or("", |shard| &shard.split);
        let format = head.format.to_string();
        let expected = [
            (FORMAT_KEY, format.as_str()),
            (SPLIT_KEY, split),
            (FINGERPRINT_KEY, &head.fingerprint),
        ];
        for (key, expected) in expected {
            let found = self.entry(key);
            if found != Some(expected) {
                let found = found.map_or("none".to_owned(), |found| format!("`{found}`"));
                return Err(StoreError::Foreign {
                    path: self.path.clone(),
                    reason: format!("expected {key} to be `{expected}`, found {found}"),
                });
            }
        }
        Ok(())
    }

    /// Lengths and places come from the file: none may ask for memory that the file cannot fill.
    fn check_groups(&self, length: u64) -> Result<(), StoreError> {
        for group in self.metadata.metadata().row_groups() {
            let bytes = group.total_byte_size();
            if !(0..=MAX_GROUP_BYTES).contains(&bytes) || group.num_rows() < 0 {
                return Err(self.damaged(None, format!("a row group of {bytes} bytes")));
            }
            for chunk in group.columns() {
                let start = chunk
                    .dictionary_page_offset()
                    .unwrap_or_else(|| chunk.data_page_offset());
                let end = start.checked_add(chunk.compressed_size());
                let inside = start >= 0
                    && chunk.compressed_size() >= 0
                    && end.is_some_and(|end| end as u64 <= length);
                if !inside {
                    let reason = format!("a column chunk lies outside of its {length} bytes");
                    return Err(self.damaged(None, reason));
                }
            }
        }
        Ok(())
    }

    /// Adds the shard's rows to the light index; `numbers` counts the sources in the order in which they are met.
    fn index(
        &self,
        number: u32,
        classes: &[String],
        numbers: &mut BTreeMap<String, u16>,
        rows: &mut Vec<RowInfo>,
    ) -> Result<(), StoreError> {
        let mask = ProjectionMask::columns(self.metadata.parquet_schema(), columns::INDEX_COLUMNS);
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            open(&self.path)?,
            self.metadata.clone(),
        )
        .with_projection(mask);
        let mut batches =
            guarded(|| builder.build()).map_err(|reason| self.damaged(None, reason))?;
        let mut places = self.places();
        let mut read: u64 = 0;
        while let Some(batch) = guarded(|| batches.next().transpose())
            .map_err(|reason| self.damaged(Some(read), reason))?
        {
            for at in 0..batch.num_rows() {
                let wrong = |reason| self.damaged(Some(read), reason);
                let (group, row) = places
                    .next()
                    .ok_or_else(|| wrong("more rows than its groups say".to_owned()))?;
                let label = columns::string(&batch, "label", at).map_err(wrong)?;
                let source = columns::needed(&batch, "source", at).map_err(wrong)?;
                let modalities = columns::needed(&batch, "modalities", at).map_err(wrong)?;
                let next = numbers.len();
                let source = match numbers.get(source) {
                    Some(source) => *source,
                    // One too many is found by whoever counts them.
                    None => *numbers.entry(source.to_owned()).or_insert(next as u16),
                };
                rows.push(RowInfo {
                    shard: number,
                    group,
                    row,
                    label: columns::label(label, classes).map_err(wrong)?,
                    source,
                    has_faces: modalities.contains('v'),
                    has_audio: modalities.contains('a'),
                    has_text: modalities.contains('t'),
                });
                read += 1;
            }
        }
        if places.next().is_some() {
            return Err(self.damaged(Some(read), "fewer rows than its groups say".to_owned()));
        }
        Ok(())
    }

    /// Group and row in it of each of the shard's rows.
    fn places(&self) -> impl Iterator<Item = (u32, u32)> {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.enumerate().flat_map(|(group, found)| {
            (0..found.num_rows() as u32).map(move |row| (group as u32, row))
        })
    }

    fn read_group(&self, group: u32) -> Result<RecordBatch, StoreError> {
        let rows = self
            .metadata
            .metadata()
            .row_group(group as usize)
            .num_rows() as usize;
        let first = Some(self.first_row(group));
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            open(&self.path)?,
            self.metadata.clone(),
        )
        .with_row_groups(vec![group as usize])
        .with_batch_size(rows.max(1));
        let batch = guarded(|| builder.build()?.next().transpose())
            .map_err(|reason| self.damaged(first, reason))?;
        match batch {
            Some(batch) if batch.num_rows() == rows => Ok(batch),
            other => {
                let found = other.map_or(0, |batch| batch.num_rows());
                let reason = format!("expected {rows} rows in a group, found {found}");
                Err(self.damaged(first, reason))
            }
        }
    }

    fn first_row(&self, group: u32) -> u64 {
        let groups = self.metadata.metadata().row_groups();
        let before = groups.iter().take(group as usize);
        before.map(|group| group.num_rows() as u64).sum()
    }

    pub(super) fn damaged(&self, row: Option<u64>, reason: String) -> StoreError {
        damaged(&self.path, row, reason)
    }
}

/// Runs a part of the Parquet reader, which panics at some kinds of damage where it should return an error.
pub(super) fn guarded<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(|e| e.to_string()),
        Err(_) => Err("the Parquet reader gave up".to_owned()),
    }
}

fn damaged(path: &Path, row: Option<u64>, reason: String) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        row,
        reason,
    }
}

pub(super) fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|source| StoreError::Unreadable {
        path: path.to_owned(),
        source,
    })
}
