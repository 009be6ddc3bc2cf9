//! A run that is killed again and again ends with the weights of one that was not.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use super::bench::{Bench, assert_learnt};

/// What `path` says, as long as it can be read.
fn progress(path: &Path) -> Option<Vec<u8>> {
    fs::read(path.join("log.jsonl")).ok()
}

#[test]
fn a_killed_run_goes_on_bit_for_bit_and_its_weights_are_judged() {
    let bench = Bench::new();
    assert!(bench.train("whole").wait().unwrap().success());
    let mut kills = 0_u64;
    loop {
        let mut child = bench.train("killed");
        let before = progress(&bench.path("killed"));
        // Long enough to get on by something, at another place each time.
        for _ in 0..400 {
            sleep(Duration::from_millis(5));
            if progress(&bench.path("killed")) != before && kills < 12 {
                sleep(Duration::from_millis(7 * (kills % 5)));
                child.kill().unwrap();
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
        }
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
        assert!(kills < 60, "the run does not end");
    }
    assert!(kills >= 3, "killed {kills} times only");
    assert!(
        bench.weights("whole") == bench.weights("killed"),
        "after {kills} kills the weights are other ones"
    );

    let eval = |data: &str| {
        let how = "--split test --weights killed/words.safetensors --per-modality --json";
        bench.answer(&format!("eval --data {data} {how}"))
    };
    let answer = eval("store");
    assert_eq!(
        (&answer["text"]["n"], &answer["faces"]["n"]),
        (&8.into(), &0.into())
    );
    for key in ["accuracy", "uar", "macro_f1", "per_class", "per_source"] {
        assert!(!answer["text"][key].is_null(), "{key}");
    }
    assert_learnt(&answer);
    // The same from the tables themselves.
    assert_eq!(eval("data"), answer);
}
