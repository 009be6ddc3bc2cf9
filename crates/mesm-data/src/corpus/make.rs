//! Making a store of a data set.

use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::iemocap::{self, MarkedSide};
use super::splits::{Assigned, Splits, assign, shared_speakers};
use super::utterance::{Material, Scan, Utterance};
use super::workers::{Finders, cut_in_order};
use super::{mosei, processed};
use crate::manifest::{
    Failure, InputFile, ManifestError, Outcome, Parts, Progress, Remarks, Skips, begin, hex,
    no_rows, seal,
};
use crate::media::MAX_VOICE_S;
use crate::store::{FORMAT, Head, Row, ShardWriter, Store};

/// Bytes a second of sound and of faces take in the store, about.
const BYTES_A_SECOND: f64 = 42_000.0;
/// Seconds of an utterance whose length its labels do not tell, about.
const USUAL_S: f64 = 8.0;

/// A data set of the papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corpus {
    /// IEMOCAP as it is handed out.
    Iemocap {
        /// Where the actor with the markers is.
        marked: MarkedSide,
    },
    /// CMU-MOSEI's raw files.
    Mosei,
    /// The authors' folders of utterances already cut.
    Processed,
}

/// How a store is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpusOptions {
    /// Which data set the folder holds.
    pub corpus: Corpus,
    /// Where the splits come from; `None`: from the lists that came with the data, otherwise drawn by chance.
    pub splits: Option<Splits>,
    /// A shard ends after the utterance that takes it over about so many bytes.
    pub shard_bytes: u64,
    /// Threads that cut utterances; the store does not depend on it.
    pub threads: usize,
}

/// Makes the store `out` from the data set in `folder`, or goes on making it. `finders` makes what finds faces, one for
/// each thread; `watch` is told after each utterance and shard, and may break off.
///
/// # Errors
/// When the folder is not the data set, a table, pickle or list of a split is not what it should be, `out` is something
/// else or cannot be written, and when `watch` broke off. Utterances that cannot be taken are in the report.
pub fn prepare_corpus(
    folder: &Path,
    out: &Path,
    options: &CorpusOptions,
    finders: &Finders<'_>,
    watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Outcome, ManifestError> {
    let mut skips = Skips::default();
    let mut scan = match options.corpus {
        Corpus::Iemocap { marked } => iemocap::scan(folder, marked, &mut skips)?,
        Corpus::Mosei => mosei::scan(folder, &mut skips)?,
        Corpus::Processed => processed::scan(folder, &mut skips)?,
    };
    let splits = splits(options, &scan);
    let assigned = assign(&mut scan, folder, &splits, &mut skips)?;
    if assigned.values().all(Vec::is_empty) {
        return Err(no_rows(folder, &skips.into_list()));
    }
    let remarks = Remarks {
        notes: notes(&assigned),
        ..Remarks::default()
    };
    let shards = shards(assigned, options.shard_bytes);
    let head = head(options, &splits, &scan, &shards);
    let _lock = begin(out, &head)?;
    let written = Making {
        out,
        head: &head,
        shards: &shards,
    }
    .write(options.threads, finders, watch)?;
    let mut remarks = remarks;
    remarks
        .notes
        .extend(shortened(&Store::open_shards(out, head.clone())?)?);
    let report = seal(folder, out, &head, scan.inputs, skips, remarks)?;
    Ok(Outcome {
        report,
        written,
        kept: shards.len() - written,
    })
}

fn splits(options: &CorpusOptions, scan: &Scan) -> Splits {
    let own = || scan.own_splits.clone().map(Splits::Files);
    options
        .splits
        .clone()
        .or_else(own)
        .unwrap_or(Splits::Drawn {
            seed: 0,
            speaker_disjoint: false,
        })
}

/// What figures on these splits do not say.
fn notes(assigned: &Assigned) -> Vec<String> {
    let (shared, all) = shared_speakers(assigned);
    let mut notes = Vec::new();
    if shared > 0 {
        notes.push(format!(
            "{shared} of {all} speakers are in more than one split (as in the published split of IEMOCAP): figures do \
             not tell how well people are judged whom the model has not met"
        ));
    }
    notes
}

/// How many utterances were too long to be kept whole.
fn shortened(store: &Store) -> Result<Option<String>, ManifestError> {
    let most = MAX_VOICE_S as f32;
    let mut count = 0u64;
    store.visit_facts(&mut |_, _, facts| {
        count += u64::from(facts.seconds.is_some_and(|seconds| seconds > most));
    })?;
    Ok((count > 0).then(|| {
        format!("{count} utterances are longer than {most} s: of their faces and sound the first {most} s were kept")
    }))
}

/// One file of the store.
struct Shard {
    split: String,
    utterances: Vec<Utterance>,
}

fn shards(assigned: Assigned, shard_bytes: u64) -> Vec<Shard> {
    let mut shards: Vec<Shard> = Vec::new();
    for (split, utterances) in assigned {
        let mut bytes = u64::MAX;
        for utterance in utterances {
            if bytes >= shard_bytes {
                bytes = 0;
                shards.push(Shard {
                    split: split.clone(),
                    utterances: Vec::new(),
                });
            }
            let seconds = utterance.seconds.unwrap_or(USUAL_S);
            let seconds = seconds.min(f64::from(MAX_VOICE_S));
            bytes += (seconds * BYTES_A_SECOND) as u64 + utterance.text.len() as u64;
            if let Some(shard) = shards.last_mut() {
                shard.utterances.push(utterance);
            }
        }
    }
    shards
}

/// The description of the store: it follows from the input and the options alone.
fn head(options: &CorpusOptions, splits: &Splits, scan: &Scan, shards: &[Shard]) -> Head {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let corpus = match options.corpus {
        Corpus::Iemocap { marked } => serde_json::json!(["iemocap", marked]),
        Corpus::Mosei => serde_json::json!(["mosei"]),
        Corpus::Processed => serde_json::json!(["processed"]),
    };
    let drawn = match splits {
        // Their contents are among the inputs; where they lie does not matter.
        Splits::Files(_) => serde_json::json!(["files"]),
        Splits::Drawn {
            seed,
            speaker_disjoint,
        } => serde_json::json!(["drawn", seed, speaker_disjoint]),
    };
    let inputs: &[InputFile] = &scan.inputs;
    let everything =
        serde_json::json!([FORMAT, version, corpus, drawn, options.shard_bytes, inputs]);
    let mut names = String::new();
    for utterance in shards.iter().flat_map(|shard| &shard.utterances) {
        // Writing into a string cannot fail. What is found in the authors' folders is not among the inputs.
        let _ = writeln!(names, "{} {:?}", utterance.id, kind(&utterance.material));
    }
    let mut counts: Vec<(String, usize)> = Vec::new();
    for shard in shards {
        match counts.last_mut() {
            Some((split, count)) if *split == shard.split => *count += 1,
            _ => counts.push((shard.split.clone(), 1)),
        }
    }
    Head {
        format: FORMAT,
        version,
        classes: scan.classes.clone(),
        fingerprint: hex(&Sha256::digest(format!("{everything}\n{names}"))),
        shards: Head::name_shards(&counts),
    }
}

/// Whether sound comes from a file of its own: it changes what a row holds.
fn kind(material: &Material) -> (bool, bool) {
    match material {
        Material::Cut { video, sound } => (video.stretch.is_some(), video.path == sound.path),
        Material::Frames { half, .. } => (half.is_some(), false),
    }
}

/// A store on its way.
struct Making<'a> {
    out: &'a Path,
    head: &'a Head,
    shards: &'a [Shard],
}

/// The shard at work.
struct Open {
    number: usize,
    writer: ShardWriter,
    skips: Skips,
    left: usize,
}

impl Making<'_> {
    /// Writes the shards that are not there; says how many.
    fn write(
        &self,
        threads: usize,
        finders: &Finders<'_>,
        watch: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<usize, ManifestError> {
        let is_there = |number: &usize| self.head.path(self.out, *number).is_file();
        let (done, missing): (Vec<usize>, Vec<usize>) = (0..self.shards.len()).partition(is_there);
        let jobs: Vec<(usize, &Utterance)> = missing
            .iter()
            .flat_map(|number| self.shards[*number].utterances.iter().map(|u| (*number, u)))
            .collect();
        let mut progress = Progress {
            shards_done: done.len(),
            shards: self.shards.len(),
            rows_done: 0,
            rows: jobs.len() as u64,
        };
        let utterances: Vec<&Utterance> = jobs.iter().map(|(_, utterance)| *utterance).collect();
        let mut open: Option<Open> = None;
        cut_in_order(&utterances, threads, finders, |job, cut| {
            let (number, utterance) = jobs[job];
            let shard = match &mut open {
                Some(open) if open.number == number => open,
                other => other.insert(self.begin(number)?),
            };
            match cut {
                Ok(parts) => shard.writer.push(self.row(number, utterance, parts))?,
                Err(Failure::Whole(error)) => return Err(error),
                Err(Failure::Row(reason, found)) => {
                    shard
                        .skips
                        .add(&utterance.file, reason, utterance.line, &found);
                }
            }
            shard.left -= 1;
            progress.rows_done += 1;
            if shard.left == 0
                && let Some(Open { writer, skips, .. }) = open.take()
            {
                let skipped = serde_json::to_string(&skips.into_list()).unwrap_or_default();
                writer.finish(&skipped)?;
                progress.shards_done += 1;
            }
            if watch(progress).is_break() {
                return Err(ManifestError::Stopped {
                    written: progress.shards_done,
                    shards: progress.shards,
                });
            }
            Ok(())
        })?;
        Ok(missing.len())
    }

    fn begin(&self, number: usize) -> Result<Open, ManifestError> {
        Ok(Open {
            number,
            writer: ShardWriter::create(self.out, self.head, number)?,
            skips: Skips::default(),
            left: self.shards[number].utterances.len(),
        })
    }

    fn row(&self, shard: usize, utterance: &Utterance, parts: Parts) -> Row {
        Row {
            id: utterance.id.clone(),
            split: self.shards[shard].split.clone(),
            source: utterance.source.to_owned(),
            subject: utterance.subject.clone(),
            label: utterance.label(),
            target: utterance.target.clone(),
            agreement: None,
            faces: parts.faces,
            audio: parts.audio,
            text: Some(utterance.text.clone()),
            lang: Some("en".to_owned()),
            seconds: Some(parts.seconds as f32),
            sentiment: utterance.sentiment,
        }
    }
}
