//! A run that is killed, and the one that goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::data;
use crate::killed::{killed, shards};
use crate::program::{command, prepare};

const MORE: [&str; 2] = ["--shard-mb", "1"];

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
        .find(|store| {
            killed(
                &mut command(folder.path(), store, &MORE),
                store,
                3,
                Duration::from_mins(2),
            )
        })
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
