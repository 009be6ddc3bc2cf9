//! `mesm train`, `eval`, `export` and `sweep` as processes: a run that is killed again and again ends with the same
//! weights, and the weights it leaves are judged, written small, and swept over p.
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
fn a_model_learns_from_another() {
    let bench = Bench::new();
    assert!(bench.train("first").wait().unwrap().success());
    let train = |more: &[&str]| {
        let words = "train --data store --config settings.toml --epochs 2".split(' ');
        bench.mesm(&words.chain(more.iter().copied()).collect::<Vec<_>>())
    };
    let teacher = ["--teacher", "first/words.safetensors"];
    let share = ["--teacher-share", "0.5"];
    for (out, more) in [("alone", vec![]), ("taught", [teacher, share].concat())] {
        let run = train(&[&more[..], &["--out", out]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
    }
    assert_ne!(bench.weights("alone"), bench.weights("taught"));
    let settings = fs::read_to_string(bench.path("taught/config.json")).unwrap();
    assert!(
        settings.contains("first/words.safetensors"),
        "no teacher in {settings}"
    );
    let refused = |more: &[&str], said: &str| {
        let run = train(&[more, &["--out", "refused"]].concat());
        assert_eq!(run.code, 2, "{more:?}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{more:?}: {}", run.stderr);
    };
    refused(&teacher, "no phase learns from one");
    refused(&share, "`teacher` must be weights to learn from");
    refused(
        &[&share[..], &["--teacher", "nowhere.safetensors"]].concat(),
        "nowhere.safetensors",
    );
    // The program's own weights know seven classes.
    let own = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../static/weights/mesm-web.safetensors"
    );
    refused(
        &[&share[..], &["--teacher", own]].concat(),
        "its classes are anger",
    );
}

/// Whether there is a picture of this name.
fn is_svg(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with("<svg") && text.contains("</svg>"))
}

#[test]
fn exported_weights_say_the_same_and_are_small() {
    let bench = Bench::new();
    assert!(bench.train("run").wait().unwrap().success());
    assert!(is_svg(&bench.path("run/words.svg")), "learning curves");
    let done = |words: &[&str]| {
        let run = bench.mesm(words);
        assert_eq!(run.code, 0, "{words:?}: {}", run.stderr);
        run.stdout
    };
    let told = done(&[
        "export",
        "run/words.safetensors",
        "--out",
        "small.safetensors",
        "--text-out",
        "text",
        "--text-format",
        "int8",
    ]);
    assert!(told.contains("small.safetensors: 0."), "{told}");
    let with_prior = [
        "export",
        "run/words.safetensors",
        "--out",
        "prior.safetensors",
        "--prior",
        "t=0.2",
    ];
    assert_eq!(bench.mesm(&with_prior).code, 2, "frequencies of what?");
    done(&[&with_prior[..], &["--data", "store"]].concat());
    let size = |name: &str| fs::metadata(bench.path(name)).unwrap().len();
    let small = size("small.safetensors") + size("text/model.safetensors");
    assert!(
        small * 2 < size("run/words.safetensors"),
        "{small} bytes are not small"
    );
    let judged = done(&[
        "eval",
        "--data",
        "store",
        "--weights",
        "small.safetensors",
        "--text-encoder",
        "text",
        "--figures",
        "figures",
        "--json",
    ]);
    let answer: Value = serde_json::from_str(judged.lines().last().unwrap()).unwrap();
    assert!(
        answer["text"]["accuracy"].as_f64().unwrap() > 0.99,
        "{answer}"
    );
    assert!(is_svg(&bench.path("figures/confusion-text.svg")));
    assert!(is_svg(&bench.path("figures/calibration-text.svg")));
    assert!(!bench.path("figures/confusion-faces.svg").exists());
}

/// Twelve faces that are dark above or below, as a table and an archive.
fn faces(folder: &Path) {
    let mut table = "split,label,source,subject,path\n".to_owned();
    let mut archive = tar::Builder::new(fs::File::create(folder.join("faces.tar")).unwrap());
    for index in 0..12_u8 {
        let split = ["train", "train", "valid", "test"][usize::from(index) / 3];
        let happy = index % 2 == 0;
        let picture = image::GrayImage::from_fn(48, 48, |_, y| {
            image::Luma([if (y < 24) == happy { 30 } else { 200 } + index])
        });
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let png = png.into_inner();
        let name = format!("{index}.png");
        let label = if happy { "happy" } else { "sad" };
        writeln!(table, "{split},{label},drawn,unknown,{name}").unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(png.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, &name, png.as_slice())
            .unwrap();
    }
    archive.finish().unwrap();
    fs::write(folder.join("faces.csv"), table).unwrap();
}

const SMALL_MESM: &str = r#"
[model]
widths = [2, 3, 4, 5]
flatten_dim = 6
trans_dim = 4
trans_layers = 1
trans_heads = 2
trans_feedforward = 7

[[phases]]
name = "faces"
modalities = "v"
epochs = 1
batch_size = 3
"#;

/// A store `faces`, and a sparse and a dense model that have learnt from it.
fn two_models_of_faces() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("drawn")).unwrap();
    faces(&bench.path("drawn"));
    fs::write(bench.path("faces.toml"), SMALL_MESM).unwrap();
    let prepare = ["prepare", "manifest", "drawn", "--out", "faces"];
    done(
        &bench,
        &[prepare.as_slice(), &["--classes", "happy,sad"]].concat(),
    );
    let train = [
        "train",
        "--data",
        "faces",
        "--config",
        "faces.toml",
        "--out",
    ];
    done(&bench, &[train.as_slice(), &["sparse"]].concat());
    done(
        &bench,
        &[train.as_slice(), &["dense", "--model", "fe2e"]].concat(),
    );
    bench
}

/// What a command says that must succeed.
fn done(bench: &Bench, words: &[&str]) -> String {
    let run = bench.mesm(words);
    assert_eq!(run.code, 0, "{words:?}: {}", run.stderr);
    run.stdout
}

#[test]
fn one_file_serves_every_share() {
    let bench = two_models_of_faces();
    let export = |weights: &'static str, out: &'static str| {
        [
            "export",
            weights,
            "--out",
            out,
            "--calibrate-top-p",
            "0.25..1.0:0.25",
        ]
    };
    let sparse = export("sparse/faces.safetensors", "all.safetensors");
    assert_eq!(bench.mesm(&sparse).code, 2, "measured on what?");
    let from = ["--data", "faces"];
    done(&bench, &[&sparse[..], &from].concat());
    let again = export("sparse/faces.safetensors", "again.safetensors");
    done(&bench, &[&again[..], &from].concat());
    let bytes = fs::read(bench.path("all.safetensors")).unwrap();
    assert!(bytes == fs::read(bench.path("again.safetensors")).unwrap());
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header = String::from_utf8_lossy(&bytes[8..8 + header]);
    let expected = r#"\"calibrated_at\":[0.25,0.5,0.75,1.0]"#;
    assert!(header.contains(expected), "{header}");
    let judged = |weights: &str, p: &str| {
        let eval = ["eval", "--data", "faces", "--split", "train", "--weights"];
        let words = [&eval[..], &[weights, "--top-p", p, "--json"]].concat();
        let told = done(&bench, &words);
        let answer: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        answer["faces"].clone()
    };
    let plain = [
        "export",
        "sparse/faces.safetensors",
        "--out",
        "one.safetensors",
    ];
    done(&bench, &plain);
    for p in ["0.25", "0.6", "1"] {
        let faces = judged("all.safetensors", p);
        assert!(faces["n"].as_u64().unwrap() > 0, "{p}: {faces}");
    }
    assert_eq!(
        judged("one.safetensors", "0.5"),
        judged("all.safetensors", "0.5"),
        "its own p"
    );
    // What was measured is no setting to begin with, and a model that selects nothing has nothing to measure.
    let dense = export("dense/faces.safetensors", "dense.safetensors");
    let refused = bench.mesm(&[&dense[..], &from].concat());
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("selects nothing"),
        "{}",
        refused.stderr
    );
    let begun_with = SMALL_MESM.replace("[model]", "[model]\ncalibrated_at = [0.5, 1.0]");
    fs::write(bench.path("calibrated.toml"), begun_with).unwrap();
    let train = ["train", "--data", "faces", "--config", "calibrated.toml"];
    let refused = bench.mesm(&[&train[..], &["--out", "x"]].concat());
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("--calibrate-top-p"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_sweep_costs_more_with_every_p() {
    let bench = two_models_of_faces();
    let told = done(
        &bench,
        &[
            "sweep",
            "--data",
            "faces",
            "--out",
            "swept",
            "--weights",
            "sparse/faces.safetensors",
            "--weights",
            "dense/faces.safetensors",
            "--top-p",
            "0.2..1.0:0.4",
            "--modalities",
            "v",
        ],
    );
    assert_eq!(told.lines().count(), 4, "{told}");
    let table = fs::read_to_string(bench.path("swept/faces.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|row| row.split(',').collect())
        .collect();
    let p: Vec<&str> = rows.iter().map(|row| row[1]).collect();
    assert_eq!(p, ["0.2", "0.6", "1.0", ""], "{table}");
    let costs: Vec<f64> = rows.iter().map(|row| row[5].parse().unwrap()).collect();
    assert!(costs[0] < costs[1] && costs[1] < costs[2], "{table}");
    // At p = 1 all points are convolved, and the attention comes on top.
    assert!(costs[2] > costs[3] * 0.9, "{table}");
    assert!(is_svg(&bench.path("swept/faces.svg")));

    let words = bench.mesm(&[
        "sweep",
        "--data",
        "faces",
        "--out",
        "x",
        "--modalities",
        "t",
    ]);
    assert_eq!(words.code, 2);
    assert!(
        words.stderr.contains("words have no points"),
        "{}",
        words.stderr
    );
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
    refused(
        &["eval", "--data", "store", "--thresholds-from", "valid"],
        "trained against each other",
    );
    refused(
        &["export", "store/store.json", "--out", "x"],
        ".safetensors, .pt or .pth",
    );
    refused(
        &[
            "sweep", "--data", "store", "--out", "x", "--top-p", "0.5..0.1",
        ],
        "a rising range",
    );
}
