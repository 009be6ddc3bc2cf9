//! Making a store from a folder.

use std::ops::ControlFlow;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::input::{hex, inputs, not_read};
use super::output::begin;
use super::plan::{Options, Planned, Shard, Shards, Source, plan};
use super::record::{Entry, Kind};
use super::report::{InputFile, Report};
use super::seal::{Remarks, no_rows, seal};
use super::skipped::{Reason, Skips};
use super::videos::{FaceFinder, Failure, Parts, parts};
use super::{ManifestError, header};
use crate::store::{FORMAT, Head, Media, Row, ShardWriter};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Shards that are finished, from earlier runs too.
    pub shards_done: usize,
    /// Shards of the whole store.
    pub shards: usize,
    /// Rows that this run has looked at.
    pub rows_done: u64,
    /// Rows in the shards that this run writes.
    pub rows: u64,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What the store holds, and what it does not.
    pub report: Report,
    /// Shards that this run wrote.
    pub written: usize,
    /// Shards that were there before.
    pub kept: usize,
}

/// Makes the store `out` from `folder`, or goes on making it. `finder` is asked for the faces of videos; `watch` is told
/// after each row group's worth of rows, each video and each shard, and may break off.
///
/// # Errors
/// When the folder, a table or an archive as a whole cannot be used, `out` is something else or cannot be written, and
/// when `watch` broke off. Rows that cannot be taken are in the report.
pub fn prepare(
    folder: &Path,
    out: &Path,
    options: &Options,
    finder: &mut dyn FaceFinder,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome, ManifestError> {
    check_classes(&options.classes)?;
    let mut skips = Skips::default();
    let mut sources = Vec::new();
    for kind in Kind::ALL {
        sources.extend(Source::open(folder, kind, &mut skips)?);
    }
    if sources.is_empty() {
        return Err(ManifestError::Nothing {
            folder: folder.to_owned(),
        });
    }
    let plan = plan(&mut sources, options, &mut skips)?;
    if let Some(split) = options.splits.iter().find(|s| !plan.known.contains(*s)) {
        return Err(ManifestError::NoSplit {
            folder: folder.to_owned(),
            split: split.clone(),
            known: plan.known.into_iter().collect::<Vec<_>>().join(", "),
        });
    }
    let plan = plan.shards;
    if plan.is_empty() {
        return Err(no_rows(folder, &skips.into_list()));
    }
    let inputs = inputs(folder, &sources)?;
    let head = head(options, &inputs, &plan);
    let _lock = begin(out, &head)?;
    let mut ingest = Ingest {
        sources,
        out,
        head: &head,
        classes: &options.classes,
        finder,
    };
    let shards: Vec<&Shard> = plan.values().flatten().collect();
    let written = ingest.write(&shards, watch)?;
    let more = Remarks {
        not_read: not_read(folder),
        notes: Vec::new(),
    };
    let report = seal(folder, out, &head, inputs, skips, more)?;
    Ok(Outcome {
        report,
        written,
        kept: shards.len() - written,
    })
}

fn check_classes(classes: &[String]) -> Result<(), ManifestError> {
    let mut names: Vec<&str> = classes.iter().map(|class| class.trim()).collect();
    names.sort_unstable();
    names.dedup();
    let count = names.len();
    if count != classes.len() || !(1..=255).contains(&count) || names.contains(&"") {
        return Err(ManifestError::Classes {
            found: classes.join(","),
        });
    }
    Ok(())
}

/// The description of the store: it follows from the input and the options alone.
fn head(options: &Options, inputs: &[InputFile], plan: &Shards) -> Head {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let everything = serde_json::json!([
        FORMAT,
        version,
        options.classes,
        options.splits,
        options.shard_bytes,
        inputs
    ]);
    let counts: Vec<(String, usize)> = plan
        .iter()
        .map(|(split, shards)| (split.clone(), shards.len()))
        .collect();
    Head {
        format: FORMAT,
        version,
        classes: options.classes.clone(),
        fingerprint: hex(&Sha256::digest(everything.to_string())),
        shards: Head::name_shards(&counts),
    }
}

/// A store on its way.
struct Ingest<'a> {
    sources: Vec<Source>,
    out: &'a Path,
    head: &'a Head,
    classes: &'a [String],
    finder: &'a mut dyn FaceFinder,
}

impl Ingest<'_> {
    /// Writes the shards that are not there; says how many.
    fn write(
        &mut self,
        shards: &[&Shard],
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<usize, ManifestError> {
        let is_there = |number: &usize| self.head.path(self.out, *number).is_file();
        let (done, missing): (Vec<usize>, Vec<usize>) = (0..shards.len()).partition(is_there);
        let mut progress = Progress {
            shards_done: done.len(),
            shards: shards.len(),
            rows_done: 0,
            rows: missing
                .iter()
                .map(|number| shards[*number].rows.len() as u64)
                .sum(),
        };
        for number in &missing {
            self.write_shard(*number, shards[*number], &mut progress, watch)?;
        }
        Ok(missing.len())
    }

    fn write_shard(
        &mut self,
        number: usize,
        shard: &Shard,
        progress: &mut Progress,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), ManifestError> {
        let stopped = |progress: &Progress| ManifestError::Stopped {
            written: progress.shards_done,
            shards: progress.shards,
        };
        let mut writer = ShardWriter::create(self.out, self.head, number)?;
        let mut skips = Skips::default();
        let mut last = None;
        for planned in &shard.rows {
            // One kind of row a group: who wants a sentence should not read sounds.
            if last
                .replace(planned.source)
                .is_some_and(|last| last != planned.source)
            {
                writer.end_group()?;
            }
            if let Some(row) = self.row(planned, &mut skips)? {
                writer.push(row)?;
            }
            progress.rows_done += 1;
            let slow = self.sources[usize::from(planned.source)].kind == Kind::Clips;
            if (slow || progress.rows_done.is_multiple_of(1024)) && watch(*progress).is_break() {
                return Err(stopped(progress));
            }
        }
        let skipped = serde_json::to_string(&skips.into_list()).unwrap_or_default();
        writer.finish(&skipped)?;
        progress.shards_done += 1;
        if watch(*progress).is_break() {
            return Err(stopped(progress));
        }
        Ok(())
    }

    /// A row with its media; `None` if the media turn out to be none.
    fn row(&mut self, planned: &Planned, skips: &mut Skips) -> Result<Option<Row>, ManifestError> {
        let source = &mut self.sources[usize::from(planned.source)];
        let line = planned.place.line;
        let path = source.table.path().to_owned();
        let changed = || ManifestError::Changed {
            path: path.clone(),
            line,
        };
        let record = source.table.at(planned.place)?.ok_or_else(changed)?;
        let entry = source
            .columns
            .entry(record, self.classes)
            .map_err(|_| changed())?;
        let table = source.file;
        if source.kind == Kind::Clips {
            return self.clip(planned, entry, skips);
        }
        let mut media = None;
        if let (Some(number), Some(archive), Some(path)) =
            (planned.media, &mut source.archive, entry.path.clone())
        {
            let bytes = archive.read(number)?;
            let look = match source.kind {
                Kind::Audio => header::audio,
                _ => header::face,
            };
            if let Err(reason) = look(&bytes) {
                let found = format!("{path}: {reason}");
                skips.add(table, Reason::UndecodableMedia, Some(line), &found);
                return Ok(None);
            }
            media = Some(Media { path, bytes });
        }
        let (faces, audio) = match source.kind {
            Kind::Faces => (media.into_iter().collect(), None),
            _ => (Vec::new(), media),
        };
        // A path is unique in its archive, a line in its table.
        let id = entry
            .path
            .clone()
            .unwrap_or_else(|| format!("{table}:{line}"));
        Ok(Some(self.filled(id, entry, faces, audio, None)))
    }

    /// A row of a video.
    fn clip(
        &mut self,
        planned: &Planned,
        entry: Entry,
        skips: &mut Skips,
    ) -> Result<Option<Row>, ManifestError> {
        let source = &self.sources[usize::from(planned.source)];
        let name = entry.path.clone().unwrap_or_default();
        let refused = match parts(&source.video(&name), &name, self.finder) {
            Err(Failure::Whole(error)) => return Err(error),
            Err(Failure::Row(reason, found)) => (reason, found),
            Ok(parts)
                if parts.faces.is_empty() && parts.audio.is_none() && entry.text.is_none() =>
            {
                (Reason::NothingInside, name)
            }
            Ok(parts) => {
                let id = format!("{}:{name}", source.file);
                let Parts {
                    faces,
                    audio,
                    seconds,
                } = parts;
                return Ok(Some(self.filled(
                    id,
                    entry,
                    faces,
                    audio,
                    Some(seconds as f32),
                )));
            }
        };
        let (reason, found) = refused;
        skips.add(source.file, reason, Some(planned.place.line), &found);
        Ok(None)
    }

    fn filled(
        &self,
        id: String,
        entry: Entry,
        faces: Vec<Media>,
        audio: Option<Media>,
        seconds: Option<f32>,
    ) -> Row {
        let mut target = vec![0.0; self.classes.len()];
        target[usize::from(entry.label)] = 1.0;
        Row {
            id,
            split: entry.split,
            source: entry.source,
            subject: entry.subject,
            label: Some(entry.label),
            target,
            agreement: entry.agreement,
            faces,
            audio,
            text: entry.text,
            lang: entry.lang,
            seconds,
            sentiment: None,
        }
    }
}
