//! The folder that a store is made in.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::ManifestError;
use crate::store::{HEAD_FILE, Head, StoreError};

/// A decoder that a run is just starting shares its lock for a moment, even if that run has ended since.
const ATTEMPTS: u32 = 10;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

/// Makes the folder, or finds in it the beginning of this very store. The lock is held until the file is closed.
pub(crate) fn begin(out: &Path, head: &Head) -> Result<File, ManifestError> {
    let unwritable = |source| {
        ManifestError::Store(StoreError::Unwritable {
            path: out.to_owned(),
            source,
        })
    };
    let occupied = |reason: &str| ManifestError::Occupied {
        folder: out.to_owned(),
        reason: reason.to_owned(),
    };
    fs::create_dir_all(out).map_err(unwritable)?;
    match Head::read(out) {
        Ok(Some(found)) if found == *head => {}
        Ok(Some(_)) => {
            return Err(occupied(
                "holds a store of other data, classes, splits, shard size or program version",
            ));
        }
        Ok(None) => {
            let mut found = fs::read_dir(out).map_err(unwritable)?;
            let partial = format!("{HEAD_FILE}.partial");
            let foreign = found.find_map(|entry| {
                let name = entry.map(|entry| entry.file_name()).unwrap_or_default();
                (name != *partial).then_some(name)
            });
            if foreign.is_some() {
                return Err(occupied("is not empty and holds no store"));
            }
            head.write(out)?;
        }
        Err(error) => return Err(error.into()),
    }
    let lock = File::open(out.join(HEAD_FILE)).map_err(unwritable)?;
    for _ in 0..ATTEMPTS {
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => thread::sleep(BETWEEN_ATTEMPTS),
            // On a file system without locks nothing keeps two processes apart, but one works.
            Ok(()) | Err(fs::TryLockError::Error(_)) => return Ok(lock),
        }
    }
    Err(ManifestError::Busy {
        folder: out.to_owned(),
    })
}
