//! What does not go into the store.

use std::fs;

use super::{ask, good, jpeg, options, pack, run};
use crate::manifest::{ManifestError, Reason};

/// Counts by file and reason, of a folder in which everything is wrong that can be.
#[test]
fn what_is_left_out_is_counted_with_its_reason() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let face = jpeg(1);
    pack(
        &data.path().join("faces.tar"),
        &[
            ("f/good.jpg", b"replaced by the later one"),
            ("f/empty.jpg", b""),
            ("f/words.jpg", b"these are words"),
            ("f/nobody.jpg", &face),
            ("../up.jpg", &face),
            ("f/good.jpg", &face),
        ],
    );
    let mut table = b"split,label,path,votes\n\
        train,joy,f/good.jpg,5/10\n\
        train,joy,f/good.jpg,5/10\n\
        train,joy,f/empty.jpg,5/10\n\
        train,joy,f/words.jpg,5/10\n\
        train,joy,f/absent.jpg,5/10\n\
        train,joy,../up.jpg,5/10\n\
        train,joy,/etc/passwd,5/10\n\
        train,envy,f/good.jpg,5/10\n\
        train,,f/good.jpg,5/10\n\
        train,joy,f/good.jpg\n\
        train,joy,f/good.jpg,11/10\n\
        ,joy,f/good.jpg,5/10\n"
        .to_vec();
    table.extend(b"train,joy,f/\xff.jpg,5/10\n");
    fs::write(data.path().join("faces.csv"), table).unwrap();
    fs::write(
        data.path().join("text.csv"),
        "split,label,text\ntrain,joy,   \ntrain,calm,x\n",
    )
    .unwrap();
    fs::create_dir(data.path().join("clips")).unwrap();
    fs::write(
        data.path().join("clips/clips.csv"),
        "path,text,label,note\na.mp4,so,joy,\nb.mp4,,,\n../c.mp4,,joy,\nb.mp4,,joy,\nb.mp4,,joy,\n",
    )
    .unwrap();
    fs::write(data.path().join("clips/b.mp4"), "no video").unwrap();
    let report = run(data.path(), out.path(), 1 << 20).unwrap().report;
    assert_eq!(report.rows, 2);
    let found: Vec<(&str, Reason, u64)> = report
        .skipped
        .iter()
        .map(|skipped| (skipped.file.as_str(), skipped.reason, skipped.count))
        .collect();
    assert_eq!(
        found,
        [
            ("clips/clips.csv", Reason::NoLabel, 1),
            ("clips/clips.csv", Reason::BadPath, 1),
            ("clips/clips.csv", Reason::DuplicatePath, 1),
            ("clips/clips.csv", Reason::MissingMedia, 1),
            ("clips/clips.csv", Reason::UndecodableMedia, 1),
            ("faces.csv", Reason::BadRow, 4),
            ("faces.csv", Reason::NoLabel, 1),
            ("faces.csv", Reason::UnknownLabel, 1),
            ("faces.csv", Reason::BadPath, 2),
            ("faces.csv", Reason::DuplicatePath, 1),
            ("faces.csv", Reason::MissingMedia, 1),
            ("faces.csv", Reason::EmptyMedia, 1),
            ("faces.csv", Reason::UndecodableMedia, 1),
            ("faces.tar", Reason::BadPath, 1),
            ("faces.tar", Reason::EntryWithoutRow, 1),
            ("faces.tar", Reason::EntryReplaced, 1),
            ("text.csv", Reason::EmptyText, 1),
        ]
    );
    let missing = &report.skipped[10].examples[0];
    assert_eq!(
        (missing.line, missing.found.as_str()),
        (Some(6), "f/absent.jpg")
    );
    assert_eq!(report.not_read, []);
    let again = run(data.path(), out.path(), 1 << 20).unwrap().report;
    assert_eq!(
        again, report,
        "also what a finished shard left out is known to the next run"
    );
}

#[test]
fn tables_and_archives_that_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let error = || run(folder.path(), &out, 1).unwrap_err();
    fs::write(folder.path().join("faces.csv"), "split,path\n").unwrap();
    assert!(
        error()
            .to_string()
            .contains("expected a column `label`, found split, path")
    );
    fs::write(
        folder.path().join("faces.csv"),
        "split,label,path\ntrain,joy,a.jpg\n",
    )
    .unwrap();
    assert!(
        error().to_string().contains("cannot read") && error().to_string().contains("faces.tar")
    );
    fs::write(folder.path().join("faces.tar"), [7; 2000]).unwrap();
    assert!(
        error().to_string().contains("no tar archive"),
        "{}",
        error()
    );
    pack(&folder.path().join("faces.tar"), &[("a.jpg", &jpeg(3))]);
    let whole = fs::read(folder.path().join("faces.tar")).unwrap();
    fs::write(folder.path().join("faces.tar"), &whole[..700]).unwrap();
    assert!(
        error().to_string().contains("cut off within `a.jpg`"),
        "{}",
        error()
    );
    fs::write(folder.path().join("faces.tar"), &whole).unwrap();
    fs::write(
        folder.path().join("faces.csv"),
        "split,label,path\ntrain,envy,a.jpg\n",
    )
    .unwrap();
    assert!(
        error().to_string().contains("label is no class"),
        "{}",
        error()
    );
    assert!(error().is_bad_input());
    let mut twice = options(1);
    twice.classes.push("joy".to_owned());
    let error = ask(folder.path(), &out, &twice);
    assert!(matches!(error, Err(ManifestError::Classes { .. })));
}

/// A long name of 100 MB would be read into memory whole.
#[test]
fn an_entry_with_an_endless_name_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("faces.csv"),
        "split,label,path\ntrain,joy,a.jpg\n",
    )
    .unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 20);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.resize(512 + (1 << 20), b'a');
    fs::write(folder.path().join("faces.tar"), bytes).unwrap();
    let error = run(folder.path(), &folder.path().join("out"), 1)
        .unwrap_err()
        .to_string();
    assert!(error.contains("to describe an entry"), "{error}");
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    good(data.path());
    fs::write(out.path().join("thesis.tex"), "x").unwrap();
    let error = run(data.path(), out.path(), 1 << 20).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("is not empty and holds no store"),
        "{error}"
    );
    fs::remove_file(out.path().join("thesis.tex")).unwrap();
    run(data.path(), out.path(), 1 << 20).unwrap();
    let error = run(data.path(), out.path(), 1 << 19).unwrap_err();
    assert!(
        error.to_string().contains("holds a store of other data"),
        "{error}"
    );
    let lock = fs::File::open(out.path().join("store.json")).unwrap();
    lock.lock().unwrap();
    let error = run(data.path(), out.path(), 1 << 20).unwrap_err();
    assert!(matches!(error, ManifestError::Busy { .. }), "{error}");
}
