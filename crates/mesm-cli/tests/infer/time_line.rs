//! `--window`: one row a window.

use std::ffi::OsStr;

use serde_json::Value;

use crate::clips;
use crate::program::{infer, json, says};

fn windows(words: &str) -> Vec<String> {
    let run = infer(
        [clips::talking().as_os_str()]
            .into_iter()
            .chain(words.split(' ').map(OsStr::new)),
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn rows_for_a_spreadsheet() {
    let lines = windows("--text happy --window 2s --hop 0.5s");
    assert_eq!(
        lines[0],
        "start_s,end_s,anger,disgust,fear,happy,sad,surprise,neutral,modalities,frames,chunks,faces_found,macs_pairs,notes"
    );
    assert_eq!(lines.len(), 6, "{lines:#?}");
    for (n, line) in lines[1..].iter().enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), 15, "{line}");
        assert_eq!(fields[0].parse::<f64>().unwrap(), n as f64 * 0.5);
        assert_eq!(fields[1].parse::<f64>().unwrap(), n as f64 * 0.5 + 2.0);
        let probability: f64 = fields[2].parse().unwrap();
        assert!(probability > 0.0 && probability < 1.0);
        assert_eq!(
            (fields[10], fields[12]),
            ("4", "4"),
            "four frames, four faces"
        );
    }
}

#[test]
fn objects_and_the_whole_as_the_last_line() {
    let lines = windows("--text happy --window 1s --format jsonl --json");
    assert_eq!(lines.len(), 5);
    let objects: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (whole, windows) = objects.split_last().unwrap();
    assert_eq!(whole["windows"], 4);
    assert!(says(whole, "judged in 4 windows of 1 s"));
    let mean: f64 = windows
        .iter()
        .map(|w| w["logits"]["anger"].as_f64().unwrap())
        .sum::<f64>()
        / 4.0;
    assert!((whole["logits"]["anger"].as_f64().unwrap() - mean).abs() < 1e-5);
    let frames: u64 = windows.iter().map(|w| w["frames"].as_u64().unwrap()).sum();
    assert_eq!(whole["frames"].as_u64(), Some(frames));
    assert_eq!(windows[3]["start_s"], 3.0);
    assert_eq!(windows[0]["faces"].as_array().unwrap().len(), 2);
}

#[test]
fn a_single_window_is_the_whole_clip() {
    let whole = json(clips::talking(), &["--text", "happy"]);
    let window = json(clips::talking(), &["--text", "happy", "--window", "10s"]);
    assert_eq!(whole["logits"], window["logits"]);
    assert_eq!(window["windows"], 1);
}

#[test]
fn a_long_file_is_judged_in_windows_without_being_asked() {
    let answer = json(clips::long(), &["--top-p", "0.3"]);
    assert_eq!(answer["windows"], 4);
    assert!(says(&answer, "judged in 4 windows of 30 s"));
    assert_eq!(answer["frames"], 191);
    assert!((answer["duration_s"].as_f64().unwrap() - 95.0).abs() < 0.2);
}
