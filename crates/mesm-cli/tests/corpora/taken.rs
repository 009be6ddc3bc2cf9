//! The right utterances with the right labels, words, faces and sounds.

use mesm_data::media::{FACE_SIDE, face, voice};
use mesm_data::store::Row;
use mesm_tests::corpora::Spoken;

use crate::made::{Made, iemocap, mosei, processed};
use crate::program::skipped;

/// Frames lie half a second apart.
const STEP_S: f64 = 0.5;

/// Holds every row against what was put in.
fn compare(made: &Made, tolerance_s: f64) -> Vec<Row> {
    let rows = made.rows();
    let ids = |rows: &[Row]| -> Vec<String> { rows.iter().map(|row| row.id.clone()).collect() };
    let expected: Vec<String> = made
        .corpus
        .utterances
        .iter()
        .map(|u| u.id.clone())
        .collect();
    assert_eq!(ids(&rows), expected);
    for (row, spoken) in rows.iter().zip(&made.corpus.utterances) {
        assert_eq!(
            (
                row.split.as_str(),
                row.subject.as_str(),
                row.text.as_deref()
            ),
            (
                spoken.split,
                spoken.subject.as_str(),
                Some(spoken.text.as_str())
            ),
            "{}",
            row.id
        );
        let target: Vec<f32> = (0..6)
            .map(|class| f32::from(u8::from(spoken.classes.contains(&class))))
            .collect();
        assert_eq!(row.target, target, "{}", row.id);
        let label = (spoken.classes.len() == 1).then(|| spoken.classes[0] as u8);
        assert_eq!(
            (row.label, row.modalities().as_str()),
            (label, "tav"),
            "{}",
            row.id
        );
        lengths(row, spoken, tolerance_s);
    }
    rows
}

fn lengths(row: &Row, spoken: &Spoken, tolerance_s: f64) {
    let seconds = f64::from(row.seconds.unwrap());
    assert!(
        (seconds - spoken.seconds()).abs() < tolerance_s,
        "{}: {seconds}",
        row.id
    );
    let samples = voice(&row.audio.as_ref().unwrap().bytes).unwrap();
    let heard = samples.len() as f64 / 16_000.0;
    assert!(
        (heard - seconds).abs() < 0.03,
        "{}: {heard} of {seconds} s",
        row.id
    );
    // The portrait's face is there all the time.
    let frames = (seconds / STEP_S).ceil() as usize;
    assert!(
        row.faces.len() == frames || row.faces.len() + 1 == frames,
        "{}: {} faces in {seconds} s",
        row.id,
        row.faces.len()
    );
    assert_eq!(row.faces[0].path, format!("{}#t=0.0.png", row.id));
}

#[test]
fn iemocap_gives_one_class_a_row() {
    let made = iemocap();
    let rows = compare(made, 1e-3);
    assert_eq!(rows.len(), 18);
    assert!(
        rows.iter()
            .all(|row| row.source == "iemocap" && row.sentiment.is_none())
    );
    assert_eq!(
        skipped(&made.report),
        ["Session1", "Session2", "Session3"]
            .iter()
            .zip(["Ses01F_impro01", "Ses02M_impro02", "Ses03F_script01_1b"])
            .map(|(session, name)| {
                let file = format!("{session}/dialog/EmoEvaluation/{name}.txt");
                ("unknown_label".to_owned(), 1, format!("{file}:27 xxx"))
            })
            .collect::<Vec<_>>()
    );
    let note = made.report["notes"][0].as_str().unwrap();
    assert!(
        note.starts_with("4 of 6 speakers are in more than one split"),
        "{note}"
    );
}

/// The same frames of the recording show the marked actor on the left, mirrored the other one on the right.
#[test]
fn the_half_of_whoever_speaks_is_kept() {
    let rows = iemocap().rows();
    let first = |letter: &str| {
        let row = rows
            .iter()
            .find(|row| row.id == format!("Ses01F_impro01_{letter}000"));
        grey(row.unwrap())
    };
    let (left, right) = (first("F"), first("M"));
    let mirrored: Vec<f64> = right
        .chunks(FACE_SIDE)
        .flat_map(|row| row.iter().rev().copied())
        .collect();
    let (same, other) = (likeness(&left, &mirrored), likeness(&left, &right));
    assert!(
        same > 0.75 && same > other + 0.3,
        "mirrored {same}, as it is {other}"
    );
}

/// The first face, `[48, 48]`.
fn grey(row: &Row) -> Vec<f64> {
    let values = face(&row.faces[0].bytes).unwrap();
    let plane = FACE_SIDE * FACE_SIDE;
    (0..plane)
        .map(|at| {
            (0..3)
                .map(|channel| f64::from(values[channel * plane + at]))
                .sum()
        })
        .collect()
}

/// Pearson's correlation.
fn likeness(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let product =
        |f: fn(f64, f64) -> f64| -> f64 { a.iter().zip(b).map(|(x, y)| f(x - ma, y - mb)).sum() };
    product(|x, y| x * y) / (product(|x, _| x * x) * product(|_, y| y * y)).sqrt()
}

#[test]
fn mosei_gives_any_number_of_emotions_and_sentiment() {
    let made = mosei();
    let rows = compare(made, 0.06);
    assert_eq!(rows.len(), 16);
    for (row, spoken) in rows.iter().zip(&made.corpus.utterances) {
        assert_eq!(row.sentiment, spoken.sentiment, "{}", row.id);
    }
    let several = rows
        .iter()
        .filter(|row| row.target.iter().sum::<f32>() > 1.0);
    let none = rows
        .iter()
        .filter(|row| row.target.iter().sum::<f32>() < 0.5);
    assert_eq!((several.count(), none.count()), (3, 2));
    assert_eq!(skipped(&made.report), []);
    let note = made.report["notes"][0].as_str().unwrap();
    assert!(
        note.contains("of 4 speakers are in more than one split"),
        "{note}"
    );
}

#[test]
fn the_authors_folders_give_the_same_utterances() {
    let [first, second] = processed();
    let rows = compare(first, 0.06);
    assert_eq!(rows.len(), 18);
    assert!(rows.iter().all(|row| row.source == "iemocap"));
    let rows = compare(second, 0.06);
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().all(|row| row.source == "cmu-mosei"));
    for made in processed() {
        assert_eq!(skipped(&made.report), []);
    }
}

/// The faces of an utterance are those of its folder's own pictures: cut here and cut before.
#[test]
fn cut_here_and_cut_before_look_alike() {
    let (here, before) = (iemocap().rows(), processed()[0].rows());
    for (a, b) in here.iter().zip(&before) {
        let same = likeness(&grey(a), &grey(b));
        assert!(same > 0.85, "{}: {same}", a.id);
    }
}
