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
