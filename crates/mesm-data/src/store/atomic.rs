//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::StoreError;

/// A file under a temporary name, on its way.
///
/// It gets its own name by [`Self::commit`], after its bytes are on the disk; a killed program leaves the temporary name
/// behind, which the next attempt overwrites.
pub(super) struct Unfinished {
    target: PathBuf,
    temporary: PathBuf,
}

impl Unfinished {
    /// Begins the file `target`.
    pub(super) fn begin(target: &Path) -> Result<(Self, File), StoreError> {
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let temporary = PathBuf::from(name);
        let file = File::create(&temporary).map_err(|source| StoreError::Unwritable {
            path: temporary.clone(),
            source,
        })?;
        let target = target.to_owned();
        Ok((Self { target, temporary }, file))
    }

    /// Gives the file, all of whose bytes are written to `file`, its name.
    pub(super) fn commit(self, file: &File) -> Result<(), StoreError> {
        let moved = file
            .sync_all()
            .and_then(|()| fs::rename(&self.temporary, &self.target))
            .and_then(|()| sync_folder(&self.target));
        moved.map_err(|source| StoreError::Unwritable {
            path: self.target,
            source,
        })
    }
}

/// Makes the new name durable; elsewhere than on Unix a folder cannot be synced, and need not be.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    match file.parent() {
        Some(folder) if cfg!(unix) => {
            // A bare name lies where the program was started.
            let here = folder.as_os_str().is_empty();
            File::open(if here { Path::new(".") } else { folder })?.sync_all()
        }
        _ => Ok(()),
    }
}

/// Writes a small file whole or not at all: to a temporary name, to the disk, then under its own name.
///
/// # Errors
/// [`StoreError::Unwritable`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let (unfinished, mut file) = Unfinished::begin(path)?;
    file.write_all(bytes)
        .map_err(|source| StoreError::Unwritable {
            path: path.to_owned(),
            source,
        })?;
    unfinished.commit(&file)
}
