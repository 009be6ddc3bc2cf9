//! The store's description, `store.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{StoreError, write_atomically};

/// The only version of the layout so far.
pub const FORMAT: u32 = 1;
/// File name of the description.
pub const HEAD_FILE: &str = "store.json";
/// File name of the report that ends the making of a store.
pub const REPORT_FILE: &str = "report.json";
/// Nothing that describes a store is longer.
const MAX_HEAD_BYTES: u64 = 64 << 20;
/// More classes do not fit a label's byte.
const MAX_CLASSES: usize = 255;

/// What `store.json` says; written before the first shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the program that made it.
    pub version: String,
    /// Names of the classes, in the order of the target vectors.
    pub classes: Vec<String>,
    /// Digest of everything that the bytes of the store follow from.
    pub fingerprint: String,
    /// The shards, in order.
    pub shards: Vec<ShardName>,
}

/// A shard in the list of `store.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardName {
    /// Path below the store, with `/`.
    pub file: String,
    /// The split all of its rows belong to.
    pub split: String,
}

impl Head {
    /// The names of shards: `shards` says how many each split has.
    ///
    /// Splits are named freely, files are not: what is neither letter, digit nor `_` becomes `_` in the file's name,
    /// and a number keeps apart what would then be called alike.
    #[must_use]
    pub fn name_shards(shards: &[(String, usize)]) -> Vec<ShardName> {
        let mut taken: Vec<String> = Vec::new();
        let mut names = Vec::new();
        for (split, count) in shards {
            let plain: String = split
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .collect();
            let mut stem = plain.clone();
            let mut number = 2;
            while taken.contains(&stem) {
                stem = format!("{plain}_{number}");
                number += 1;
            }
            names.extend((0..*count).map(|index| ShardName {
                file: format!("data/{stem}-{index:05}-of-{count:05}.parquet"),
                split: split.clone(),
            }));
            taken.push(stem);
        }
        names
    }

    /// Where a shard lies.
    #[must_use]
    pub fn path(&self, folder: &Path, shard: usize) -> PathBuf {
        self.shards
            .get(shard)
            .map_or_else(|| folder.to_owned(), |name| folder.join(&name.file))
    }

    /// Reads the description of the store in `folder`; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read, is of another format or makes no sense.
    pub fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = folder.join(HEAD_FILE);
        let unreadable = |source| StoreError::Unreadable {
            path: path.clone(),
            source,
        };
        let bytes = match std::fs::metadata(&path) {
            Ok(found) if found.len() > MAX_HEAD_BYTES => {
                return Err(no_store(folder, format!("{HEAD_FILE} is too long")));
            }
            Ok(_) => std::fs::read(&path).map_err(unreadable)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let head: Self = serde_json::from_slice(&bytes)
            .map_err(|e| no_store(folder, format!("{HEAD_FILE}: {e}")))?;
        head.check(folder)?;
        Ok(Some(head))
    }

    /// Writes the description into `folder`.
    ///
    /// # Errors
    /// [`StoreError::Unwritable`].
    pub fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        write_atomically(&folder.join(HEAD_FILE), text.as_bytes())
    }

    fn check(&self, folder: &Path) -> Result<(), StoreError> {
        if self.format != FORMAT {
            return Err(no_store(
                folder,
                format!("expected format {FORMAT}, found {}", self.format),
            ));
        }
        if self.classes.is_empty() || self.classes.len() > MAX_CLASSES {
            return Err(no_store(
                folder,
                format!(
                    "expected 1 to {MAX_CLASSES} classes, found {}",
                    self.classes.len()
                ),
            ));
        }
        // The list comes from a file: it must not lead out of the folder.
        let outside = |name: &&ShardName| {
            let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            name.file.contains(['\\', ':', '\0']) || !name.file.split('/').all(plain)
        };
        if let Some(name) = self.shards.iter().find(outside) {
            return Err(no_store(
                folder,
                format!(
                    "{HEAD_FILE} lists `{}`, which is no path below it",
                    name.file
                ),
            ));
        }
        Ok(())
    }
}

pub(super) fn no_store(folder: &Path, reason: String) -> StoreError {
    StoreError::NoStore {
        folder: folder.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_so_that_splits_are_found_again() {
        let names = Head::name_shards(&[
            ("a-b".to_owned(), 1),
            ("a_b".to_owned(), 2),
            ("épreuve".to_owned(), 1),
        ]);
        let files: Vec<&str> = names.iter().map(|name| name.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "data/a_b-00000-of-00001.parquet",
                "data/a_b_2-00000-of-00002.parquet",
                "data/a_b_2-00001-of-00002.parquet",
                "data/_preuve-00000-of-00001.parquet",
            ]
        );
        assert_eq!(
            (names[0].split.as_str(), names[1].split.as_str()),
            ("a-b", "a_b")
        );
    }

    #[test]
    fn a_list_that_leads_elsewhere_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for file in [
            "../x.parquet",
            "/x.parquet",
            "data//x",
            "data/./x",
            "c:x",
            "data\\x",
        ] {
            let head = Head {
                format: FORMAT,
                version: "1".to_owned(),
                classes: vec!["joy".to_owned()],
                fingerprint: String::new(),
                shards: vec![ShardName {
                    file: file.to_owned(),
                    split: "train".to_owned(),
                }],
            };
            head.write(folder.path()).unwrap();
            let error = Head::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("no path below it"), "{file}: {error}");
        }
    }
}
