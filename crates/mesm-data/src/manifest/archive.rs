//! An archive of media, read in place.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tar::{Archive as Tar, EntryType};

use super::ManifestError;
use super::skipped::{Reason, Skips};

/// Longest name of an entry in bytes.
pub(super) const MAX_PATH_BYTES: usize = 1024;
/// Longest description of an entry (long names, extended attributes) in bytes.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
/// More entries would not fit the memory that an index may take.
const MAX_ENTRIES: usize = 20_000_000;

/// An archive with the places of its files.
pub(super) struct Archive {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
    by_name: HashMap<Box<str>, u32>,
}

/// A file in the archive.
#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: u64,
    bytes: u64,
    /// Whether a row named it.
    named: bool,
    /// Whether a row took it.
    taken: bool,
}

impl Archive {
    /// Opens an archive and reads the headers of its entries, whatever their order. What is no file is counted.
    pub(super) fn open(path: &Path, name: &str, skips: &mut Skips) -> Result<Self, ManifestError> {
        let unreadable = |source| ManifestError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        let length = file.metadata().map_err(unreadable)?.len();
        check_extensions(path)?;
        let mut archive = Self {
            path: path.to_owned(),
            file,
            entries: Vec::new(),
            by_name: HashMap::new(),
        };
        let mut tar = Tar::new(BufReader::new(File::open(path).map_err(unreadable)?));
        let entries = tar.entries_with_seek().map_err(unreadable)?;
        for entry in entries {
            let entry = entry.map_err(|e| damaged(path, &e))?;
            let kind = entry.header().entry_type();
            if kind == EntryType::Directory || kind == EntryType::XGlobalHeader {
                continue;
            }
            let found = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if kind != EntryType::Regular && kind != EntryType::Continuous {
                skips.add(name, Reason::EntryNoFile, None, &found);
                continue;
            }
            let (offset, bytes) = (entry.raw_file_position(), entry.size());
            if offset.checked_add(bytes).is_none_or(|end| end > length) {
                return Err(ManifestError::Archive {
                    path: path.to_owned(),
                    reason: format!("it is cut off within `{found}`"),
                });
            }
            match plain_path(&found) {
                Some(found) => archive.add(found, offset, bytes, name, skips)?,
                None => skips.add(name, Reason::BadPath, None, &found),
            }
        }
        Ok(archive)
    }

    fn add(
        &mut self,
        found: &str,
        offset: u64,
        bytes: u64,
        name: &str,
        skips: &mut Skips,
    ) -> Result<(), ManifestError> {
        if self.entries.len() >= MAX_ENTRIES {
            return Err(ManifestError::Archive {
                path: self.path.clone(),
                reason: format!("expected at most {MAX_ENTRIES} files"),
            });
        }
        let entry = Entry {
            offset,
            bytes,
            named: false,
            taken: false,
        };
        if let Some(earlier) = self.by_name.get(found) {
            skips.add(name, Reason::EntryReplaced, None, found);
            self.entries[*earlier as usize] = entry;
        } else {
            self.by_name.insert(found.into(), self.entries.len() as u32);
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Number and length of the file that a row names.
    pub(super) fn find(&mut self, path: &str) -> Option<(u32, u64)> {
        let number = *self.by_name.get(path)?;
        let entry = &mut self.entries[number as usize];
        entry.named = true;
        Some((number, entry.bytes))
    }

    /// Takes a file for a row; false if another row has it.
    pub(super) fn take(&mut self, number: u32) -> bool {
        let entry = &mut self.entries[number as usize];
        !std::mem::replace(&mut entry.taken, true)
    }

    /// Names of the files that no row named, sorted.
    pub(super) fn unnamed(&self) -> Vec<&str> {
        let unnamed = self.by_name.iter();
        let mut unnamed: Vec<&str> = unnamed
            .filter(|(_, number)| !self.entries[**number as usize].named)
            .map(|(name, _)| &**name)
            .collect();
        unnamed.sort_unstable();
        unnamed
    }

    /// The bytes of a file.
    pub(super) fn read(&mut self, number: u32) -> Result<Vec<u8>, ManifestError> {
        let entry = self.entries[number as usize];
        let mut bytes = vec![0; entry.bytes as usize];
        let read = self.file.seek(SeekFrom::Start(entry.offset));
        read.and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|source| ManifestError::Unreadable {
                path: self.path.clone(),
                source,
            })?;
        Ok(bytes)
    }
}

/// Long names and extended attributes are read into memory whole by the archive's reader: none may be large.
fn check_extensions(path: &Path) -> Result<(), ManifestError> {
    let file = File::open(path).map_err(|source| ManifestError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut tar = Tar::new(BufReader::new(file));
    let entries = tar.entries_with_seek().map_err(|e| damaged(path, &e))?;
    for entry in entries.raw(true) {
        let entry = entry.map_err(|e| damaged(path, &e))?;
        let kind = entry.header().entry_type();
        let extension = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions();
        if extension && entry.size() > MAX_EXTENSION_BYTES {
            return Err(ManifestError::Archive {
                path: path.to_owned(),
                reason: format!(
                    "expected at most {MAX_EXTENSION_BYTES} bytes to describe an entry, found {}",
                    entry.size()
                ),
            });
        }
        if kind.is_gnu_sparse() {
            return Err(ManifestError::Archive {
                path: path.to_owned(),
                reason: "it holds a sparse file; pack it again without --sparse".to_owned(),
            });
        }
    }
    Ok(())
}

fn damaged(path: &Path, error: &std::io::Error) -> ManifestError {
    ManifestError::Archive {
        path: path.to_owned(),
        reason: format!("it is no tar archive, or a damaged one: {error}"),
    }
}

/// A relative path with `/` that stays below its folder, without a leading `./`; otherwise `None`.
pub(super) fn plain_path(path: &str) -> Option<&str> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    let fine = path.len() <= MAX_PATH_BYTES
        && !path.contains(['\\', '\0', ':'])
        && path.split('/').all(plain);
    fine.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_their_folder() {
        assert_eq!(plain_path("./faces/a.jpg"), Some("faces/a.jpg"));
        let long = "a".repeat(MAX_PATH_BYTES + 1);
        for path in [
            "", "/etc/x", "../x", "a/../x", "a//x", "a/", "a\\x", "C:x", "a\0", &long,
        ] {
            assert_eq!(plain_path(path), None, "{path}");
        }
    }
}
