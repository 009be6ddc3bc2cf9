//! The folders that the authors of the NAACL paper hand out: utterances already cut, described by a pickle.
//!
//! ```text
//! IEMOCAP_RAW_PROCESSED/meta.pkl                  {id: {"label": "neu", "text": ..., ...}}
//! IEMOCAP_RAW_PROCESSED/DIALOGUE/ID/              image_L_0.jpg, image_R_0.jpg, ..., audio_L.wav, audio_R.wav
//! MOSEI_RAW_PROCESSED/meta.pkl                    {id: {"label": [0, 0, 1, 1, 0, 0], "text": ...}}
//! MOSEI_RAW_PROCESSED/ID/                         image_0.jpg, ..., audio.wav
//! IEMOCAP_SPLIT, MOSEI_SPLIT                      beside them: train_split.txt, valid_split.txt, test_split.txt
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::iemocap::{authors_half, subject};
use super::pickle::{Index, Pickle, Value};
use super::texts::{Texts, entries, is_id, read_bounded};
use super::utterance::{Material, Scan, Utterance};
use crate::manifest::{InputFile, ManifestError, Reason, Skips, hex};

/// The pickle that describes a folder.
const META: &str = "meta.pkl";
/// Largest pickle: that of CMU-MOSEI has a few megabytes.
const MAX_META_BYTES: u64 = 128 << 20;
const IEMOCAP: [&str; 6] = ["ang", "exc", "fru", "hap", "neu", "sad"];
const MOSEI: [&str; 6] = ["anger", "disgust", "fear", "happy", "sad", "surprise"];
/// Folders and the lists of splits beside them.
const NAMES: [(&str, &str); 2] = [
    ("IEMOCAP_RAW_PROCESSED", "IEMOCAP_SPLIT"),
    ("MOSEI_RAW_PROCESSED", "MOSEI_SPLIT"),
];

/// Reads the pickle and finds the folders of its utterances.
pub(super) fn scan(folder: &Path, skips: &mut Skips) -> Result<Scan, ManifestError> {
    let (main, own_splits) = find(folder)?;
    let path = main.join(META);
    let bytes = read_bounded(&path, MAX_META_BYTES)?;
    let wrong = |at: usize, reason: String| ManifestError::Pickle {
        path: path.clone(),
        at,
        reason,
    };
    let pickle = Pickle::read(&bytes).map_err(|e| wrong(e.at, e.reason))?;
    let Value::Dict(all) = pickle.root() else {
        let found = pickle.root().kind();
        return Err(wrong(
            0,
            format!("expected a dictionary of utterances, found {found}"),
        ));
    };
    let kind = kind(&pickle, all).ok_or_else(|| {
        let reason = "expected labels that are texts (IEMOCAP) or lists of six numbers (CMU-MOSEI)";
        wrong(0, reason.to_owned())
    })?;
    let folders = folders(&main)?;
    let mut media = Texts::new(&main, "audio*.wav, by length");
    let mut scan = Scan {
        classes: kind.classes().map(str::to_owned).to_vec(),
        own_splits,
        ..Scan::default()
    };
    let mut entries: Vec<(&str, &Value)> = Vec::with_capacity(all.len());
    for (key, value) in all {
        match pickle.get(*key) {
            Value::Text(id) => entries.push((id, pickle.get(*value))),
            other => skips.add(META, Reason::BadRow, None, &format!("{other:?}")),
        }
    }
    entries.sort_by_key(|(id, _)| *id);
    // Of equal keys the later one counts, as in Python; sorting kept their order.
    entries.reverse();
    entries.dedup_by_key(|(id, _)| *id);
    entries.reverse();
    for (id, value) in entries {
        match utterance(&pickle, kind, id, value, &folders, &mut media) {
            Ok(utterance) => scan.utterances.push(utterance),
            Err((reason, found)) => {
                skips.add(META, reason, None, &found);
                scan.left_out.insert(id.to_owned());
            }
        }
    }
    scan.inputs = vec![InputFile {
        file: META.to_owned(),
        bytes: bytes.len() as u64,
        sha256: hex(&Sha256::digest(&bytes)),
    }];
    scan.inputs.extend(media.finish());
    Ok(scan)
}

/// Which data set a folder is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Iemocap,
    Mosei,
}

impl Kind {
    fn classes(self) -> [&'static str; 6] {
        match self {
            Self::Iemocap => IEMOCAP,
            Self::Mosei => MOSEI,
        }
    }
}

/// The folder with the pickle, and that of its splits if it is there.
fn find(folder: &Path) -> Result<(PathBuf, Option<PathBuf>), ManifestError> {
    let splits = |main: &Path| {
        let name = main.file_name()?.to_str()?;
        let (_, splits) = NAMES.iter().find(|(known, _)| *known == name)?;
        let splits = main.parent()?.join(splits);
        splits.is_dir().then_some(splits)
    };
    if folder.join(META).is_file() {
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        return Ok((folder.to_owned(), splits(&whole)));
    }
    let inside = NAMES.map(|(name, _)| folder.join(name));
    let mut inside = inside.into_iter().filter(|path| path.join(META).is_file());
    match (inside.next(), inside.next()) {
        (Some(main), None) => {
            let own = splits(&main);
            Ok((main, own))
        }
        (Some(_), Some(_)) => Err(ManifestError::Layout {
            folder: folder.to_owned(),
            expected: "one data set: name IEMOCAP_RAW_PROCESSED or MOSEI_RAW_PROCESSED in it",
        }),
        _ => Err(ManifestError::Layout {
            folder: folder.to_owned(),
            expected: "meta.pkl, or IEMOCAP_RAW_PROCESSED/meta.pkl, or MOSEI_RAW_PROCESSED/meta.pkl",
        }),
    }
}

/// Told by the first label.
fn kind(pickle: &Pickle, all: &[(Index, Index)]) -> Option<Kind> {
    all.iter().find_map(|(_, value)| {
        let Value::Dict(entry) = pickle.get(*value) else {
            return None;
        };
        match pickle.under(entry, "label")? {
            Value::Text(_) => Some(Kind::Iemocap),
            Value::List(_) => Some(Kind::Mosei),
            _ => None,
        }
    })
}

/// Folders of utterances by their names: in the main folder, or a folder a dialogue.
fn folders(main: &Path) -> Result<HashMap<String, PathBuf>, ManifestError> {
    let mut found = HashMap::new();
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    for outer in entries(main)?.into_iter().filter(|path| path.is_dir()) {
        let inner: Vec<PathBuf> = entries(&outer)?
            .into_iter()
            .filter(|p| p.is_dir())
            .collect();
        if inner.is_empty() {
            found.insert(name(&outer), outer);
        } else {
            found.extend(inner.into_iter().map(|path| (name(&path), path)));
        }
    }
    Ok(found)
}

fn utterance(
    pickle: &Pickle,
    kind: Kind,
    id: &str,
    value: &Value,
    folders: &HashMap<String, PathBuf>,
    media: &mut Texts,
) -> Result<Utterance, (Reason, String)> {
    if !is_id(id) {
        return Err((Reason::BadRow, id.to_owned()));
    }
    let Value::Dict(entry) = value else {
        return Err((Reason::BadRow, format!("{id}: {}", value.kind())));
    };
    let label = pickle.under(entry, "label");
    let label = label.ok_or_else(|| (Reason::NoLabel, id.to_owned()))?;
    let target = target(pickle, kind, label)
        .map_err(|(reason, found)| (reason, format!("{id}: {found}")))?;
    let text = match pickle.under(entry, "text") {
        None => return Err((Reason::NoTranscript, id.to_owned())),
        Some(Value::Text(text)) => text.trim(),
        Some(other) => {
            return Err((
                Reason::BadRow,
                format!("{id}: its text is {}", other.kind()),
            ));
        }
    };
    if text.is_empty() {
        return Err((Reason::EmptyText, id.to_owned()));
    }
    let folder = folders.get(id);
    let folder = folder.ok_or_else(|| (Reason::MissingMedia, id.to_owned()))?;
    for name in ["audio.wav", "audio_L.wav", "audio_R.wav"] {
        media.measure(&folder.join(name));
    }
    let half = match kind {
        Kind::Iemocap => authors_half(id),
        Kind::Mosei => None,
    };
    let (source, subject) = match kind {
        Kind::Iemocap => ("iemocap", subject(id)),
        Kind::Mosei => {
            let video = id.rsplit_once('_').map_or(id, |(video, _)| video);
            ("cmu-mosei", video.to_owned())
        }
    };
    Ok(Utterance {
        id: id.to_owned(),
        file: META.to_owned(),
        line: None,
        source,
        subject,
        target,
        sentiment: None,
        text: text.to_owned(),
        seconds: None,
        material: Material::Frames {
            folder: folder.clone(),
            half,
        },
    })
}

fn target(pickle: &Pickle, kind: Kind, label: &Value) -> Result<Vec<f32>, (Reason, String)> {
    match (kind, label) {
        (Kind::Iemocap, Value::Text(label)) => {
            let class = IEMOCAP.iter().position(|class| **class == **label);
            let class = class.ok_or_else(|| (Reason::UnknownLabel, label.to_string()))?;
            let mut target = vec![0.0; IEMOCAP.len()];
            target[class] = 1.0;
            Ok(target)
        }
        (Kind::Mosei, Value::List(items)) if items.len() == MOSEI.len() => {
            let numbers = items.iter().map(|item| pickle.get(*item).number());
            let numbers: Option<Vec<f64>> = numbers.collect();
            let numbers =
                numbers.ok_or_else(|| (Reason::BadRow, "a label that is no number".to_owned()))?;
            let positive = numbers.iter().map(|n| f32::from(u8::from(*n > 0.0)));
            Ok(positive.collect())
        }
        (_, other) => Err((Reason::BadRow, format!("its label is {}", other.kind()))),
    }
}
