//! The files that a store is made from, and those that are left alone.

use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::ManifestError;
use super::plan::Source;
use super::record::Kind;
use super::report::{InputFile, NotRead};

/// Length and digest of every file that is read.
pub(super) fn inputs(folder: &Path, sources: &[Source]) -> Result<Vec<InputFile>, ManifestError> {
    let mut inputs = Vec::new();
    for source in sources {
        inputs.push(digest(folder, source.file)?);
        if let Some(archive) = source.kind.archive() {
            inputs.push(digest(folder, archive)?);
        }
        let beside = source.file.strip_suffix("clips.csv").unwrap_or_default();
        for video in &source.videos {
            inputs.push(digest(folder, &format!("{beside}{video}"))?);
        }
    }
    Ok(inputs)
}

fn digest(folder: &Path, name: &str) -> Result<InputFile, ManifestError> {
    let path = folder.join(name);
    let unreadable = |source| ManifestError::Unreadable {
        path: path.clone(),
        source,
    };
    let mut file = File::open(&path).map_err(unreadable)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hash.update(&buffer[..read]);
    }
    Ok(InputFile {
        file: name.to_owned(),
        bytes,
        sha256: hex(&hash.finalize()),
    })
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing into a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// What a folder holds that is not looked into.
pub(super) fn not_read(folder: &Path) -> Vec<NotRead> {
    let lonely = Kind::ALL.into_iter().filter_map(|kind| {
        let archive = kind.archive()?;
        let alone = folder.join(archive).is_file() && kind.table_in(folder).is_none();
        alone.then(|| NotRead {
            file: archive.to_owned(),
            reason: format!("there is no {}", kind.tables().join(" nor ")),
        })
    });
    lonely.collect()
}
