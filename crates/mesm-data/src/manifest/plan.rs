//! Which rows go into which shard, before any of them is read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::ManifestError;
use super::archive::Archive;
use super::header::{MAX_AUDIO_BYTES, MAX_FACE_BYTES};
use super::record::{Columns, Entry, Kind, Refusal};
use super::skipped::{Reason, Skips};
use crate::table::{Place, Table};

/// What a row takes beside its media and words.
const ROW_BYTES: u64 = 128;
/// Largest video in bytes.
const MAX_VIDEO_BYTES: u64 = 2 << 30;
/// Bytes of a video that leave about one in the store: small faces twice a second and one channel of sound.
const VIDEO_BYTES_A_BYTE: u64 = 8;
/// More is a column taken for the split that is none.
const MAX_SPLITS: usize = 1000;

/// How a store is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Names of the classes, in the order of the target vectors; rows with another label are left out.
    pub classes: Vec<String>,
    /// The splits that are taken; empty for all. Rows of others are neither taken nor counted as left out.
    pub splits: Vec<String>,
    /// A shard ends after the row that takes it over so many bytes.
    pub shard_bytes: u64,
}

/// A table with its archive.
pub(super) struct Source {
    pub(super) kind: Kind,
    /// The table's path in the folder.
    pub(super) file: &'static str,
    pub(super) table: Table,
    pub(super) columns: Columns,
    pub(super) archive: Option<Archive>,
    /// Of a table of clips the videos that rows take, by their paths beside the table.
    pub(super) videos: Vec<String>,
    /// The same, to find one among many.
    taken: HashSet<String>,
}

/// A row that is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Planned {
    /// Which of the sources.
    pub(super) source: u8,
    pub(super) place: Place,
    /// Number of its file in the archive.
    pub(super) media: Option<u32>,
}

/// The rows of a shard.
#[derive(Debug, Default)]
pub(super) struct Shard {
    pub(super) rows: Vec<Planned>,
    bytes: u64,
}

/// The shards of each split, in the order of the store.
pub(super) type Shards = BTreeMap<String, Vec<Shard>>;

/// What is to be taken.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) shards: Shards,
    /// All splits that the tables name.
    pub(super) known: BTreeSet<String>,
}

impl Source {
    /// Opens the table `kind` of a folder; `None` if there is none.
    pub(super) fn open(
        folder: &Path,
        kind: Kind,
        skips: &mut Skips,
    ) -> Result<Option<Self>, ManifestError> {
        let Some(file) = kind.table_in(folder) else {
            return Ok(None);
        };
        let table = Table::open(&folder.join(file))?;
        let columns = Columns::find(kind, &table)?;
        let archive = kind
            .archive()
            .map(|name| Archive::open(&folder.join(name), name, skips))
            .transpose()?;
        Ok(Some(Self {
            kind,
            file,
            table,
            columns,
            archive,
            videos: Vec::new(),
            taken: HashSet::new(),
        }))
    }

    /// Where a video of the table lies.
    pub(super) fn video(&self, name: &str) -> PathBuf {
        self.table.path().with_file_name(name)
    }

    /// The file of a row and about what it takes in the store, or why it cannot be taken.
    fn file_of(&mut self, entry: &Entry) -> Result<(Option<u32>, u64), Refusal> {
        let Some(path) = &entry.path else {
            return Ok((None, 0));
        };
        if self.kind == Kind::Clips {
            return self.video_of(path);
        }
        let Some(archive) = &mut self.archive else {
            return Ok((None, 0));
        };
        let refused = |reason| (reason, path.clone());
        let (number, bytes) = archive
            .find(path)
            .ok_or_else(|| refused(Reason::MissingMedia))?;
        let most = match self.kind {
            Kind::Audio => MAX_AUDIO_BYTES,
            _ => MAX_FACE_BYTES,
        };
        check_size(path, bytes, most)?;
        if !archive.take(number) {
            return Err(refused(Reason::DuplicatePath));
        }
        Ok((Some(number), bytes))
    }

    fn video_of(&mut self, path: &str) -> Result<(Option<u32>, u64), Refusal> {
        let refused = |reason| (reason, path.to_owned());
        let found = std::fs::metadata(self.video(path));
        let bytes = found
            .ok()
            .filter(std::fs::Metadata::is_file)
            .ok_or_else(|| refused(Reason::MissingMedia))?
            .len();
        check_size(path, bytes, MAX_VIDEO_BYTES)?;
        if !self.taken.insert(path.to_owned()) {
            return Err(refused(Reason::DuplicatePath));
        }
        self.videos.push(path.to_owned());
        Ok((None, bytes / VIDEO_BYTES_A_BYTE))
    }
}

/// Reads all tables once. A shard is full after the row that takes it over its size.
pub(super) fn plan(
    sources: &mut [Source],
    options: &Options,
    skips: &mut Skips,
) -> Result<Plan, ManifestError> {
    let mut plan = Plan::default();
    for (number, source) in sources.iter_mut().enumerate() {
        let file = source.file;
        while let Some((place, record)) = source.table.next_record()? {
            // A file whose row cannot be taken is named all the same.
            if let (Some(archive), Some(path)) = (&mut source.archive, source.columns.path(record))
            {
                archive.find(path);
            }
            let entry = source.columns.entry(record, &options.classes);
            if let Ok(entry) = &entry {
                plan.known.insert(entry.split.clone());
                if !options.splits.is_empty() && !options.splits.contains(&entry.split) {
                    continue;
                }
            }
            let taken = entry.and_then(|entry| {
                let (media, bytes) = source.file_of(&entry)?;
                Ok((entry, media, bytes))
            });
            let (entry, media, bytes) = match taken {
                Ok(taken) => taken,
                Err((reason, found)) => {
                    skips.add(file, reason, Some(place.line), &found);
                    continue;
                }
            };
            let text = entry.text.as_ref().map_or(0, String::len) as u64;
            let shards = plan.shards.entry(entry.split).or_default();
            if shards
                .last()
                .is_none_or(|shard: &Shard| shard.bytes >= options.shard_bytes)
            {
                shards.push(Shard::default());
            }
            if let Some(shard) = shards.last_mut() {
                shard.bytes += bytes + text + ROW_BYTES;
                shard.rows.push(Planned {
                    source: number as u8,
                    place,
                    media,
                });
            }
            if plan.known.len() > MAX_SPLITS {
                return Err(ManifestError::Table {
                    path: source.table.path().to_owned(),
                    line: place.line,
                    reason: format!("expected at most {MAX_SPLITS} different splits"),
                });
            }
        }
        if let (Some(archive), Some(name)) = (&source.archive, source.kind.archive()) {
            for entry in archive.unnamed() {
                skips.add(name, Reason::EntryWithoutRow, None, entry);
            }
        }
    }
    Ok(plan)
}

fn check_size(path: &str, bytes: u64, most: u64) -> Result<(), Refusal> {
    if bytes == 0 {
        return Err((Reason::EmptyMedia, path.to_owned()));
    }
    if bytes > most {
        return Err((Reason::OversizedMedia, format!("{path}: {bytes} bytes")));
    }
    Ok(())
}
