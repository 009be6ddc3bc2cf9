//! Reading the text files of a data set, and a digest of what was read.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::manifest::{InputFile, ManifestError, hex};

/// Longest text file: those of the data sets have a few hundred kilobytes.
const MAX_TEXT_BYTES: u64 = 16 << 20;
/// Longest id of an utterance in bytes.
const MAX_ID_BYTES: usize = 128;

/// Files of one kind, read one after the other; their names and contents become one digest.
pub(super) struct Texts {
    folder: PathBuf,
    kind: &'static str,
    hash: Sha256,
    files: u64,
    bytes: u64,
}

impl Texts {
    /// Begins; `folder` is what names are relative to.
    pub(super) fn new(folder: &Path, kind: &'static str) -> Self {
        Self {
            folder: folder.to_owned(),
            kind,
            hash: Sha256::new(),
            files: 0,
            bytes: 0,
        }
    }

    /// A file's name in the data set.
    pub(super) fn name(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.folder).unwrap_or(path);
        below.to_string_lossy().replace('\\', "/")
    }

    /// Reads a file. What is no UTF-8 is replaced: some transcripts hold single bytes of older encodings.
    pub(super) fn read(&mut self, path: &Path) -> Result<String, ManifestError> {
        let bytes = read_bounded(path, MAX_TEXT_BYTES)?;
        self.count(path, bytes.len() as u64, &bytes);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Counts a file by its name and length alone: recordings of a hundred gigabytes are not read twice.
    pub(super) fn measure(&mut self, path: &Path) -> bool {
        let Some(found) = fs::metadata(path).ok().filter(fs::Metadata::is_file) else {
            return false;
        };
        self.count(path, found.len(), &[]);
        true
    }

    fn count(&mut self, path: &Path, length: u64, bytes: &[u8]) {
        let name = self.name(path);
        for part in [&name.len().to_le_bytes()[..], name.as_bytes()] {
            self.hash.update(part);
        }
        self.hash.update(length.to_le_bytes());
        self.hash.update(bytes);
        self.files += 1;
        self.bytes += length;
    }

    /// The digest of everything that was read; nothing if nothing was.
    pub(super) fn finish(self) -> Option<InputFile> {
        (self.files > 0).then(|| InputFile {
            file: format!("{} ({} files)", self.kind, self.files),
            bytes: self.bytes,
            sha256: hex(&self.hash.finalize()),
        })
    }
}

/// The bytes of a file that has at most `most`.
pub(super) fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>, ManifestError> {
    let unreadable = |source| ManifestError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return Err(ManifestError::Archive {
            path: path.to_owned(),
            reason: format!("expected at most {most} bytes"),
        });
    }
    Ok(bytes)
}

/// The files of a folder with this suffix, sorted; those that systems leave behind (`._name`) are not looked at.
pub(super) fn files(folder: &Path, suffix: &str) -> Result<Vec<PathBuf>, ManifestError> {
    let mut files: Vec<PathBuf> = entries(folder)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|found| found == suffix) && path.is_file())
        .collect();
    files.sort();
    Ok(files)
}

/// Everything in a folder whose name does not begin with a dot.
pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let unreadable = |source| ManifestError::Unreadable {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// The name of a file without its suffix.
pub(super) fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

/// Whether a name can be an utterance's: it becomes part of paths.
pub(super) fn is_id(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !name.is_empty()
        && name.len() <= MAX_ID_BYTES
        && !name.starts_with('.')
        && name.chars().all(plain)
}

/// A time in seconds, if it is one.
pub(super) fn seconds(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|s: &f64| s.is_finite() && s.abs() < 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_in_their_folder() {
        for id in ["Ses05M_script01_1b_F024", "-3g5yACwYnA_10", "_7HVhnSYX1Y_0"] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", "..", "a/b", "a b", "a\\b", ".hidden", &"a".repeat(129)] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn a_digest_tells_contents_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let digest = |text: &[u8]| {
            fs::write(&path, text).unwrap();
            let mut texts = Texts::new(folder.path(), "labels");
            texts.read(&path).unwrap();
            texts.finish().unwrap()
        };
        let (a, b) = (digest(b"one"), digest(b"two"));
        assert_eq!((a.file.as_str(), a.bytes), ("labels (1 files)", 3));
        assert_ne!(a.sha256, b.sha256);
        assert!(Texts::new(folder.path(), "labels").finish().is_none());
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_bounded(&path, 5).unwrap(), b"12345");
        assert!(read_bounded(&path, 4).is_err());
    }
}
