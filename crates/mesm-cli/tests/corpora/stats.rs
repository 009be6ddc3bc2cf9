//! Tables 1 and 2 of any store.

use std::path::Path;
use std::process::Command;

use mesm_tests::corpora::Spoken;
use serde_json::Value;

use crate::made::{iemocap, mosei};
use crate::program::{Run, finish, report};

fn stats(store: &Path, more: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mesm"));
    finish(command.arg("stats").arg(store).args(more))
}

fn mean(of: &[&Spoken], value: impl Fn(&Spoken) -> f64) -> f64 {
    of.iter().map(|spoken| value(spoken)).sum::<f64>() / of.len() as f64
}

/// Holds one line of the JSON against what was put in.
fn check(line: &Value, of: &[&Spoken]) {
    assert_eq!(line["rows"], of.len(), "{line}");
    let near = |key: &str, expected: f64, tolerance: f64| {
        let found = line[key].as_f64().unwrap();
        assert!(
            (found - expected).abs() < tolerance,
            "{key} {found} {expected}: {line}"
        );
    };
    near(
        "words",
        mean(of, |s| s.text.split_whitespace().count() as f64),
        1e-9,
    );
    near("seconds", mean(of, Spoken::seconds), 0.05);
    for split in ["train", "valid", "test"] {
        let count = of.iter().filter(|s| s.split == split).count();
        let found = line["splits"]
            .get(split)
            .and_then(Value::as_u64)
            .unwrap_or(0);
        assert_eq!(found, count as u64, "{split}: {line}");
    }
}

#[test]
fn words_seconds_and_counts_are_those_of_the_data() {
    for made in [iemocap(), mosei()] {
        let run = stats(&made.store, &["--json"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""));
        let found: Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(
            found["splits"],
            serde_json::json!(["train", "valid", "test"])
        );
        let all: Vec<&Spoken> = made.corpus.utterances.iter().collect();
        check(&found["all"], &all);
        for class in 0..6 {
            let of = all.iter().filter(|s| s.classes.contains(&class));
            check(&found["classes"][class], &of.copied().collect::<Vec<_>>());
        }
        if made.kind == "mosei" {
            assert_eq!(found["none"]["rows"], 2);
            let expected = mean(&all, |s| f64::from(s.sentiment.unwrap()));
            assert_eq!(found["all"]["sentiment"], expected);
        }
    }
}

#[test]
fn the_table_is_text_or_markdown() {
    let run = stats(&iemocap().store, &[]);
    let head: Vec<&str> = run
        .stdout
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(
        head,
        ["class", "words", "seconds", "train", "valid", "test", "all"]
    );
    let last = run.stdout.lines().last().unwrap();
    assert_eq!(
        last,
        "speakers: train 6, valid 2, test 3; 4 in more than one split"
    );
    let run = stats(&mosei().store, &["--markdown"]);
    let head = "| class | words | seconds | sentiment | train | valid | test | all |\n| --- |";
    assert!(run.stdout.starts_with(head), "{}", run.stdout);
    assert!(run.stdout.contains("\n| none | "), "{}", run.stdout);
    let run = stats(&iemocap().corpus.folder, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("is no store"), "{}", run.stderr);
}

/// A store of tables: lengths come from the sounds, also from one that is too long to learn from.
#[test]
fn stores_of_tables_have_their_lengths_in_their_sounds() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let table = "split,label,path,text\ntrain,happy,a.wav,one two three\nodd,sad,b.wav,\n";
    std::fs::write(data.join("audio.csv"), table).unwrap();
    let archive = std::fs::File::create(data.join("audio.tar")).unwrap();
    let mut archive = tar::Builder::new(archive);
    for (name, samples) in [("a.wav", 8_000), ("b.wav", 640_000)] {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let path = out.path().join(name);
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for at in 0..samples {
            writer.write_sample((at * 37 % 2000) as i16).unwrap();
        }
        writer.finalize().unwrap();
        archive.append_path_with_name(&path, name).unwrap();
    }
    archive.finish().unwrap();
    let store = out.path().join("store");
    report("manifest", &data, &store, &["--classes", "happy,sad"]);
    let run = stats(&store, &[]);
    assert_eq!(run.stderr, "");
    assert_eq!(
        run.stdout,
        "\
class  words  seconds  train  odd  all
happy   3.00     0.50      1    0    1
sad        -    40.00      0    1    1
all     3.00    20.25      1    1    2

speakers are not known
"
    );
}
