//! The ZIP container of a checkpoint, entries as slices of the input.

use std::io::{self, Cursor};

use zip::read::ZipReadOptions;
use zip::{CompressionMethod, ZipArchive};

use super::malformed;
use crate::weights::WeightsError;

/// Largest pickle that is read. A state dict of a thousand tensors takes 150 kB.
const MAX_PICKLE: usize = 16 << 20;

const LEGACY: &str = "this is the format of PyTorch before 1.6; load it with torch.load and save \
                      it again with a newer PyTorch";

pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// The folder that every entry lies in, with its slash; often `archive/`.
    root: String,
    /// Bytes of storages handed out so far.
    used: usize,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        // A pickle header where a ZIP signature should be.
        if bytes.starts_with(&[0x80, 2, 0x8a, 10]) {
            return Err(malformed(LEGACY));
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|e| malformed(e.to_string()))?;
        let root = zip
            .file_names()
            .filter_map(Result::ok)
            .filter_map(|name| name.strip_suffix("data.pkl").map(str::to_owned))
            .filter(|root| root.is_empty() || root.ends_with('/'))
            .min_by_key(String::len)
            .ok_or_else(|| malformed("the ZIP archive has no data.pkl"))?;
        let mut archive = Self {
            bytes,
            zip,
            root,
            used: 0,
        };
        if let Some(order) = archive.entry("byteorder")?
            && order != b"little"
        {
            return Err(malformed("the tensors are not little-endian"));
        }
        Ok(archive)
    }

    /// The pickle that describes the saved object.
    pub(super) fn pickle(&mut self) -> Result<&'a [u8], WeightsError> {
        let pickle = self
            .entry("data.pkl")?
            .ok_or_else(|| malformed("the ZIP archive has no data.pkl"))?;
        if pickle.len() > MAX_PICKLE {
            return Err(malformed(format!(
                "data.pkl has {} bytes; at most {MAX_PICKLE} are read",
                pickle.len()
            )));
        }
        Ok(pickle)
    }

    /// The bytes of one storage; to be asked for once per storage.
    ///
    /// Entries that overlap would let a small file pose as many large ones: all storages together
    /// must fit into the file.
    pub(super) fn storage(&mut self, key: &str) -> Result<&'a [u8], WeightsError> {
        let storage = self
            .entry(&format!("data/{key}"))?
            .ok_or_else(|| malformed(format!("storage `{key}` is missing from the archive")))?;
        self.used = self.used.saturating_add(storage.len());
        if self.used > self.bytes.len() {
            return Err(malformed("the storages are larger than the file"));
        }
        Ok(storage)
    }

    fn entry(&mut self, name: &str) -> Result<Option<&'a [u8]>, WeightsError> {
        let name = format!("{}{name}", self.root);
        let Some(index) = self.zip.index_for_name(&name) else {
            return Ok(None);
        };
        let broken = |reason: String| malformed(format!("ZIP entry `{name}`: {reason}"));
        // torch.save can be told not to compute checksums, and then writes 0.
        let checksum = self
            .zip
            .by_index_raw(index)
            .map_err(|e| broken(e.to_string()))?
            .crc32();
        let options = ZipReadOptions::new().ignore_crc32(checksum == 0);
        let mut entry = self
            .zip
            .by_index_with_options(index, options)
            .map_err(|e| broken(e.to_string()))?;
        if entry.compression() != CompressionMethod::Stored
            || entry.size() != entry.compressed_size()
        {
            return Err(broken("compressed entries are not read".to_owned()));
        }
        let bytes = entry
            .data_start()
            .and_then(|start| {
                let end = start.checked_add(entry.size())?;
                let range = usize::try_from(start).ok()?..usize::try_from(end).ok()?;
                self.bytes.get(range)
            })
            .ok_or_else(|| broken("reaches beyond the end of the file".to_owned()))?;
        // Reading to the end is what compares the checksum.
        io::copy(&mut entry, &mut io::sink()).map_err(|e| broken(e.to_string()))?;
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, data) in entries {
            writer.start_file(*name, options).unwrap();
            writer.write_all(data).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn reason<T>(result: Result<T, WeightsError>) -> String {
        result
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn storages_may_not_add_up_to_more_than_the_file() {
        let bytes = archive(&[("x/data.pkl", b"N."), ("x/data/0", &[7; 4000])]);
        let mut archive = Archive::open(&bytes).unwrap();
        assert_eq!(archive.pickle().unwrap(), b"N.");
        assert_eq!(archive.storage("0").unwrap(), [7; 4000]);
        // A second entry over the same bytes would look just like this.
        assert!(reason(archive.storage("0")).contains("larger than the file"));
        assert!(reason(archive.storage("1")).contains("missing"));
    }

    #[test]
    fn foreign_archives_are_refused() {
        let other = archive(&[("readme.txt", b"hello")]);
        assert!(reason(Archive::open(&other)).contains("no data.pkl"));
        let big = archive(&[("data.pkl", b"N."), ("byteorder", b"big")]);
        assert!(reason(Archive::open(&big)).contains("little-endian"));
        let mut damaged = archive(&[("data.pkl", b"N.")]);
        let at = damaged.windows(2).position(|w| w == b"N.").unwrap();
        damaged[at] = b'M';
        let mut damaged = Archive::open(&damaged).unwrap();
        assert!(reason(damaged.pickle()).contains("data.pkl"));
    }
}
