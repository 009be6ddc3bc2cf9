//! Word vectors in the text format of `GloVe`.
//!
//! A line is a word and its numbers, parted by single spaces; there is no header. Files have up to several gigabytes,
//! of which an utterance needs a few lines: opening one notes where each word's line begins, asking for a word reads
//! its line.

use std::fmt;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::vector_line::{MAX_LINE_BYTES, dim_of, parsed, split, whole};
use super::{TableError, wrong};

/// Most words; the largest published file has 2.2 millions. The notes take 16 bytes a word.
const MAX_WORDS: usize = 8 << 20;

/// Read at once while the file is gone through, and for one line.
const SCAN_BYTES: usize = 1 << 20;
const LINE_BYTES: usize = 8 << 10;

/// A file of word vectors.
pub struct WordVectors {
    path: PathBuf,
    dim: usize,
    /// In the order of their hashes, equal ones in the order of the file.
    notes: Vec<Note>,
    /// Keyed anew for each file, so that nobody can write one whose words all have the same hash.
    hasher: RandomState,
    reader: Mutex<BufReader<File>>,
}

/// Where a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Note {
    hash: u32,
    /// Counted from 1.
    line: u32,
    place: u64,
}

impl fmt::Debug for WordVectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordVectors")
            .field("path", &self.path)
            .field("dim", &self.dim)
            .field("words", &self.notes.len())
            .finish_non_exhaustive()
    }
}

impl WordVectors {
    /// Goes through a file and notes where its words are: 16 bytes of memory a word, some seconds a gigabyte.
    ///
    /// The first line says how many numbers a vector has. Words may hold spaces (`. . .` is one in `glove.840B`): the
    /// numbers are counted from the right, and what is left is the word.
    ///
    /// # Errors
    /// [`TableError`] with the line that is wrong: in the first anything but a word and 2 to 4096 numbers, in others
    /// too few or too many numbers; a line of more than 128 KiB; a last line without a line break, which is a file
    /// that was cut off; more than 8 million words. Numbers beyond the first line are not looked at before they are
    /// asked for.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TableError> {
        let path = path.as_ref().to_owned();
        let unreadable = |source| TableError::Unreadable {
            path: path.clone(),
            source,
        };
        let file = File::open(&path).map_err(unreadable)?;
        let mut scan = BufReader::with_capacity(SCAN_BYTES, file);
        let hasher = RandomState::new();
        let mut notes = Vec::new();
        let (mut dim, mut place, mut line) = (0, 0, Vec::new());
        while let Some(bytes) = next_line(&mut scan, &mut line).map_err(unreadable)? {
            let number = notes.len() as u64 + 1;
            let wrong = |reason: String| wrong(&path, number, reason);
            let content = whole(&line).map_err(wrong)?;
            if notes.is_empty() {
                dim = dim_of(content).map_err(wrong)?;
            }
            if notes.len() == MAX_WORDS {
                return Err(wrong(format!("expected at most {MAX_WORDS} words")));
            }
            let (word, _) = split(content, dim).map_err(wrong)?;
            notes.push(Note {
                hash: hasher.hash_one(word) as u32,
                line: number as u32,
                place,
            });
            place += bytes as u64;
        }
        if notes.is_empty() {
            return Err(wrong(
                &path,
                1,
                "expected a word and its numbers, found an empty file".to_owned(),
            ));
        }
        notes.shrink_to_fit();
        notes.sort_unstable();
        let reader = BufReader::with_capacity(LINE_BYTES, scan.into_inner());
        Ok(Self {
            path,
            dim,
            notes,
            hasher,
            reader: Mutex::new(reader),
        })
    }

    /// Numbers of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Lines of the file, at least 1.
    #[must_use]
    pub fn words(&self) -> usize {
        self.notes.len()
    }

    /// The vector of a word, `[dim]`, exactly as it is written (upper and lower case differ); `None` if the file has no
    /// such word. Of a word that is there twice the first counts.
    ///
    /// # Errors
    /// When the word's line has something else than finite numbers, or is no longer there.
    pub fn vector(&self, word: &str) -> Result<Option<Vec<f32>>, TableError> {
        let hash = self.hasher.hash_one(word.as_bytes()) as u32;
        let first = self.notes.partition_point(|note| note.hash < hash);
        let alike = self.notes[first..]
            .iter()
            .take_while(|note| note.hash == hash);
        let mut line = Vec::new();
        for note in alike {
            let wrong = |reason: String| wrong(&self.path, u64::from(note.line), reason);
            self.read_line(note.place, &mut line)?;
            let content = whole(&line).map_err(wrong)?;
            let (found, numbers) = split(content, self.dim).map_err(wrong)?;
            if found == word.as_bytes() {
                return parsed(numbers).map(Some).map_err(wrong);
            }
        }
        Ok(None)
    }

    fn read_line(&self, place: u64, line: &mut Vec<u8>) -> Result<(), TableError> {
        // A reader that another thread left in the middle of a line is as good: it is sought anew.
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let read = reader.seek(SeekFrom::Start(place));
        let read = read.and_then(|_| next_line(&mut *reader, line));
        read.map_err(|source| TableError::Unreadable {
            path: self.path.clone(),
            source,
        })?;
        Ok(())
    }
}

/// Reads a line with its line break, or the beginning of one that is too long; `None` at the end.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<usize>> {
    line.clear();
    let read = reader.take(MAX_LINE_BYTES as u64).read_until(b'\n', line)?;
    Ok((read > 0).then_some(read))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const FILE: &[u8] =
        "the 0.25 -1.5 3\n. . . 1 2 3\nstra\u{df}e 4e-1 5 6\nThe 7 8 9\nthe 0 0 0\n".as_bytes();

    fn opened(bytes: &[u8]) -> (tempfile::TempDir, Result<WordVectors, TableError>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("glove.txt");
        std::fs::write(&path, bytes).unwrap();
        let vectors = WordVectors::open(&path);
        (folder, vectors)
    }

    fn error(bytes: &[u8]) -> String {
        let error = opened(bytes).1.unwrap_err().to_string();
        assert!(error.contains("glove.txt, line "), "{error}");
        error
    }

    #[test]
    fn words_are_found_with_spaces_and_by_case() {
        let (_folder, vectors) = opened(FILE);
        let vectors = vectors.unwrap();
        assert_eq!((vectors.dim(), vectors.words()), (3, 5));
        let of = |word| vectors.vector(word).unwrap();
        assert_eq!(of("the"), Some(vec![0.25, -1.5, 3.0]), "the first of two");
        assert_eq!(of(". . ."), Some(vec![1.0, 2.0, 3.0]));
        assert_eq!(of("stra\u{df}e"), Some(vec![0.4, 5.0, 6.0]));
        assert_eq!(of("The"), Some(vec![7.0, 8.0, 9.0]));
        for absent in ["", ".", ". .", "the 0.25", "th", "THE"] {
            assert_eq!(of(absent), None, "{absent}");
        }
    }

    #[test]
    fn line_ends_of_either_kind_and_blanks_before_them() {
        let (_folder, vectors) = opened(b"a 1 2 \r\nb 3 4\n");
        let vectors = vectors.unwrap();
        assert_eq!(vectors.vector("a").unwrap(), Some(vec![1.0, 2.0]));
        assert_eq!(vectors.vector("b").unwrap(), Some(vec![3.0, 4.0]));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let long = [&b"a 1 2\nb"[..], &vec![b'x'; 1 << 20]].concat();
        let wide = format!("a{}\n", " 1".repeat(5000));
        let cases: [(&[u8], &str); 14] = [
            (
                b"",
                "line 1: expected a word and its numbers, found an empty file",
            ),
            (
                b"400000 300\nthe 1 2\n",
                "line 1: expected a word and its vector, found two fields",
            ),
            (
                b"once upon a time\n",
                "line 1: expected a finite number, found `upon`",
            ),
            (b"word\n", "line 1: expected a word and 2 to 4096 numbers"),
            (
                wide.as_bytes(),
                "line 1: expected a word and 2 to 4096 numbers",
            ),
            (
                b"a 1 NaN\n",
                "line 1: expected a finite number, found `NaN`",
            ),
            (b"a 1 1e99\n", "line 1: expected a finite number"),
            (
                b"a 1 2\nb 1\n",
                "line 2: expected a word and 2 numbers, found 1 numbers",
            ),
            (
                b"a 1 2\nb 1 2 3\n",
                "line 2: expected a word and 2 numbers, found more",
            ),
            (
                b"a 1 2\n\nb 1 2\n",
                "line 2: expected a word and 2 numbers, found 0",
            ),
            (
                b"a 1 2\n 1 2\n",
                "line 2: expected a word before its 2 numbers",
            ),
            (b"a 1 2\nb 1 2", "line 2: the last line has no line break"),
            (
                &long,
                "line 2: expected a word and its numbers, found a line of more than",
            ),
            (
                b"\0\0\0\0\0\0\0\0\n",
                "line 1: expected a word and 2 to 4096 numbers",
            ),
        ];
        for (bytes, expected) in cases {
            let error = error(bytes);
            assert!(error.contains(expected), "{error}");
        }
        let absent = WordVectors::open("nowhere.txt").unwrap_err();
        assert!(matches!(absent, TableError::Unreadable { .. }));
    }

    #[test]
    fn numbers_are_checked_when_they_are_asked_for() {
        let file = b"a 1 2\nb 1 inf\nc 1 \xff\xfe\nd 1 2\0\ne  2\n\xff\xfe 1 2\n";
        let (_folder, vectors) = opened(file);
        let vectors = vectors.unwrap();
        for (word, line) in [("b", 2), ("c", 3), ("d", 4), ("e", 5)] {
            let error = vectors.vector(word).unwrap_err().to_string();
            let expected = format!("glove.txt, line {line}: expected a finite number");
            assert!(error.contains(&expected), "{error}");
        }
        assert_eq!(vectors.vector("a").unwrap(), Some(vec![1.0, 2.0]));
        assert_eq!(vectors.vector("\u{fffd}\u{fffd}").unwrap(), None);
    }

    #[test]
    fn a_file_that_shrinks_is_noticed() {
        let (folder, vectors) = opened(FILE);
        let vectors = vectors.unwrap();
        std::fs::write(folder.path().join("glove.txt"), &FILE[..20]).unwrap();
        assert!(vectors.vector("The").is_err());
    }

    #[test]
    fn damaged_files_are_an_error_or_vectors_of_finite_numbers() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let strange = b"\0\n \r\xff.-+eE0nN\"";
        let (mut refused, mut read) = (0, 0);
        for _ in 0..2_000 {
            let mut bytes = FILE.to_vec();
            for _ in 0..rng.random_range(1..6) {
                let at = rng.random_range(0..bytes.len());
                match rng.random_range(0..3) {
                    0 => bytes[at] = strange[rng.random_range(0..strange.len())],
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, strange[rng.random_range(0..strange.len())]),
                }
            }
            let Ok(vectors) = opened(&bytes).1 else {
                refused += 1;
                continue;
            };
            for word in ["the", ". . .", "The", "stra\u{df}e", ""] {
                if let Ok(Some(vector)) = vectors.vector(word) {
                    assert_eq!(vector.len(), vectors.dim());
                    assert!(vector.iter().all(|value| value.is_finite()));
                    read += 1;
                }
            }
        }
        assert!(
            refused > 200 && read > 200,
            "{refused} refused, {read} read"
        );
    }
}
