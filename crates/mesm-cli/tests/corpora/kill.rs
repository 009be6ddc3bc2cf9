//! A run that is killed, and the one that goes on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::killed::{killed, shards};
use crate::made::iemocap;
use crate::program::{command, prepare};

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() {
    let made = iemocap();
    let out = tempfile::tempdir().unwrap();
    let splits = made.corpus.splits.to_str().unwrap();
    let more = ["--splits", splits];
    let broken = out.path().join("broken");
    // Before the first shard, after it, after the second: always the same folder.
    for after in 0..3 {
        let mut command = command("iemocap", &made.corpus.folder, &broken, &more);
        assert!(
            killed(&mut command, &broken, after, Duration::from_mins(5)),
            "done after {after} shards"
        );
        assert_eq!(shards(&broken).len(), after);
    }
    let early: Vec<_> = shards(&broken)
        .into_iter()
        .map(|path| (path.metadata().unwrap().modified().unwrap(), path))
        .collect();
    let run = prepare("iemocap", &made.corpus.folder, &broken, &more);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stdout.contains("1 shards written now, 2 kept"),
        "{}",
        run.stdout
    );
    for (time, path) in early {
        assert_eq!(
            path.metadata().unwrap().modified().unwrap(),
            time,
            "written once"
        );
    }
    assert_eq!(shards(&broken).len(), 3);
    let names = shards(&broken).into_iter();
    let names = names.map(|path| path.strip_prefix(&broken).unwrap().to_owned());
    for name in names.chain(["store.json".into(), "report.json".into()]) {
        let bytes = |store: &Path| fs::read(store.join(&name)).unwrap();
        assert_eq!(bytes(&made.store), bytes(&broken), "{}", name.display());
    }
    let left = fs::read_dir(broken.join("data")).unwrap().count();
    assert_eq!(left, 3, "no half a shard stays");
    // Other splits are another store.
    let run = prepare("iemocap", &made.corpus.folder, &broken, &["--seed", "3"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("holds a store of other data"),
        "{}",
        run.stderr
    );
}
