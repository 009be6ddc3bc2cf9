//! What cannot be prepared is said in one line that names file and row, with exit code 2.

use std::fs;
use std::path::Path;

use mesm_tests::corpora::{Item, pickle};

use crate::made::{copy, iemocap, mosei, replace};
use crate::program::prepare;

/// Runs, and expects a refusal that says all of this.
fn refused(kind: &str, data: &Path, more: &[&str], says: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let run = prepare(kind, data, &out.path().join("store"), more);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for part in says {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn folders_that_hold_something_else() {
    let empty = tempfile::tempdir().unwrap();
    refused(
        "iemocap",
        empty.path(),
        &[],
        &["expected in", "Session1/dialog/EmoEvaluation"],
    );
    refused("mosei", empty.path(), &[], &["Raw/Labels/*.csv"]);
    refused("processed", empty.path(), &[], &["meta.pkl"]);
    refused(
        "iemocap",
        &mosei().corpus.folder,
        &[],
        &["Session1/dialog/EmoEvaluation"],
    );
    let data = &iemocap().corpus.folder;
    let run = prepare(
        "iemocap",
        data,
        empty.path(),
        &["--splits", "x", "--seed", "1"],
    );
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("cannot be used with"), "{}", run.stderr);
}

#[test]
fn a_label_table_with_a_changed_column() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("data");
    copy(&mosei().corpus.folder, &data);
    let table = data.join("Raw/Labels/5000_batch_raw.csv");
    replace(&table, "Answer.fear", "Answer.Fear");
    let says = ["5000_batch_raw.csv, line 1: expected a column `Answer.fear`, found HITId"];
    refused("mosei", &data, &[], &says);
}

#[test]
fn lists_that_make_no_splits() {
    let out = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        fs::write(out.path().join(name), text).unwrap();
    };
    let data = &iemocap().corpus.folder;
    let lists = ["--splits", out.path().to_str().unwrap()];
    refused(
        "iemocap",
        data,
        &lists,
        &["train_split.txt, valid_split.txt and test_split.txt"],
    );
    write(
        "train_split.txt",
        "Ses01F_impro01_F000\nSes01F_impro01_M000\n",
    );
    write("test_split.txt", "\nSes01F_impro01_F000\n");
    let says =
        ["test_split.txt, line 2: `Ses01F_impro01_F000` stands in line 1 of train_split.txt, too"];
    refused("iemocap", data, &lists, &says);
    write("test_split.txt", "Ses01F_impro01_F001 neu\n");
    refused(
        "iemocap",
        data,
        &lists,
        &["test_split.txt, line 1: expected the id of one utterance"],
    );
    write("test_split.txt", "-3g5yACwYnA_0\n101787_1\n");
    refused(
        "iemocap",
        data,
        &lists,
        &["test_split.txt, line 1: none of its 2 ids is an utterance"],
    );
}

#[test]
fn a_pickle_with_a_foreign_class_is_never_called() {
    let out = tempfile::tempdir().unwrap();
    let called = out.path().join("called");
    let meta = out.path().join("meta.pkl");
    // What pickle.dumps makes of an object whose __reduce__ names os.system.
    let command = format!("touch {}", called.display());
    let mut bytes = b"\x80\x03cposix\nsystem\nX".to_vec();
    bytes.extend((command.len() as u32).to_le_bytes());
    bytes.extend(command.as_bytes());
    bytes.extend(b"\x85R.");
    fs::write(&meta, bytes).unwrap();
    refused(
        "processed",
        out.path(),
        &[],
        &["meta.pkl, byte 2: it names the class or function `posix.system`"],
    );
    assert!(!called.exists());
    fs::write(&meta, b"\x80\x03}(X\x05\0\0\0ab").unwrap();
    refused(
        "processed",
        out.path(),
        &[],
        &["meta.pkl, byte 4: it ends after 11 bytes"],
    );
    fs::write(&meta, pickle(&Item::List(vec![Item::Int(1)]))).unwrap();
    refused(
        "processed",
        out.path(),
        &[],
        &["expected a dictionary of utterances, found a list"],
    );
    let entry = Item::Dict(vec![("label".to_owned(), Item::Int(3))]);
    fs::write(&meta, pickle(&Item::Dict(vec![("a_0".to_owned(), entry)]))).unwrap();
    refused(
        "processed",
        out.path(),
        &[],
        &["expected labels that are texts (IEMOCAP)"],
    );
}
