//! What was left out, and why.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// So many examples of each reason are kept.
const EXAMPLES: usize = 5;
/// Longest text of an example in characters: what it quotes comes from outside.
const DETAIL_CHARS: usize = 120;

/// Why a row of a table, or an entry of an archive, was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Wrong number of fields, no UTF-8, an empty or overlong name, votes that are none.
    BadRow,
    /// The label is empty.
    NoLabel,
    /// The label is none of the classes.
    UnknownLabel,
    /// A path that is absolute, leads upwards or is overlong.
    BadPath,
    /// An earlier row names the same file.
    DuplicatePath,
    /// The archive does not hold the file.
    MissingMedia,
    /// The file has no bytes.
    EmptyMedia,
    /// The file is larger than any face or utterance.
    OversizedMedia,
    /// The file's header is not one of the formats.
    UndecodableMedia,
    /// The sentence is empty.
    EmptyText,
    /// An entry of the archive that no row names.
    EntryWithoutRow,
    /// An entry of the archive that is no plain file (a link, a device).
    EntryNoFile,
    /// An entry that a later one of the same name replaces, as it would when unpacked.
    EntryReplaced,
    /// A video without a face, a voice and words.
    NothingInside,
    /// No transcript has the utterance.
    NoTranscript,
    /// It ends before it starts, or starts before its recording.
    EndBeforeStart,
    /// It ends after its recording.
    BeyondMedia,
    /// Its sound is silence, or there is none.
    EmptyAudio,
    /// An earlier line has the same id.
    DuplicateId,
    /// A list of a split names it, the data do not.
    UnknownId,
    /// No list of a split names it.
    InNoSplit,
}

impl Reason {
    /// The reason in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BadRow => "row does not read",
            Self::NoLabel => "no label",
            Self::UnknownLabel => "label is no class",
            Self::BadPath => "path not allowed",
            Self::DuplicatePath => "path named twice",
            Self::MissingMedia => "file missing",
            Self::EmptyMedia => "file empty",
            Self::OversizedMedia => "file too large",
            Self::UndecodableMedia => "file does not decode",
            Self::EmptyText => "no words",
            Self::EntryWithoutRow => "no row for it",
            Self::EntryNoFile => "no plain file",
            Self::EntryReplaced => "replaced by a later one",
            Self::NothingInside => "no face, voice or words",
            Self::NoTranscript => "no transcript",
            Self::EndBeforeStart => "ends before it starts",
            Self::BeyondMedia => "ends after its recording",
            Self::EmptyAudio => "no sound",
            Self::DuplicateId => "id named twice",
            Self::UnknownId => "id of no utterance",
            Self::InNoSplit => "in no split",
        }
    }
}

/// One row or entry as an example.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Example {
    /// Line of the table on which the row begins, counted from 1; `None` for an entry of an archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What was found.
    pub found: String,
}

/// Everything of one file that was left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The table or archive.
    pub file: String,
    /// The reason.
    pub reason: Reason,
    /// How many.
    pub count: u64,
    /// The first ones.
    pub examples: Vec<Example>,
}

/// Counts what is left out.
#[derive(Debug, Default)]
pub(crate) struct Skips {
    found: BTreeMap<(String, Reason), (u64, Vec<Example>)>,
}

impl Skips {
    /// Counts one row or entry.
    pub(crate) fn add(&mut self, file: &str, reason: Reason, line: Option<u64>, found: &str) {
        let (count, examples) = self.entry(file, reason);
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(Example {
                line,
                found: found.chars().take(DETAIL_CHARS).collect(),
            });
        }
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn merge(&mut self, other: Vec<Skipped>) {
        for skipped in other {
            let (count, examples) = self.entry(&skipped.file, skipped.reason);
            *count += skipped.count;
            examples.extend(skipped.examples);
            examples.sort();
            examples.truncate(EXAMPLES);
        }
    }

    /// Everything, by file and reason.
    pub(crate) fn into_list(self) -> Vec<Skipped> {
        let list = self.found.into_iter();
        list.map(|((file, reason), (count, examples))| Skipped {
            file,
            reason,
            count,
            examples,
        })
        .collect()
    }

    fn entry(&mut self, file: &str, reason: Reason) -> &mut (u64, Vec<Example>) {
        self.found.entry((file.to_owned(), reason)).or_default()
    }
}
