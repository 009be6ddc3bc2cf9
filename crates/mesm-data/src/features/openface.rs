//! Action units by `OpenFace`.

use std::path::Path;

use csv::ByteRecord;

use super::{TableError, number, wrong};
use crate::table::Table;

/// Columns of a row that are features: 17 intensities and 18 presences.
pub const ACTION_UNITS: usize = 35;

/// Names of the columns, in the order of [`OpenFaceRow::action_units`]: intensities 0 to 5 (`_r`), then
/// presences 0 or 1 (`_c`).
pub const ACTION_UNIT_COLUMNS: [&str; ACTION_UNITS] = [
    "AU01_r", "AU02_r", "AU04_r", "AU05_r", "AU06_r", "AU07_r", "AU09_r", "AU10_r", "AU12_r",
    "AU14_r", "AU15_r", "AU17_r", "AU20_r", "AU23_r", "AU25_r", "AU26_r", "AU45_r", "AU01_c",
    "AU02_c", "AU04_c", "AU05_c", "AU06_c", "AU07_c", "AU09_c", "AU10_c", "AU12_c", "AU14_c",
    "AU15_c", "AU17_c", "AU20_c", "AU23_c", "AU25_c", "AU26_c", "AU28_c", "AU45_c",
];

/// More than 18 hours of video.
const MAX_ROWS: usize = 2_000_000;

/// What `OpenFace` says of a face in a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenFaceRow {
    /// Number of the frame, as the program counts (from 1).
    pub frame: u64,
    /// Which of several faces; 0 where the table does not tell.
    pub face: u32,
    /// Time from the start of the video, seconds.
    pub timestamp_s: f64,
    /// How sure the program is of the face's points, 0 to 1.
    pub confidence: f32,
    /// Whether the face was followed in this frame. Where it was not, the action units are whatever was written (mostly
    /// 0), and 0 where that is no finite number.
    pub success: bool,
    /// The columns [`ACTION_UNIT_COLUMNS`].
    pub action_units: [f32; ACTION_UNITS],
}

/// Reads the table that `FeatureExtraction` or `FaceLandmarkVidMulti` writes with `-aus`, all rows in their order.
/// Other columns may be there; blanks around names and numbers do not matter.
///
/// # Errors
/// When the file cannot be read, a column is missing, a row has another number of fields or a field that is no finite
/// number, there is no row, or more than two millions.
pub fn read_openface_csv(path: &Path) -> Result<Vec<OpenFaceRow>, TableError> {
    let mut table = Table::open(path)?;
    let columns = Columns::find(path, table.columns())?;
    let mut rows = Vec::new();
    while let Some((place, record)) = table.next_record()? {
        if rows.len() == MAX_ROWS {
            let reason = format!("expected at most {MAX_ROWS} rows: cut the video first");
            return Err(wrong(path, place.line, reason));
        }
        rows.push(columns.row(path, place.line, record)?);
    }
    if rows.is_empty() {
        return Err(wrong(
            path,
            1,
            "expected rows below the names of the columns, found none".to_owned(),
        ));
    }
    Ok(rows)
}

/// Where the columns are.
struct Columns {
    count: usize,
    frame: usize,
    face: Option<usize>,
    timestamp: usize,
    confidence: usize,
    success: usize,
    action_units: [usize; ACTION_UNITS],
}

impl Columns {
    fn find(path: &Path, names: &[String]) -> Result<Self, TableError> {
        let optional = |name: &str| names.iter().position(|column| column == name);
        let needed = |name: &str| {
            optional(name).ok_or_else(|| {
                let found: String = names.join(", ").chars().take(200).collect();
                wrong(
                    path,
                    1,
                    format!(
                        "expected a column `{name}`, found {found}: was OpenFace run with -aus?"
                    ),
                )
            })
        };
        let mut action_units = [0; ACTION_UNITS];
        for (at, name) in action_units.iter_mut().zip(ACTION_UNIT_COLUMNS) {
            *at = needed(name)?;
        }
        Ok(Self {
            count: names.len(),
            frame: needed("frame")?,
            face: optional("face_id"),
            timestamp: needed("timestamp")?,
            confidence: needed("confidence")?,
            success: needed("success")?,
            action_units,
        })
    }

    fn row(&self, path: &Path, line: u64, record: &ByteRecord) -> Result<OpenFaceRow, TableError> {
        if record.len() != self.count {
            let reason = format!(
                "expected {} fields, found {}: is the file cut off?",
                self.count,
                record.len()
            );
            return Err(wrong(path, line, reason));
        }
        let finite = |column: &str, at: usize| -> Result<f64, TableError> {
            let value: f64 = number(path, line, column, record.get(at))?;
            if value.is_finite() && value.abs() <= f64::from(f32::MAX) {
                return Ok(value);
            }
            Err(wrong(
                path,
                line,
                format!("expected a finite number in column `{column}`, found {value}"),
            ))
        };
        let success: f64 = finite("success", self.success)?;
        let success = success > 0.5;
        let mut action_units = [0.0; ACTION_UNITS];
        for (k, unit) in action_units.iter_mut().enumerate() {
            *unit = match finite(ACTION_UNIT_COLUMNS[k], self.action_units[k]) {
                Ok(value) => value as f32,
                Err(_) if !success => 0.0,
                Err(error) => return Err(error),
            };
        }
        let face = self
            .face
            .map(|at| number(path, line, "face_id", record.get(at)));
        Ok(OpenFaceRow {
            frame: number(path, line, "frame", record.get(self.frame))?,
            face: face.transpose()?.unwrap_or(0),
            timestamp_s: finite("timestamp", self.timestamp)?,
            confidence: finite("confidence", self.confidence)? as f32,
            success,
            action_units,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table as the program writes it: a gaze column that is not read, and a blank before each name.
    fn table(rows: &[String]) -> String {
        let names = ACTION_UNIT_COLUMNS.join(", ");
        let mut text =
            format!("frame, face_id, timestamp, confidence, success, gaze_0_x, {names}\n");
        for row in rows {
            text.push_str(row);
            text.push('\n');
        }
        text
    }

    fn row(frame: u32, success: u32, unit: &str) -> String {
        let units = vec![unit; ACTION_UNITS - 1].join(", ");
        format!(
            "{frame}, 0, {:.3}, 0.98, {success}, 0.034, {units}, 1.00",
            f64::from(frame - 1) / 30.0
        )
    }

    fn read(bytes: &[u8]) -> Result<Vec<OpenFaceRow>, TableError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("face.csv");
        std::fs::write(&path, bytes).unwrap();
        read_openface_csv(&path)
    }

    #[test]
    fn rows_are_read_and_lost_faces_marked() {
        let text = table(&[row(1, 1, "2.50"), row(2, 0, "0.00"), row(3, 0, "-nan(ind)")]);
        let rows = read(text.as_bytes()).unwrap();
        assert_eq!(rows.len(), 3);
        let first = &rows[0];
        assert_eq!((first.frame, first.face, first.success), (1, 0, true));
        assert!((first.timestamp_s).abs() < 1e-9 && (first.confidence - 0.98).abs() < 1e-6);
        assert_eq!((first.action_units[0], first.action_units[34]), (2.5, 1.0));
        assert!((rows[1].timestamp_s - 0.033).abs() < 1e-9);
        assert!(!rows[1].success && !rows[2].success);
        assert_eq!(rows[2].action_units[..34], [0.0; 34]);
    }

    #[test]
    fn columns_are_found_by_name_in_any_order() {
        let names: Vec<&str> = ACTION_UNIT_COLUMNS.iter().rev().copied().collect();
        let values: Vec<String> = (0..ACTION_UNITS).rev().map(|k| k.to_string()).collect();
        let text = format!(
            "success,{},frame,timestamp,confidence\r\n1,{},7,0.2,1\r\n",
            names.join(","),
            values.join(",")
        );
        let rows = read(text.as_bytes()).unwrap();
        let expected: Vec<f32> = (0..ACTION_UNITS as u8).map(f32::from).collect();
        assert_eq!(rows[0].action_units.to_vec(), expected);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            (
                table(&[row(1, 1, "1.0"), row(2, 1, "NaN")]),
                "line 3: expected a finite number in column `AU01_r`",
            ),
            (
                table(&[row(1, 1, "1.0"), row(2, 1, "1.0")[..60].to_owned()]),
                "line 3: expected 41 fields",
            ),
            (
                table(&[row(1, 1, "one")]),
                "line 2: expected a number in column `AU01_r`, found `one`",
            ),
            (table(&[]), "line 1: expected rows"),
            (
                table(&[row(1, 1, "1")]).replace("AU45_c", "AU46_c"),
                "expected a column `AU45_c`",
            ),
            (
                table(&[row(1, 1, "1").replacen('1', "-1", 1)]),
                "column `frame`, found `-1`",
            ),
            (String::new(), "line 1: expected a column"),
        ];
        for (text, expected) in cases {
            let error = read(text.as_bytes()).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("face.csv"),
                "{error}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_table_are_refused() {
        let quote = format!("{}\"{}", table(&[row(1, 1, "1")]), "x".repeat(3 << 20));
        for bytes in [
            &b"\0\0\0\0"[..],
            b"\xff\xfe,\xfd\n\x80",
            quote.as_bytes(),
            &[b','; 5000],
        ] {
            assert!(read(bytes).is_err());
        }
        assert!(matches!(
            read_openface_csv(Path::new("nowhere.csv")),
            Err(TableError::Unreadable { .. })
        ));
    }
}
