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
use super::skipped::{Reason, Skips};
use super::table::Table;

/// Length and digest of every file that is read.
pub(super) fn inputs(folder: &Path, sources: &[Source]) -> Result<Vec<InputFile>, ManifestError> {
    let names = sources
        .iter()
        .flat_map(|source| [Some(source.kind.table()), source.kind.archive()])
        .flatten();
    names.map(|name| digest(folder, name)).collect()
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
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing into a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Where the table of clips lies, if there is one.
pub(super) fn has_clips(folder: &Path) -> Option<&'static str> {
    ["clips/clips.csv", "clips.csv"]
        .into_iter()
        .find(|file| folder.join(file).is_file())
}

/// What a folder holds that is not looked into. The rows of a table of clips are counted one by one.
pub(super) fn not_read(folder: &Path, skips: &mut Skips) -> Vec<NotRead> {
    let clips = has_clips(folder).and_then(|file| {
        let error = count_clips(folder, file, skips).err()?;
        Some(NotRead {
            file: file.to_owned(),
            reason: error.to_string(),
        })
    });
    let lonely = Kind::ALL.into_iter().filter_map(|kind| {
        let archive = kind.archive()?;
        let alone = folder.join(archive).is_file() && !folder.join(kind.table()).exists();
        alone.then(|| NotRead {
            file: archive.to_owned(),
            reason: format!("there is no {}", kind.table()),
        })
    });
    clips.into_iter().chain(lonely).collect()
}

fn count_clips(folder: &Path, file: &str, skips: &mut Skips) -> Result<(), ManifestError> {
    let mut table = Table::open(&folder.join(file))?;
    let path = table.columns().iter().position(|column| column == "path");
    while let Some((place, record)) = table.next_record()? {
        let found = path.and_then(|at| record.get(at)).unwrap_or_default();
        let found = String::from_utf8_lossy(found);
        skips.add(file, Reason::Video, Some(place.line), &found);
    }
    Ok(())
}
