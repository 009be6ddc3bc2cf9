//! The data sets and their stores, made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mesm_data::store::{Row, Store};
use mesm_tests::corpora::{self, Corpus};
use serde_json::Value;

use crate::program::report;

/// A folder that lives as long as the tests run.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

/// A data set, its store with the published split, and the report.
pub(crate) struct Made {
    pub(crate) kind: &'static str,
    pub(crate) corpus: Corpus,
    pub(crate) store: PathBuf,
    pub(crate) report: Value,
}

impl Made {
    fn new(kind: &'static str, name: &str, corpus: Corpus, listed: bool) -> Self {
        let store = folder().join(name);
        let splits = corpus.splits.to_str().unwrap();
        let lists = ["--splits", splits];
        let more = if listed { &lists[..] } else { &[] };
        let report = report(kind, &corpus.folder, &store, more);
        Self {
            kind,
            corpus,
            store,
            report,
        }
    }

    /// All rows, sorted by their ids.
    pub(crate) fn rows(&self) -> Vec<Row> {
        rows(&self.store)
    }
}

/// All rows of a store, sorted by their ids.
pub(crate) fn rows(store: &Path) -> Vec<Row> {
    let store = Store::open(store).unwrap();
    let mut rows: Vec<Row> = store
        .splits()
        .iter()
        .flat_map(|split| store.rows(split))
        .map(|info| store.read(info).unwrap())
        .collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows
}

pub(crate) fn iemocap() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let corpus = corpora::iemocap(&folder().join("one")).unwrap();
        Made::new("iemocap", "iemocap", corpus, true)
    })
}

pub(crate) fn mosei() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let corpus = corpora::mosei(&folder().join("two")).unwrap();
        Made::new("mosei", "mosei", corpus, true)
    })
}

/// The authors' folders: IEMOCAP, CMU-MOSEI. Their lists are found without being named.
pub(crate) fn processed() -> &'static [Made; 2] {
    static MADE: OnceLock<[Made; 2]> = OnceLock::new();
    MADE.get_or_init(|| {
        let [first, second] = corpora::processed(&folder().join("three")).unwrap();
        [
            Made::new("processed", "first", first, false),
            Made::new("processed", "second", second, false),
        ]
    })
}

/// A copy of a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Replaces a part of a text file that stands in it once.
pub(crate) fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

/// Keeps a part of a file, in percent.
pub(crate) fn truncate(path: &Path, percent: usize) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() * percent / 100]).unwrap();
}
