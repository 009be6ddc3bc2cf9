//! Tables of numbers by `DisVoice`, or any program that writes one row a window.

use std::path::Path;

use super::{TableError, number, wrong};
use crate::table::Table;

/// Columns that name a row instead of measuring it: that of `DisVoice`, and the count that pandas writes without a
/// name.
const NOT_NUMBERS: [&str; 2] = ["id", ""];

/// Most numbers that are kept: 256 MB of them.
const MAX_VALUES: usize = 64 << 20;

/// Rows of numbers below names.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberTable {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// `[rows, columns]` row-major, all finite.
    pub values: Vec<f32>,
}

impl NumberTable {
    /// The rows, each `[columns]`.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.columns.len())
    }
}

/// Reads a table with names in its first line and numbers below, all rows in their order. A column named `id` and
/// columns without a name are left out.
///
/// # Errors
/// When the file cannot be read, has no column of numbers or no row, a row has another number of fields, or a field
/// is no finite number. `DisVoice` writes `nan` for statistics of a window without a voice: what stands for them is
/// the caller's to decide and write.
pub fn read_disvoice_csv(path: &Path) -> Result<NumberTable, TableError> {
    let mut table = Table::open(path)?;
    let count = table.columns().len();
    let kept: Vec<(usize, String)> = table
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, name)| !NOT_NUMBERS.contains(&name.as_str()))
        .map(|(at, name)| (at, name.clone()))
        .collect();
    if kept.is_empty() {
        return Err(wrong(
            path,
            1,
            "expected names of columns, found none".to_owned(),
        ));
    }
    let mut values = Vec::new();
    while let Some((place, record)) = table.next_record()? {
        let line = place.line;
        if record.len() != count {
            let reason = format!(
                "expected {count} fields, found {}: is the file cut off?",
                record.len()
            );
            return Err(wrong(path, line, reason));
        }
        if values.len() + kept.len() > MAX_VALUES {
            let reason = format!("expected at most {MAX_VALUES} numbers: cut the table into parts");
            return Err(wrong(path, line, reason));
        }
        for (at, name) in &kept {
            let value: f32 = number(path, line, name, record.get(*at))?;
            if !value.is_finite() {
                let reason = format!(
                    "expected a finite number in column `{name}`, found {value}: write what stands for it, 0 or a mean"
                );
                return Err(wrong(path, line, reason));
            }
            values.push(value);
        }
    }
    if values.is_empty() {
        return Err(wrong(
            path,
            1,
            "expected rows below the names of the columns, found none".to_owned(),
        ));
    }
    Ok(NumberTable {
        columns: kept.into_iter().map(|(_, name)| name).collect(),
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<NumberTable, TableError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voice.csv");
        std::fs::write(&path, bytes).unwrap();
        read_disvoice_csv(&path)
    }

    #[test]
    fn numbers_are_read_and_names_of_rows_left_out() {
        let table =
            read(b",id,vocalic mean,\"consonantal, std\"\n0,a.wav,1.5,-2e-3\n1,b.wav, 4,5\n")
                .unwrap();
        assert_eq!(table.columns, ["vocalic mean", "consonantal, std"]);
        let rows: Vec<&[f32]> = table.rows().collect();
        assert_eq!(rows, [&[1.5, -0.002][..], &[4.0, 5.0]]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases: [(&[u8], &str); 7] = [
            (
                b"a,b\n1,2\n1,nan\n",
                "line 3: expected a finite number in column `b`, found NaN",
            ),
            (
                b"a,b\n1,1e99\n",
                "line 2: expected a finite number in column `b`, found inf",
            ),
            (b"a,b\n1,2\n3,4\n3\n", "line 4: expected 2 fields, found 1"),
            (
                b"a,b\n1,\n",
                "line 2: expected a number in column `b`, found ``",
            ),
            (b"a,b\n1,2\0\n", "line 2: expected a number in column `b`"),
            (b"a,b\n", "line 1: expected rows"),
            (b"", "line 1: expected names"),
        ];
        for (bytes, expected) in cases {
            let error = read(bytes).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("voice.csv"),
                "{error}"
            );
        }
        assert!(read(&vec![b'x'; 3 << 20]).is_err());
        assert!(read(b"a\n\xff\xfe\n").is_err());
    }
}
