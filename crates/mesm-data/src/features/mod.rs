//! What other programs have made of words, faces and voices, for the two-phase baselines (Dai et al., NAACL 2021,
//! section 5.2).
//!
//! | file | of | read by |
//! | --- | --- | --- |
//! | text file of word vectors | `GloVe`, or trained in its format | [`WordVectors`] |
//! | table of frames with 35 action unit columns | `FeatureExtraction` of `OpenFace` 2 | [`read_openface_csv`] |
//! | table of numbers, one row a window | `DisVoice` | [`read_disvoice_csv`] |
//!
//! The files are untrusted: lines, rows and columns are bounded, and what is wrong is told with its file and line.
//! Features that need none of these programs are in `mesm_features::handcrafted`.

mod disvoice;
mod openface;
mod vector_line;
mod word_vectors;

pub use crate::table::TableError;
pub use disvoice::{NumberTable, read_disvoice_csv};
pub use openface::{ACTION_UNIT_COLUMNS, ACTION_UNITS, OpenFaceRow, read_openface_csv};
pub use word_vectors::WordVectors;

use std::path::Path;
use std::str::FromStr;

/// A field of a row as a number.
///
/// # Errors
/// Names the column, what was found and the line.
fn number<T: FromStr>(
    path: &Path,
    line: u64,
    column: &str,
    field: Option<&[u8]>,
) -> Result<T, TableError> {
    let text = String::from_utf8_lossy(field.unwrap_or_default());
    let text = text.trim();
    text.parse().map_err(|_| {
        let found: String = text.chars().take(40).collect();
        wrong(
            path,
            line,
            format!("expected a number in column `{column}`, found `{found}`"),
        )
    })
}

fn wrong(path: &Path, line: u64, reason: String) -> TableError {
    TableError::Line {
        path: path.to_owned(),
        line,
        reason,
    }
}
