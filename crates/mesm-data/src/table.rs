//! Reading a table whose author is not trusted.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use csv::{ByteRecord, Position};

/// A longer record is a quotation mark that was never closed.
const MAX_RECORD_BYTES: u64 = 1 << 20;
/// What the reader takes in at once; small, because rows of a split may lie far apart.
const READ_AHEAD_BYTES: u64 = 8 << 10;
/// More columns than any table has.
const MAX_COLUMNS: usize = 1000;

/// What stops the reading of a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file is missing or may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The table is not what it should be.
    #[error("{}, line {line}: {reason}", path.display())]
    Line {
        /// The table.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What was expected and found, and what to do.
        reason: String,
    },
}

/// A table, open at some record.
pub(crate) struct Table {
    path: PathBuf,
    reader: csv::Reader<Metered>,
    limit: Rc<Cell<u64>>,
    columns: Vec<String>,
    record: ByteRecord,
}

/// Where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) byte: u64,
    /// Line, counted from 1.
    pub(crate) line: u64,
}

impl Table {
    /// Opens a table and reads the names of its columns.
    pub(crate) fn open(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path).map_err(|source| TableError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let limit = Rc::new(Cell::new(MAX_RECORD_BYTES + READ_AHEAD_BYTES));
        let metered = Metered {
            file,
            read: 0,
            limit: Rc::clone(&limit),
        };
        let mut reader = csv::ReaderBuilder::new()
            // Rows with too few or too many fields are counted, not the end.
            .flexible(true)
            .buffer_capacity(READ_AHEAD_BYTES as usize)
            .from_reader(metered);
        let wrong = |reason: String| TableError::Line {
            path: path.to_owned(),
            line: 1,
            reason,
        };
        let headers = reader.byte_headers().map_err(|e| wrong(e.to_string()))?;
        if headers.len() > MAX_COLUMNS {
            return Err(wrong(format!(
                "expected at most {MAX_COLUMNS} columns, found {}",
                headers.len()
            )));
        }
        let columns: Vec<String> = headers
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect();
        Ok(Self {
            path: path.to_owned(),
            reader,
            limit,
            columns,
            record: ByteRecord::new(),
        })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the columns.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The next record and where it begins; `None` at the end.
    pub(crate) fn next_record(&mut self) -> Result<Option<(Place, &ByteRecord)>, TableError> {
        let at = self.reader.position().clone();
        self.limit
            .set(at.byte() + MAX_RECORD_BYTES + READ_AHEAD_BYTES);
        let more = self.reader.read_byte_record(&mut self.record);
        let more = more.map_err(|e| TableError::Line {
            path: self.path.clone(),
            line: at.line(),
            reason: e.to_string(),
        })?;
        if !more {
            return Ok(None);
        }
        let at = self.record.position().unwrap_or(&at);
        let place = Place {
            byte: at.byte(),
            line: at.line(),
        };
        Ok(Some((place, &self.record)))
    }

    /// The record that begins at a place where [`Self::next_record`] found one.
    pub(crate) fn at(&mut self, place: Place) -> Result<Option<&ByteRecord>, TableError> {
        let mut position = Position::new();
        position.set_byte(place.byte).set_line(place.line);
        let sought = self.reader.seek(position);
        sought.map_err(|e| TableError::Line {
            path: self.path.clone(),
            line: place.line,
            reason: e.to_string(),
        })?;
        Ok(self.next_record()?.map(|(_, record)| record))
    }
}

/// A file of which no more than a limit is read.
struct Metered {
    file: File,
    /// Position in the file.
    read: u64,
    limit: Rc<Cell<u64>>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read > self.limit.get() {
            return Err(io::Error::other(format!(
                "the row that begins here is longer than {MAX_RECORD_BYTES} bytes; is a quotation mark not closed?"
            )));
        }
        let read = self.file.read(buffer)?;
        self.read += read as u64;
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.read = self.file.seek(to)?;
        Ok(self.read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &[u8]) -> (tempfile::TempDir, Table) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let table = Table::open(&path).unwrap();
        (folder, table)
    }

    #[test]
    fn records_are_found_again_with_quotes_and_line_breaks() {
        let (_folder, mut table) =
            table(b"\xEF\xBB\xBFa, b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\r\n2,w\r\n3,last");
        assert_eq!(table.columns(), ["a", "b"]);
        let mut places = Vec::new();
        while let Some((place, record)) = table.next_record().unwrap() {
            places.push((place, record[1].to_vec()));
        }
        let words: Vec<&[u8]> = places.iter().map(|(_, word)| &word[..]).collect();
        assert_eq!(words, [&b"x, \"y\"\nz"[..], b"w", b"last"]);
        for (place, word) in places.iter().rev() {
            assert_eq!(&table.at(*place).unwrap().unwrap()[1], &word[..]);
        }
    }

    #[test]
    fn an_open_quote_does_not_swallow_the_memory() {
        let mut text = b"a,b\n1,2\n3,\"".to_vec();
        text.resize(4 << 20, b'x');
        let (_folder, mut table) = table(&text);
        assert!(table.next_record().unwrap().is_some());
        let error = table.next_record().err().unwrap().to_string();
        assert!(
            error.contains("t.csv, line 3") && error.contains("not closed"),
            "{error}"
        );
    }
}
