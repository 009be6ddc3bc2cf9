//! Which rows go into which shard, before any of them is read.

use std::collections::BTreeMap;
use std::path::Path;

use super::ManifestError;
use super::archive::Archive;
use super::header::{MAX_AUDIO_BYTES, MAX_FACE_BYTES};
use super::record::{Columns, Entry, Kind};
use super::skipped::{Reason, Skips};
use super::table::{Place, Table};

/// What a row takes beside its media and words.
const ROW_BYTES: u64 = 128;
/// More is a column taken for the split that is none.
const MAX_SPLITS: usize = 1000;

/// A table with its archive.
pub(super) struct Source {
    pub(super) kind: Kind,
    pub(super) table: Table,
    pub(super) columns: Columns,
    pub(super) archive: Option<Archive>,
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
pub(super) type Plan = BTreeMap<String, Vec<Shard>>;

impl Source {
    /// Opens the table `kind` of a folder; `None` if there is none.
    pub(super) fn open(
        folder: &Path,
        kind: Kind,
        skips: &mut Skips,
    ) -> Result<Option<Self>, ManifestError> {
        let path = folder.join(kind.table());
        if !path.exists() {
            return Ok(None);
        }
        let table = Table::open(&path)?;
        let columns = Columns::find(kind, &table)?;
        let archive = kind
            .archive()
            .map(|name| Archive::open(&folder.join(name), name, skips))
            .transpose()?;
        Ok(Some(Self {
            kind,
            table,
            columns,
            archive,
        }))
    }
}

/// Reads all tables once. A shard is full after the row that takes it over `shard_bytes`.
pub(super) fn plan(
    sources: &mut [Source],
    classes: &[String],
    shard_bytes: u64,
    skips: &mut Skips,
) -> Result<Plan, ManifestError> {
    let mut plan = Plan::new();
    for (number, source) in sources.iter_mut().enumerate() {
        let file = source.kind.table();
        while let Some((place, record)) = source.table.next_record()? {
            // A file whose row cannot be taken is named all the same.
            if let (Some(archive), Some(path)) = (&mut source.archive, source.columns.path(record))
            {
                archive.find(path);
            }
            let taken = source.columns.entry(record, classes).and_then(|entry| {
                let (media, bytes) = file_of(source.kind, source.archive.as_mut(), &entry)?;
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
            let shards = plan.entry(entry.split).or_default();
            if shards
                .last()
                .is_none_or(|shard: &Shard| shard.bytes >= shard_bytes)
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
            if plan.len() > MAX_SPLITS {
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

/// The file of a row and its length, or why it cannot be taken.
fn file_of(
    kind: Kind,
    archive: Option<&mut Archive>,
    entry: &Entry,
) -> Result<(Option<u32>, u64), (Reason, String)> {
    let (Some(archive), Some(path)) = (archive, &entry.path) else {
        return Ok((None, 0));
    };
    let refused = |reason| (reason, path.clone());
    let (number, bytes) = archive
        .find(path)
        .ok_or_else(|| refused(Reason::MissingMedia))?;
    let most = match kind {
        Kind::Audio => MAX_AUDIO_BYTES,
        _ => MAX_FACE_BYTES,
    };
    if bytes == 0 {
        return Err(refused(Reason::EmptyMedia));
    }
    if bytes > most {
        let found = format!("{path}: {bytes} bytes");
        return Err((Reason::OversizedMedia, found));
    }
    if !archive.take(number) {
        return Err(refused(Reason::DuplicatePath));
    }
    Ok((Some(number), bytes))
}
