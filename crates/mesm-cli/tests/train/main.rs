//! `mesm train` and `mesm eval` as processes: a run that is killed again and again ends with the same weights, and the
//! weights it leaves are judged.
//!
//! The sentences and the text encoder are made here, so that nothing is downloaded.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    dead_code,
    reason = "a test may panic, and uses parts of what the tests of `mesm infer` share"
)]

#[path = "../infer/clips.rs"]
mod clips;
#[path = "../infer/encoder.rs"]
mod encoder;
#[path = "../infer/program.rs"]
mod program;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use program::{Run, run};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

const SETTINGS: &str = r#"
seed = 5
text_max_tokens = 16
checkpoint_steps = 3

[model]
kind = "fe2e"

[[phases]]
name = "words"
modalities = "t"
epochs = 8
batch_size = 4
learning_rate = 0.03
text_lr_factor = 3.0
loss = "ce"
early_stop = 0
average = 0.9
"#;

/// A store of sentences about two feelings, and a file of settings.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let mut table = "split,label,source,subject,text\n".to_owned();
        for (split, rows) in [("train", 40), ("valid", 8), ("test", 8)] {
            for row in 0..rows {
                let label = ["happy", "sad"][row % 2];
                let start = ["kids are", "so it is", "it is so", "so are kids"][row / 2 % 4];
                writeln!(table, "{split},{label},made,unknown,{start} {label}").unwrap();
            }
        }
        let bench = Self { folder };
        fs::create_dir(bench.path("data")).unwrap();
        fs::write(bench.path("data/text.csv"), table).unwrap();
        fs::write(bench.path("settings.toml"), SETTINGS).unwrap();
        let made = bench.mesm(&[
            "prepare",
            "manifest",
            "data",
            "--out",
            "store",
            "--classes",
            "happy,sad",
        ]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mesm(&self, words: &[&str]) -> Run {
        run(|command| self.set_up(command, words))
    }

    fn set_up(&self, command: &mut Command, words: &[&str]) {
        command
            .current_dir(self.folder.path())
            .args(words)
            .env("MESM_TEXT_ENCODER", encoder::small());
    }

    /// Begins a training in the background.
    fn train(&self, out: &str) -> std::process::Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
        let words = [
            "train",
            "--data",
            "store",
            "--config",
            "settings.toml",
            "--out",
            out,
        ];
        self.set_up(&mut command, &words);
        command.stderr(Stdio::null()).spawn().unwrap()
    }

    fn weights(&self, out: &str) -> Vec<u8> {
        fs::read(self.path(out).join("words.safetensors")).unwrap()
    }
}

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

    let judged = bench.mesm(&[
        "eval",
        "--data",
        "store",
        "--split",
        "test",
        "--weights",
        "killed/words.safetensors",
        "--per-modality",
        "--json",
    ]);
    assert_eq!(judged.code, 0, "{}", judged.stderr);
    let answer: Value = serde_json::from_str(judged.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&answer["text"]["n"], &answer["faces"]["n"]),
        (&8.into(), &0.into())
    );
    for key in ["accuracy", "uar", "macro_f1", "per_class", "per_source"] {
        assert!(!answer["text"][key].is_null(), "{key}");
    }
    assert!(
        answer["text"]["accuracy"].as_f64().unwrap() > 0.99,
        "{answer}"
    );
    // The same from the tables themselves.
    let raw = bench.mesm(&[
        "eval",
        "--data",
        "data",
        "--split",
        "test",
        "--weights",
        "killed/words.safetensors",
        "--json",
    ]);
    assert_eq!(raw.code, 0, "{}", raw.stderr);
    assert_eq!(raw.stdout, judged.stdout);
}

#[test]
fn what_is_wrong_is_said() {
    let bench = Bench::new();
    let refused = |words: &[&str], said: &str| {
        let run = bench.mesm(words);
        assert_eq!(run.code, 2, "{words:?}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{words:?}: {}", run.stderr);
    };
    refused(&["train", "--data", "store"], "--out");
    refused(&["train", "--data", "nothing", "--out", "x"], "nothing");
    refused(
        &[
            "train",
            "--data",
            "store",
            "--out",
            "x",
            "--learning-rate",
            "0",
        ],
        "phase `joint`: `learning_rate` must be above 0",
    );
    refused(
        &[
            "train",
            "--data",
            "store",
            "--out",
            "x",
            "--modalities",
            "v",
            "--model",
            "fe2e",
        ],
        "has no rows with v; its splits are test, train, valid",
    );
    fs::write(bench.path("bad.toml"), "[[phases]]\nepochs = \"many\"\n").unwrap();
    refused(
        &[
            "train", "--data", "store", "--out", "x", "--config", "bad.toml",
        ],
        "bad.toml",
    );
    refused(
        &["eval", "--data", "store", "--split", "tests"],
        "its classes are happy,sad",
    );
}
