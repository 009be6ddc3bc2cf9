//! Splits that are drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mesm_data::store::Store;

use crate::made::{iemocap, rows};
use crate::program::report;

/// Ids of each split.
fn ids(store: &Path) -> BTreeMap<String, Vec<String>> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows(store) {
        ids.entry(row.split).or_default().push(row.id);
    }
    ids
}

fn made(out: &Path, more: &[&str]) -> BTreeMap<String, Vec<String>> {
    report("iemocap", &iemocap().corpus.folder, out, more);
    ids(out)
}

#[test]
fn seventy_ten_twenty_by_chance_and_the_seed() {
    let out = tempfile::tempdir().unwrap();
    let first = made(&out.path().join("a"), &[]);
    let counts: Vec<(&str, usize)> = first
        .iter()
        .map(|(s, ids)| (s.as_str(), ids.len()))
        .collect();
    assert_eq!(counts, [("test", 3), ("train", 13), ("valid", 2)]);
    let other = made(&out.path().join("b"), &["--seed", "1"]);
    assert_ne!(first, other);
    // One thread or several: the same store.
    let again = out.path().join("c");
    assert_eq!(made(&again, &["--seed", "0", "--jobs", "1"]), first);
    let bytes = |name: &str| {
        let data = out
            .path()
            .join(name)
            .join("data/train-00000-of-00001.parquet");
        std::fs::read(data).unwrap()
    };
    assert_eq!(bytes("a"), bytes("c"));
}

#[test]
fn speakers_stay_in_one_split() {
    let out = tempfile::tempdir().unwrap();
    let report = report(
        "iemocap",
        &iemocap().corpus.folder,
        out.path(),
        &["--speaker-disjoint"],
    );
    assert!(report.get("notes").is_none(), "{report}");
    let mut of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(out.path()) {
        of.entry(row.subject).or_default().insert(row.split);
    }
    assert_eq!(of.len(), 6);
    assert!(of.values().all(|splits| splits.len() == 1), "{of:?}");
    let store = Store::open(out.path()).unwrap();
    assert_eq!(store.splits(), ["test", "train", "valid"]);
}
