//! `mesm explain` as a process: pictures, table and page of a small store and of a clip, and what it refuses.
//!
//! The faces are cut here from a public-domain portrait, the voices are tones.

#![allow(
    clippy::expect_used,
    clippy::float_cmp,
    clippy::unwrap_used,
    dead_code,
    reason = "a test may panic, compares numbers that are exact, and uses parts of what the tests of `mesm infer` share"
)]

#[path = "../infer/clips.rs"]
mod clips;
#[path = "../infer/encoder.rs"]
mod encoder;
#[path = "../infer/program.rs"]
mod program;
mod refusals;
mod store;

use std::fs;
use std::path::Path;

use image::RgbImage;
use program::Run;
use serde_json::Value;

/// `mesm explain` with these words.
fn explain(input: &Path, out: &Path, more: &[&str]) -> Run {
    program::run(|command| {
        command
            .arg("explain")
            .arg(input)
            .arg("--out")
            .arg(out)
            .args(more);
    })
}

/// The object of a run that must succeed.
fn object(input: &Path, out: &Path, more: &[&str]) -> Value {
    let run = explain(input, out, &[more, &["--json"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap()
}

fn picture(path: &Path) -> RgbImage {
    image::open(path).unwrap().into_rgb8()
}

/// Pixels of the red that marks an active point, however bright it is below.
fn red(picture: &RgbImage) -> usize {
    let marked = |rgb: [u8; 3]| {
        let [r, g, b] = rgb.map(u32::from);
        r > 120 && g < r * 7 / 10 && b < r * 7 / 10
    };
    picture.pixels().filter(|pixel| marked(pixel.0)).count()
}

#[test]
fn a_store_is_explained() {
    let out = store::folder().join("seen");
    let answer = object(store::made(), &out, &["--top-p", "0.6", "--examples", "1"]);
    assert_eq!(answer["split"], "test");
    assert_eq!(answer["query"], "the empty sentence");
    assert_eq!(answer["faces"], 9);
    // Of each class one is a wall.
    assert_eq!(answer["points_found"], 6);
    let rows = answer["facs"].as_array().unwrap();
    let keys: Vec<(&str, u64, u64)> = rows
        .iter()
        .map(|row| {
            let grid = row["grid"][0].as_u64().unwrap();
            (
                row["class"].as_str().unwrap(),
                row["layer"].as_u64().unwrap(),
                grid,
            )
        })
        .collect();
    let layers = |class| [(class, 1, 24), (class, 2, 12), (class, 3, 6)];
    assert_eq!(
        keys,
        [layers("happy"), layers("sad")].concat(),
        "neutral has no regions"
    );
    for row in rows {
        assert_eq!(
            (row["n"].as_u64(), row["others"].as_u64()),
            (Some(3), Some(6))
        );
        let number = |key: &str| row[key].as_f64().unwrap();
        assert!(
            (number("ratio") - number("share") / number("random")).abs() < 1e-9,
            "{row}"
        );
        assert!((0.0..=1.0).contains(&number("weighted_share")), "{row}");
        assert!(number("random") > 0.02 && number("random") < 0.5, "{row}");
    }
    let files = [
        "faces.png",
        "voices.png",
        "regions.png",
        "facs.csv",
        "explain.md",
    ];
    assert_eq!(answer["files"], serde_json::json!(files));
    // A name, and a face with three layers.
    let faces = picture(&out.join("faces.png"));
    assert_eq!(faces.width(), 6 + 7 * 16 + 12 + 4 * 150);
    assert!(red(&faces) > 3 * 3 * 100, "{} red pixels", red(&faces));
    assert!(red(&picture(&out.join("voices.png"))) > 1000);
    let table = fs::read_to_string(out.join("facs.csv")).unwrap();
    assert_eq!(table.lines().count(), 1 + rows.len());
    let page = fs::read_to_string(out.join("explain.md")).unwrap();
    for file in &files[..3] {
        assert!(page.contains(&format!("]({file})")), "{file}: {page}");
    }
    assert!(page.contains("found in 6 of 9 faces"), "{page}");

    // The same again gives the same bytes.
    let again = store::folder().join("again");
    object(
        store::made(),
        &again,
        &["--top-p", "0.6", "--examples", "1"],
    );
    for file in files {
        let [first, second] = [&out, &again].map(|folder| fs::read(folder.join(file)).unwrap());
        assert!(first == second, "{file}");
    }
}

/// At p = 1 every candidate is active: nothing can be favoured.
#[test]
fn everything_kept_is_chance() {
    let out = store::folder().join("everything");
    let answer = object(store::made(), &out, &["--top-p", "1"]);
    for row in answer["facs"].as_array().unwrap() {
        assert_eq!(row["ratio"], 1.0, "{row}");
        assert_eq!(row["random_range"]["low"], row["random_range"]["high"]);
        assert_eq!(row["verdict"], "indistinguishable");
    }
    let run = explain(store::made(), &out, &["--top-p", "1"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let said = "in 0, less often in 0; 6 cannot be told from chance";
    assert!(run.stdout.contains(said), "{}", run.stdout);
}

#[test]
fn words_choose_other_points() {
    let out = store::folder().join("words");
    let weights = |more: &[&str]| {
        let answer = object(store::made(), &out, &[more, &["--top-p", "0.5"]].concat());
        (
            answer["facs"][0]["weighted_share"].clone(),
            answer["query"].clone(),
        )
    };
    let (empty, _) = weights(&[]);
    let (words, query) = weights(&["--text", "i am so happy"]);
    assert_ne!(empty, words);
    assert_eq!(query, "the words “i am so happy”");
}

#[test]
fn a_clip_is_explained() {
    let out = store::folder().join("clip");
    let answer = object(
        clips::talking(),
        &out,
        &["--examples", "1", "--highest", "0.1"],
    );
    assert!(answer.get("split").is_none());
    assert_eq!(
        (answer["faces"].as_u64(), answer["points_found"].as_u64()),
        (Some(8), Some(8))
    );
    for row in answer["facs"].as_array().unwrap() {
        assert_eq!(
            (row["n"].as_u64(), row["verdict"].as_str()),
            (Some(8), Some("unknown"))
        );
    }
    // Eight frames and eleven chunks, at most seven of each are shown: pictures of 144 and 256 pixels.
    let [faces, voices] = ["faces.png", "voices.png"].map(|file| picture(&out.join(file)));
    assert_eq!(faces.height(), 28 + 7 * (144 + 3 + 8 + 6));
    assert_eq!(voices.height(), 28 + 7 * (256 + 3 + 8 + 6));
    assert!(red(&faces) > 1000 && red(&voices) > 1000);
    let page = fs::read_to_string(out.join("explain.md")).unwrap();
    assert!(page.contains("only the highest 10 %"), "{page}");
    assert!(page.contains("nobody says which class"), "{page}");
}

#[test]
fn a_voice_alone_has_no_score() {
    let out = store::folder().join("voice");
    let answer = object(clips::voice(), &out, &[]);
    assert_eq!(
        answer["files"],
        serde_json::json!(["voices.png", "explain.md"])
    );
    assert_eq!(answer["facs"], serde_json::json!([]));
}
