//! What is made and what is said.

use std::fs;

use mesm_data::store::Store;
use serde_json::Value;

use crate::data;
use crate::program::prepare;

#[test]
fn the_report_is_a_table_or_json() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    data::small(folder.path());
    let store = out.path().join("store");
    let run = prepare(folder.path(), &store, &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    for line in [
        "186 rows",
        "2 shards written now, 0 kept",
        "left out (3; all reasons in report.json)",
        "file missing             line 102: faces/absent.jpg",
        "label is no class        line 8: bored",
        "row does not read        line 162: 4 fields instead of 5",
    ] {
        assert!(run.stdout.contains(line), "{line}\n{}", run.stdout);
    }
    let again = prepare(folder.path(), &store, &["--json"]);
    assert_eq!((again.code, again.stderr.as_str()), (0, ""));
    let report: Value = serde_json::from_str(again.stdout.lines().last().unwrap()).unwrap();
    let kept: Value =
        serde_json::from_slice(&fs::read(store.join("report.json")).unwrap()).unwrap();
    assert_eq!(report, kept);
    assert_eq!(report["splits"]["odd-split"]["faces"], 20);
    assert_eq!(report["splits"]["train"]["audio"], 4);
    let store = Store::open(&store).unwrap();
    assert_eq!(store.rows("odd-split").len(), 20 + 2 + 16);
}

#[test]
fn classes_and_shards_can_be_chosen() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    data::small(folder.path());
    let run = prepare(folder.path(), out.path(), &["--classes", "neutral, happy"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let store = Store::open(out.path()).unwrap();
    assert_eq!(store.classes(), ["neutral", "happy"]);
    assert!(store.rows("train").iter().all(|row| row.label.is_some()));
    // The same folder for another store: refused, nothing is overwritten.
    let run = prepare(folder.path(), out.path(), &[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("holds a store of other data, classes"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_cannot_be_prepared_is_said_in_one_line() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let refused = |more: &[&str], says: &str| {
        let run = prepare(folder.path(), &out.path().join("store"), more);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(run.stderr.contains(says), "{}", run.stderr);
    };
    refused(&[], "holds none of faces.csv, audio.csv, text.csv");
    fs::create_dir(folder.path().join("clips")).unwrap();
    fs::write(
        folder.path().join("clips/clips.csv"),
        "path,text,label,note\n",
    )
    .unwrap();
    refused(&[], "can be taken: the tables are empty");
    fs::write(folder.path().join("text.csv"), "split,label,words\n").unwrap();
    refused(&[], "text.csv, line 1: expected a column `text`");
    refused(&["--classes", "a,a"], "1 to 255 different names");
    refused(&["--shard-mb", "0"], "--shard-mb");
}

#[test]
fn a_store_that_cannot_be_written_is_the_machines_fault() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    data::small(folder.path());
    fs::write(out.path().join("file"), "x").unwrap();
    let run = prepare(folder.path(), &out.path().join("file/store"), &[]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
}
