//! Killing a run that fills a store.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The shards of a store, in order.
pub(crate) fn shards(store: &Path) -> Vec<PathBuf> {
    let Ok(found) = fs::read_dir(store.join("data")) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "parquet"));
    paths.sort();
    paths
}

/// Starts the program and kills it as soon as the store has so many shards, within the limit; false if it was done before.
pub(crate) fn killed(command: &mut Command, store: &Path, after: usize, limit: Duration) -> bool {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while shards(store).len() < after || !store.join("store.json").exists() {
        assert!(start.elapsed() < limit, "nothing after {limit:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    !store.join("report.json").exists()
}
