//! One row of a table: what it says, or why it cannot be taken.

use std::path::Path;

use csv::ByteRecord;

use super::ManifestError;
use super::archive::plain_path;
use super::skipped::Reason;
use crate::table::Table;

/// Longest name of a split, source, subject or language in bytes.
const MAX_NAME_BYTES: usize = 128;
/// The split of clips whose table has no such column.
const CLIPS_SPLIT: &str = "clips";
/// What stands for a source or subject that the table does not give.
const UNKNOWN: &str = "unknown";

/// The tables that a folder may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Faces,
    Audio,
    Text,
    Clips,
}

impl Kind {
    /// All of them, in the order of their rows in the store.
    pub(super) const ALL: [Self; 4] = [Self::Faces, Self::Audio, Self::Text, Self::Clips];

    /// Where the table may lie in a folder.
    pub(super) fn tables(self) -> &'static [&'static str] {
        match self {
            Self::Faces => &["faces.csv"],
            Self::Audio => &["audio.csv"],
            Self::Text => &["text.csv"],
            Self::Clips => &["clips/clips.csv", "clips.csv"],
        }
    }

    /// Where it lies, if there is one.
    pub(super) fn table_in(self, folder: &Path) -> Option<&'static str> {
        let tables = self.tables().iter();
        tables.copied().find(|file| folder.join(file).exists())
    }

    /// File name of the archive that goes with it.
    pub(super) fn archive(self) -> Option<&'static str> {
        match self {
            Self::Faces => Some("faces.tar"),
            Self::Audio => Some("audio.tar"),
            Self::Text | Self::Clips => None,
        }
    }
}

/// Which column is which.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    kind: Kind,
    count: usize,
    split: Option<usize>,
    label: usize,
    path: Option<usize>,
    text: Option<usize>,
    source: Option<usize>,
    subject: Option<usize>,
    votes: Option<usize>,
    lang: Option<usize>,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) split: String,
    pub(super) label: u8,
    pub(super) source: String,
    pub(super) subject: String,
    pub(super) agreement: Option<f32>,
    pub(super) path: Option<String>,
    pub(super) text: Option<String>,
    pub(super) lang: Option<String>,
}

/// Why a row cannot be taken, and what was found in it.
pub(super) type Refusal = (Reason, String);

impl Columns {
    /// Finds the columns of a table.
    pub(super) fn find(kind: Kind, table: &Table) -> Result<Self, ManifestError> {
        let columns = table.columns();
        let optional = |name: &str| columns.iter().position(|column| column == name);
        let needed =
            |name: &str| optional(name).ok_or_else(|| missing(table.path(), name, columns));
        let mut found = Self {
            kind,
            count: columns.len(),
            split: match kind {
                Kind::Clips => optional("split"),
                _ => Some(needed("split")?),
            },
            label: needed("label")?,
            path: None,
            text: None,
            source: optional("source"),
            subject: optional("subject"),
            votes: None,
            lang: optional("lang"),
        };
        match kind {
            Kind::Faces => {
                found.path = Some(needed("path")?);
                found.votes = optional("votes");
            }
            Kind::Audio | Kind::Clips => {
                found.path = Some(needed("path")?);
                found.text = optional("text");
            }
            Kind::Text => found.text = Some(needed("text")?),
        }
        Ok(found)
    }

    /// The path that a row names, whatever else is wrong with it.
    pub(super) fn path<'a>(&self, record: &'a ByteRecord) -> Option<&'a str> {
        let field = std::str::from_utf8(record.get(self.path?)?).ok()?;
        plain_path(field.trim())
    }

    /// Reads a row.
    pub(super) fn entry(&self, record: &ByteRecord, classes: &[String]) -> Result<Entry, Refusal> {
        if record.len() != self.count {
            let found = format!("{} fields instead of {}", record.len(), self.count);
            return Err((Reason::BadRow, found));
        }
        let label = Self::field(record, self.label)?;
        if label.is_empty() {
            let found = self.path(record).unwrap_or_default();
            return Err((Reason::NoLabel, found.to_owned()));
        }
        let label = classes
            .iter()
            .position(|class| class == label)
            .and_then(|label| u8::try_from(label).ok())
            .ok_or_else(|| (Reason::UnknownLabel, label.to_owned()))?;
        let path = self
            .path
            .map(|at| Self::checked_path(record, at))
            .transpose()?;
        let text = self.text.map(|at| Self::field(record, at)).transpose()?;
        let text = text.filter(|text| !text.is_empty());
        if self.kind == Kind::Text && text.is_none() {
            return Err((Reason::EmptyText, String::new()));
        }
        let split = match self.split {
            None => CLIPS_SPLIT.to_owned(),
            at => Self::name(record, at)?
                .ok_or_else(|| (Reason::BadRow, "the split has no name".to_owned()))?,
        };
        let unknown = || UNKNOWN.to_owned();
        Ok(Entry {
            split,
            label,
            source: Self::name(record, self.source)?.unwrap_or_else(unknown),
            subject: Self::name(record, self.subject)?.unwrap_or_else(unknown),
            agreement: self.agreement(record)?,
            path,
            text: text.map(str::to_owned),
            lang: Self::name(record, self.lang)?,
        })
    }

    /// A field without the white space around it.
    fn field(record: &ByteRecord, at: usize) -> Result<&str, Refusal> {
        let bytes = record.get(at).unwrap_or_default();
        std::str::from_utf8(bytes).map(str::trim).map_err(|_| {
            let found = String::from_utf8_lossy(bytes).into_owned();
            (Reason::BadRow, format!("no UTF-8: {found}"))
        })
    }

    /// A short name; `None` if there is no such column or nothing in it.
    fn name(record: &ByteRecord, at: Option<usize>) -> Result<Option<String>, Refusal> {
        let Some(at) = at else { return Ok(None) };
        let name = Self::field(record, at)?;
        if name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err((Reason::BadRow, format!("no name: {name}")));
        }
        Ok((!name.is_empty()).then(|| name.to_owned()))
    }

    fn checked_path(record: &ByteRecord, at: usize) -> Result<String, Refusal> {
        let path = Self::field(record, at)?;
        plain_path(path)
            .map(str::to_owned)
            .ok_or_else(|| (Reason::BadPath, path.to_owned()))
    }

    /// `5/10`: five of ten annotators chose the label.
    fn agreement(&self, record: &ByteRecord) -> Result<Option<f32>, Refusal> {
        let Some(at) = self.votes else {
            return Ok(None);
        };
        let votes = Self::field(record, at)?;
        if votes.is_empty() {
            return Ok(None);
        }
        let parsed = votes.split_once('/').and_then(|(chose, all)| {
            let (chose, all) = (
                chose.trim().parse::<u16>().ok()?,
                all.trim().parse::<u16>().ok()?,
            );
            (all > 0 && chose <= all).then(|| f32::from(chose) / f32::from(all))
        });
        match parsed {
            Some(share) => Ok(Some(share)),
            None => Err((
                Reason::BadRow,
                format!("votes such as 5/10 expected, found {votes}"),
            )),
        }
    }
}

fn missing(path: &Path, name: &str, columns: &[String]) -> ManifestError {
    let found: String = columns.join(", ").chars().take(200).collect();
    ManifestError::Table {
        path: path.to_owned(),
        line: 1,
        reason: format!("expected a column `{name}`, found {found}"),
    }
}
