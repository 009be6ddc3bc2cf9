//! A run that is killed, and the one that goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::data;
use crate::program::{command, prepare};

const MORE: [&str; 2] = ["--shard-mb", "1"];

fn shards(store: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(store.join("data")) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "parquet"));
    paths.sort();
    paths
}

/// Starts the program and kills it when a few shards are there; false if it was done before.
fn killed(folder: &Path, store: &Path) -> bool {
    let mut child = command(folder, store, &MORE)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while shards(store).len() < 3 {
        assert!(
            start.elapsed() < Duration::from_mins(2),
            "no shard after two minutes"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    !store.join("report.json").exists()
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() {
    let (folder, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    data::large(folder.path());
    let whole = out.path().join("whole");
    let run = prepare(folder.path(), &whole, &MORE);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(shards(&whole).len() > 40);

    let broken = (0..10)
        .map(|attempt| out.path().join(format!("broken {attempt}")))
        .find(|store| killed(folder.path(), store))
        .expect("of ten runs none could be killed before its end");
    let early: Vec<_> = shards(&broken)
        .into_iter()
        .map(|path| (path.metadata().unwrap().modified().unwrap(), path))
        .collect();
    let run = prepare(folder.path(), &broken, &MORE);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let kept = format!("{} kept", early.len());
    assert!(run.stdout.contains(&kept), "{kept}: {}", run.stdout);
    for (time, path) in early {
        assert_eq!(
            path.metadata().unwrap().modified().unwrap(),
            time,
            "written once"
        );
    }

    let names = |store: &Path| -> Vec<PathBuf> {
        let below = shards(store)
            .into_iter()
            .map(|path| path.strip_prefix(store).unwrap().to_owned());
        below
            .chain(["store.json".into(), "report.json".into()])
            .collect()
    };
    assert_eq!(names(&whole), names(&broken));
    for name in names(&whole) {
        let bytes = |store: &Path| fs::read(store.join(&name)).unwrap();
        assert_eq!(bytes(&whole), bytes(&broken), "{}", name.display());
    }
    let left = fs::read_dir(broken.join("data")).unwrap().count();
    assert_eq!(left, shards(&broken).len(), "no half a shard stays");
}
