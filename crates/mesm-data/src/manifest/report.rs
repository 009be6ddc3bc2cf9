//! What came of an ingest: the store's `report.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::skipped::Skipped;
use crate::store::{Head, Store};

/// The report. It says nothing of when, where or in how many runs the store was made: equal stores have equal reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the store's layout.
    pub format: u32,
    /// Version of the program.
    pub version: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Digest of everything that the store's bytes follow from.
    pub fingerprint: String,
    /// The files it was made from.
    pub inputs: Vec<InputFile>,
    /// Rows of all splits.
    pub rows: u64,
    /// Length of all shards in bytes.
    pub bytes: u64,
    /// What each split holds.
    pub splits: BTreeMap<String, SplitReport>,
    /// What was left out, by file and reason.
    pub skipped: Vec<Skipped>,
    /// Files of the folder that were not looked into.
    pub not_read: Vec<NotRead>,
    /// What whoever uses the store should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A file that a store was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its name in the folder.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A file of the folder that was not looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotRead {
    /// Its name in the folder.
    pub file: String,
    /// Why not.
    pub reason: String,
}

/// What a split holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitReport {
    /// Rows.
    pub rows: u64,
    /// Rows with a picture of a face.
    pub faces: u64,
    /// Rows with a voice.
    pub audio: u64,
    /// Rows with words.
    pub text: u64,
    /// Shards.
    pub shards: u64,
    /// Length of its shards in bytes.
    pub bytes: u64,
    /// Rows of each class.
    pub labels: BTreeMap<String, u64>,
    /// Rows of each source.
    pub sources: BTreeMap<String, u64>,
}

impl Report {
    /// Counts a store whose shards are finished. Nothing is skipped in it yet.
    pub(super) fn count(folder: &Path, head: &Head, store: &Store, inputs: Vec<InputFile>) -> Self {
        let mut splits = BTreeMap::new();
        for split in store.splits() {
            let mut counts = SplitReport::default();
            for (number, shard) in head.shards.iter().enumerate() {
                if shard.split == split {
                    counts.shards += 1;
                    let found = std::fs::metadata(head.path(folder, number));
                    counts.bytes += found.map_or(0, |found| found.len());
                }
            }
            for row in store.rows(&split) {
                counts.rows += 1;
                counts.faces += u64::from(row.has_faces);
                counts.audio += u64::from(row.has_audio);
                counts.text += u64::from(row.has_text);
                if let Some(class) = row
                    .label
                    .and_then(|label| head.classes.get(usize::from(label)))
                {
                    *counts.labels.entry(class.clone()).or_default() += 1;
                }
                if let Some(source) = store.sources().get(usize::from(row.source)) {
                    *counts.sources.entry(source.clone()).or_default() += 1;
                }
            }
            splits.insert(split, counts);
        }
        Self {
            format: head.format,
            version: head.version.clone(),
            classes: head.classes.clone(),
            fingerprint: head.fingerprint.clone(),
            inputs,
            rows: splits.values().map(|split| split.rows).sum(),
            bytes: splits.values().map(|split| split.bytes).sum(),
            splits,
            skipped: Vec::new(),
            not_read: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// How many rows and entries were left out.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.skipped.iter().map(|skipped| skipped.count).sum()
    }
}
