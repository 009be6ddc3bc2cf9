//! `mesm report` as a process: every model of the papers trained on a small data set in the layout of CMU-MOSEI, the tables
//! whole, a killed report ending with the same bytes as an undisturbed one.

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

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::Duration;

use mesm_tests::corpora;
use program::{Run, run};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// Small models, few steps.
const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mesm-train/recipes/quick");

/// A store of the small data set, made once.
fn store() -> &'static Path {
    static STORE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, store) = STORE.get_or_init(|| {
        let folder = tempdir().unwrap();
        let corpus = corpora::mosei(&folder.path().join("corpus")).unwrap();
        let store = folder.path().join("store");
        let splits = corpus.splits.to_str().unwrap();
        let made = run(|command| {
            command
                .args(["prepare", "mosei"])
                .arg(&corpus.folder)
                .args(["--splits", splits, "--out"])
                .arg(&store);
        });
        assert_eq!(made.code, 0, "{}", made.stderr);
        (folder, store)
    });
    store
}

fn set_up<'a>(command: &'a mut Command, out: &Path, more: &[&str]) -> &'a mut Command {
    command
        .arg("report")
        .arg("--data")
        .arg(store())
        .arg("--out")
        .arg(out)
        .args(["--recipes", RECIPES])
        .args(more)
        .env("MESM_TEXT_ENCODER", encoder::small())
}

fn report(out: &Path, more: &[&str]) -> Run {
    run(|command| {
        set_up(command, out, more);
    })
}

/// All files of a report by their place in it, but for logs and checkpoints, which know the time.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != "log.jsonl" && !name.starts_with("checkpoint") {
                let place = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(place, fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Cells of the row that begins with `name`.
fn row(page: &str, name: &str) -> Vec<String> {
    let start = format!("| {name} |");
    let line = page.lines().find(|line| line.starts_with(&start));
    let line = line.unwrap_or_else(|| panic!("no row {name}:\n{page}"));
    let cells = line.trim_matches('|').split(" | ");
    cells.map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn every_model_has_its_row_beside_the_papers() {
    let folder = tempdir().unwrap();
    let tables = ["--tables", "systems,top-p,feedback,masks"];
    let told = report(folder.path(), &tables);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let page = fs::read_to_string(folder.path().join("report.md")).unwrap();
    for name in [
        "LF-LSTM",
        "LF-TRANS",
        "EmoEmbs",
        "MulT",
        "FE2E",
        "MESM (p = 0.5)",
    ] {
        let row = row(&page, name);
        // Model, cost, two figures a class and two means, seeds.
        assert_eq!(row.len(), 2 + 12 + 2 + 1, "{row:?}");
        // Three of the classes occur among the three utterances of the split.
        let known = row[2..14].iter().filter(|cell| *cell != "-").count();
        assert_eq!(known, 6, "{row:?}");
        assert!(row[14..16].iter().all(|cell| cell != "-"), "{row:?}");
        assert_eq!(
            row[1] == "-",
            !name.contains('E') || name.starts_with("Emo"),
            "{row:?}"
        );
        let place = row[16].split(['(', ')']).nth(1).unwrap();
        assert!(folder.path().join(place).is_file(), "{place}");
    }
    assert!(page.contains("Dai et al., Table 4 (CMU-MOSEI)"), "{page}");
    assert!(page.contains("the figures mean nothing"), "{page}");
    assert!(page.contains("*47.4*"), "the published mean of FE2E");
    for name in [
        "Baseline",
        "Baseline + MMLatch (no LSTM)",
        "Baseline + MMLatch",
        "MulT + MMLatch",
    ] {
        let row = row(&page, name);
        assert!(row[1..9].iter().all(|cell| cell != "-"), "{row:?}");
    }
    for figure in [
        "top-p.svg",
        "masks-words.svg",
        "masks-faces.svg",
        "masks-voices.svg",
    ] {
        assert!(page.contains(figure), "{figure}");
        let svg = fs::read_to_string(folder.path().join(figure)).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
            "{figure}"
        );
    }
    let latex = fs::read_to_string(folder.path().join("all-models-by-class.tex")).unwrap();
    assert!(latex.contains("\\textit{$47.4$}"), "{latex}");
    for line in told.stdout.lines() {
        assert!(Path::new(line).is_file(), "{line}");
    }
    // A table more asks a trained model more, and trains nothing.
    let fewer = tempdir().unwrap();
    assert_eq!(
        report(fewer.path(), &["--tables", "systems,feedback,masks"]).code,
        0
    );
    let trained = fs::metadata(fewer.path().join("runs/mesm-tva-seed1/joint.safetensors"));
    let trained = trained.unwrap().modified().unwrap();
    assert_eq!(report(fewer.path(), &tables).code, 0);
    let weights = fewer.path().join("runs/mesm-tva-seed1/joint.safetensors");
    assert_eq!(fs::metadata(weights).unwrap().modified().unwrap(), trained);
    assert!(
        files(folder.path()) == files(fewer.path()),
        "asked for piece by piece"
    );
    // The same command does nothing twice.
    let before = files(folder.path());
    assert_eq!(report(folder.path(), &tables).code, 0);
    assert!(
        before == files(folder.path()),
        "a second report is another one"
    );
}

/// What a model of the report is, to the other commands.
#[test]
fn its_models_are_judged_and_written_by_the_same_commands() {
    let folder = tempdir().unwrap();
    let told = report(folder.path(), &["--tables", "masks"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let mesm = |words: &[&str]| {
        run(|command| {
            command
                .current_dir(folder.path())
                .args(words)
                .env("MESM_TEXT_ENCODER", encoder::small());
        })
    };
    let data = store().to_str().unwrap();
    let weights = "runs/mm-latch-tva-sentiment-seed1/joint.safetensors";
    let small = ["export", weights, "--out", "small.safetensors"];
    assert_eq!(mesm(&small).code, 0);
    let json = |weights: &str, split: &str| {
        let words = [
            "eval",
            "--data",
            data,
            "--split",
            split,
            "--weights",
            weights,
            "--json",
        ];
        let judged = mesm(&words);
        assert_eq!(judged.code, 0, "{}", judged.stderr);
        serde_json::from_str::<Value>(judged.stdout.lines().last().unwrap()).unwrap()
    };
    let [whole, half] = [json(weights, "test"), json("small.safetensors", "test")];
    let error = |json: &Value| json["sentiment"]["all"]["mean_absolute_error"]["value"].as_f64();
    let difference = error(&whole).unwrap() - error(&half).unwrap();
    assert!(difference.abs() < 0.01, "{difference} by storing halves");
    assert_eq!(whole["sentiment"]["n"], 3);

    let recipe = format!("{RECIPES}/two-phase.toml");
    let train = [
        "train", "--data", data, "--out", "mult", "--config", &recipe, "--model", "mult",
        "--epochs", "1",
    ];
    let trained = mesm(&train);
    assert_eq!(trained.code, 0, "{}", trained.stderr);
    let emotions = json("mult/joint.safetensors", "train");
    // Several emotions an utterance: each class is a question, of each modality alone and of all together.
    for part in ["faces", "audio", "text", "together"] {
        let classes = &emotions[part]["multi_label"]["classes"];
        assert_eq!(classes.as_array().unwrap().len(), 6, "{part}: {emotions}");
    }
    let judged = [
        "eval",
        "--data",
        data,
        "--weights",
        "mult/joint.safetensors",
    ];
    let shown = mesm(&judged);
    assert!(shown.stdout.contains("## together"), "{}", shown.stdout);

    let voice = clips::voice().to_str().unwrap();
    let clip = mesm(&["infer", voice, "--weights", weights]);
    assert_eq!(clip.code, 2);
    assert!(clip.stderr.contains("reads features"), "{}", clip.stderr);
    let swept = [
        "sweep",
        "--data",
        data,
        "--weights",
        weights,
        "--out",
        "swept",
        "--modalities",
        "v",
    ];
    let swept = mesm(&swept);
    assert_eq!(swept.code, 2);
    assert!(swept.stderr.contains("selects nothing"), "{}", swept.stderr);
    let missing = [
        "eval",
        "--data",
        data,
        "--weights",
        weights,
        "--word-vectors",
        "glove.txt",
    ];
    let missing = mesm(&missing);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("glove.txt"), "{}", missing.stderr);
}

#[test]
fn words_of_a_file_need_no_text_encoder() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (words, weights) = (path("words.txt"), path("late/joint.safetensors"));
    fs::write(&words, "good 0.5 -1 0.25 1\nbad -0.5 1 0.75 -1\n").unwrap();
    let mesm = |command: &str, more: &[&str]| {
        run(|to| {
            to.args([command, "--data", store().to_str().unwrap()])
                .args(["--word-vectors", &words])
                .args(more)
                .env("MESM_TEXT_ENCODER", path("nowhere"));
        })
    };
    let recipe = format!("{RECIPES}/two-phase.toml");
    let more = ["--config", &recipe, "--model", "lf-lstm", "--epochs", "1"];
    let trained = mesm("train", &[&more[..], &["--out", &path("late")]].concat());
    assert_eq!(trained.code, 0, "{}", trained.stderr);
    let judged = mesm("eval", &["--weights", &weights]);
    assert_eq!(judged.code, 0, "{}", judged.stderr);
    assert!(judged.stdout.contains("## text"), "{}", judged.stdout);
}

#[test]
fn a_killed_report_ends_with_the_same_bytes() {
    let [whole, broken] = [tempdir().unwrap(), tempdir().unwrap()];
    let more = ["--tables", "feedback,masks", "--seeds", "1,2"];
    let told = report(whole.path(), &more);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let mut kills = 0_u64;
    loop {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
        let mut child = set_up(&mut command, broken.path(), &more)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Later and later, so that it comes to an end on slow machines too.
        sleep(Duration::from_millis(150 + 100 * kills));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        assert!(kills < 200, "the report makes no progress");
    }
    assert!(kills >= 3, "killed {kills} times only");
    let [whole, broken] = [files(whole.path()), files(broken.path())];
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&whole), names(&broken));
    for (name, bytes) in &whole {
        assert!(*bytes == broken[name], "{} differs", name.display());
    }
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempdir().unwrap();
    let recipes = folder.path().join("recipes");
    fs::create_dir(&recipes).unwrap();
    fs::write(
        recipes.join("two-phase.toml"),
        "[model]\nkind = \"lf-lstm\"\n[[phases]]\nname = \"a\"\n[[phases]]\nname = \"b\"\n",
    )
    .unwrap();
    let out = folder.path().join("out");
    let two = run(|command| {
        command
            .args(["report", "--data"])
            .arg(store())
            .arg("--out")
            .arg(&out)
            .arg("--recipes")
            .arg(&recipes)
            .env("MESM_TEXT_ENCODER", encoder::small());
    });
    assert_eq!(two.code, 2, "{}", two.stderr);
    assert!(two.stderr.contains("one phase; found 2"), "{}", two.stderr);

    // A training of other settings is not taken for one of these.
    let more = ["--tables", "masks"];
    let done = report(&out, &more);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let kept = out.join("runs/mm-latch-tva-sentiment-seed1/outcome.json");
    let text = fs::read_to_string(&kept).unwrap();
    fs::write(
        &kept,
        text.replace("\"learning_rate\": 0.002", "\"learning_rate\": 0.004"),
    )
    .unwrap();
    let other = report(&out, &more);
    assert_eq!(other.code, 2, "{}", other.stderr);
    assert!(
        other.stderr.contains("made with other settings"),
        "{}",
        other.stderr
    );
    fs::write(&kept, "nonsense").unwrap();
    let broken = report(&out, &more);
    assert_eq!(broken.code, 2);
    assert!(broken.stderr.contains("outcome.json"), "{}", broken.stderr);

    let nowhere = run(|command| {
        command.args(["report", "--data", "nowhere", "--out", "x"]);
    });
    assert_eq!(nowhere.code, 2, "{}", nowhere.stderr);
}
