//! What goes into the store, in one go or in several.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use super::{NoVideos, ask, contents, good, jpeg, options, run, same, wav};
use crate::manifest::{ManifestError, Options, Progress, prepare};
use crate::store::{Head, Store, StoreError};

#[test]
fn everything_is_in_the_store() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    good(data.path());
    let outcome = run(data.path(), out.path(), 1 << 20).unwrap();
    assert_eq!(
        (outcome.written, outcome.kept, outcome.report.rows),
        (2, 0, 11)
    );
    assert!(
        outcome.report.skipped.is_empty(),
        "{:?}",
        outcome.report.skipped
    );
    let train = &outcome.report.splits["train"];
    assert_eq!(
        (train.rows, train.faces, train.audio, train.text),
        (8, 4, 2, 3)
    );
    assert_eq!(train.labels["joy"], 4);
    assert_eq!(train.sources["sung"], 2);

    let store = Store::open(out.path()).unwrap();
    assert_eq!(store.sources(), ["drawn", "said", "sung"]);
    let rows: Vec<_> = store
        .rows("train")
        .into_iter()
        .map(|row| store.read(row).unwrap())
        .collect();
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "faces/0.jpg",
            "faces/1.jpg",
            "faces/2.jpg",
            "faces/3.jpg",
            "a/two.wav",
            "a/one.wav",
            "text.csv:2",
            "text.csv:4"
        ]
    );
    assert_eq!(rows[1].faces[0].bytes, jpeg(40));
    assert_eq!((rows[1].agreement, rows[1].label), (Some(0.5), Some(0)));
    assert_eq!(rows[0].target, [0.0, 1.0]);
    let voice = &rows[4];
    assert_eq!(voice.audio.as_ref().unwrap().bytes, wav(900));
    assert_eq!(voice.text.as_deref(), Some("Ja, genau"));
    assert_eq!(
        (voice.lang.as_deref(), voice.subject.as_str()),
        (Some("de"), "s1")
    );
    assert_eq!(rows[5].text, None);
    assert_eq!(rows[6].text.as_deref(), Some("He said \"now\",\nand went"));
    let other = store.rows("second corpus");
    assert_eq!(
        store.read(other[2]).unwrap().text.as_deref(),
        Some("ünïcode")
    );
}

#[test]
fn any_subset_of_the_tables_will_do() {
    let data = tempfile::tempdir().unwrap();
    good(data.path());
    for kept in ["faces", "audio", "text"] {
        let (part, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for suffix in ["csv", "tar"] {
            let file = format!("{kept}.{suffix}");
            if data.path().join(&file).exists() {
                fs::copy(data.path().join(&file), part.path().join(&file)).unwrap();
            }
        }
        let report = run(part.path(), out.path(), 1 << 20).unwrap().report;
        assert_eq!(
            report.rows,
            match kept {
                "faces" => 6,
                "audio" => 2,
                _ => 3,
            },
            "{kept}"
        );
    }
    let empty = tempfile::tempdir().unwrap();
    let error = run(empty.path(), &empty.path().join("out"), 1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("none of faces.csv, audio.csv, text.csv"),
        "{error}"
    );
    assert!(!empty.path().join("out").exists(), "nothing is begun");
}

#[test]
fn a_second_run_does_nothing_and_the_same_input_gives_the_same_bytes() {
    let data = tempfile::tempdir().unwrap();
    good(data.path());
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = run(data.path(), a.path(), 2000).unwrap();
    let times = |folder: &Path| -> Vec<_> {
        contents(folder)
            .iter()
            .map(|(p, _)| p.metadata().unwrap().modified().unwrap())
            .collect()
    };
    let before = times(a.path());
    let second = run(data.path(), a.path(), 2000).unwrap();
    assert_eq!((second.written, second.kept), (0, first.written));
    assert_eq!(second.report, first.report);
    assert_eq!(times(a.path()), before);
    run(data.path(), b.path(), 2000).unwrap();
    same(a.path(), b.path());
}

/// Stopped at every moment at which it can be, then gone on with: the store is the same.
#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let data = tempfile::tempdir().unwrap();
    good(data.path());
    let whole = tempfile::tempdir().unwrap();
    let shards = run(data.path(), whole.path(), 500).unwrap().written;
    assert!(shards >= 5, "{shards}");
    for stop in 1..=shards {
        let out = tempfile::tempdir().unwrap();
        let mut watch = |progress: Progress| {
            if progress.shards_done == stop {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let finder = &mut NoVideos;
        let stopped = prepare(data.path(), out.path(), &options(500), finder, &mut watch);
        let error = stopped.unwrap_err();
        assert!(matches!(error, ManifestError::Stopped { written, .. } if written == stop));
        let error = Store::open(out.path()).err().unwrap();
        assert!(
            matches!(error, StoreError::Unfinished { found, .. } if found == stop),
            "{error}"
        );
        // What a killed run leaves in the middle of a shard.
        let head = Head::read(out.path()).unwrap().unwrap();
        if let Some(next) = head.shards.get(stop) {
            fs::write(out.path().join(format!("{}.partial", next.file)), b"half").unwrap();
        }
        let outcome = run(data.path(), out.path(), 500).unwrap();
        assert_eq!((outcome.written, outcome.kept), (shards - stop, stop));
        same(whole.path(), out.path());
    }
}

/// The real data, where they lie beside the project; a line says so where they do not.
#[test]
fn the_real_data_where_there_are_any() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.join("audio.csv").is_file() {
        println!("no data beside the project: nothing was read");
        return;
    }
    let part = tempfile::tempdir().unwrap();
    for file in ["audio.csv", "audio.tar"] {
        fs::copy(data.join(file), part.path().join(file)).unwrap();
    }
    let classes = "anger,disgust,fear,happy,sad,surprise,neutral";
    let options = Options {
        classes: classes.split(',').map(str::to_owned).collect(),
        splits: Vec::new(),
        shard_bytes: 8 << 20,
    };
    let out = tempfile::tempdir().unwrap();
    let outcome = ask(part.path(), out.path(), &options).unwrap();
    assert_eq!(outcome.report.rows + outcome.report.left_out(), 1717);
    assert!(
        outcome.report.skipped.is_empty(),
        "{:?}",
        outcome.report.skipped
    );
    assert!(outcome.written >= 7);
}
