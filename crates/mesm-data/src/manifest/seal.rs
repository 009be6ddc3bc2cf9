//! The end of making a store: its report.

use std::fs;
use std::path::Path;

use super::ManifestError;
use super::report::{InputFile, NotRead, Report};
use super::skipped::{Skipped, Skips};
use crate::store::{Head, REPORT_FILE, Store, StoreError, write_atomically};

/// What a report says beside counts.
#[derive(Default)]
pub(crate) struct Remarks {
    pub(crate) not_read: Vec<NotRead>,
    pub(crate) notes: Vec<String>,
}

/// Writes the report of a store all of whose shards are there; without it a store is unfinished.
///
/// # Errors
/// When a shard is damaged, no row was taken, or the report cannot be written.
pub(crate) fn seal(
    folder: &Path,
    out: &Path,
    head: &Head,
    inputs: Vec<InputFile>,
    mut skips: Skips,
    remarks: Remarks,
) -> Result<Report, ManifestError> {
    let store = Store::open_shards(out, head.clone())?;
    let mut report = Report::count(out, head, &store, inputs);
    for (number, skipped) in store.skipped().enumerate() {
        skips.merge(read_skipped(head, out, number, skipped)?);
    }
    report.not_read = remarks.not_read;
    report.notes = remarks.notes;
    report.skipped = skips.into_list();
    if report.rows == 0 {
        return Err(no_rows(folder, &report.skipped));
    }
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    // Without need nothing is touched: a finished store stays as old as it is.
    let path = out.join(REPORT_FILE);
    if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
        write_atomically(&path, text.as_bytes())?;
    }
    Ok(report)
}

fn read_skipped(
    head: &Head,
    out: &Path,
    shard: usize,
    text: &str,
) -> Result<Vec<Skipped>, ManifestError> {
    serde_json::from_str(text).map_err(|e| {
        ManifestError::Store(StoreError::Damaged {
            path: head.path(out, shard),
            row: None,
            reason: format!("its list of rows left out: {e}"),
        })
    })
}

/// No row is left: every reason with its count.
pub(crate) fn no_rows(folder: &Path, skipped: &[Skipped]) -> ManifestError {
    let reasons = skipped.iter().map(|skipped| {
        format!(
            "{}: {} {}",
            skipped.file,
            skipped.count,
            skipped.reason.words()
        )
    });
    let reasons: Vec<String> = reasons.collect();
    ManifestError::NoRows {
        folder: folder.to_owned(),
        reasons: if reasons.is_empty() {
            "the tables are empty".to_owned()
        } else {
            reasons.join(", ")
        },
    }
}
