//! Data sets with something wrong in them: everything is counted with its reason, file and line.

use std::fs;
use std::path::Path;

use crate::made::{copy, iemocap, mosei, processed, replace, truncate};
use crate::program::{prepare, report, skipped};

/// Whether something was left out for `reason`, so often, with an example that says `what`.
fn holds(found: &[(String, u64, String)], reason: &str, count: u64, what: &str) {
    let fits = |(r, c, e): &&(String, u64, String)| r == reason && *c == count && e.contains(what);
    assert!(
        found.iter().any(|entry| fits(&entry)),
        "{reason} {count} {what}: {found:#?}"
    );
}

#[test]
fn iemocap_with_all_that_can_be_wrong() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("data");
    copy(&iemocap().corpus.folder, &data);
    let dialog = |session: u8| data.join(format!("Session{session}/dialog"));
    // No words; an empty sentence.
    let words = dialog(1).join("transcriptions/Ses01F_impro01.txt");
    replace(&words, "Ses01F_impro01_F000 [", "Ses01F_impro01_X000 [");
    replace(&words, "]: What a lovely afternoon.", "]:  ");
    // An end before its start; an end after the video; a line that is none.
    let labels = dialog(1).join("EmoEvaluation/Ses01F_impro01.txt");
    let text = fs::read_to_string(&labels).unwrap();
    let changed: Vec<String> = text
        .lines()
        .map(|line| {
            let tail = line.split_once(']').map_or("", |(_, tail)| tail);
            if line.contains("Ses01F_impro01_M000\t") {
                format!("[5.0000 - 4.0000]{tail}")
            } else if line.contains("Ses01F_impro01_F001\t") {
                format!("[5.0000 - 60.0000]{tail}")
            } else if line.contains("xxx") {
                "[1.0 to 2.0]\tSes01F_impro01_F003\tneu".to_owned()
            } else {
                line.to_owned()
            }
        })
        .collect();
    fs::write(&labels, changed.join("\n")).unwrap();
    // A video that was cut off, a dialogue without a sound.
    truncate(&dialog(2).join("avi/DivX/Ses02M_impro02.avi"), 40);
    fs::remove_file(dialog(3).join("wav/Ses03F_script01_1b.wav")).unwrap();
    let report = report("iemocap", &data, &out.path().join("store"), &[]);
    let found = skipped(&report);
    let first = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt";
    holds(
        &found,
        "no_transcript",
        1,
        &format!("{first}:3 Ses01F_impro01_F000"),
    );
    holds(&found, "empty_text", 1, "Ses01F_impro01_M001");
    holds(
        &found,
        "end_before_start",
        1,
        &format!("{first}:7 Ses01F_impro01_M000: 5 to 4 s"),
    );
    holds(
        &found,
        "beyond_media",
        1,
        "Ses01F_impro01_F001: ends at 60.00 s, Ses01F_impro01.avi at",
    );
    holds(&found, "bad_row", 1, &format!("{first}:27 [1.0 to 2.0]"));
    holds(
        &found,
        "missing_media",
        6,
        "Session3/dialog/EmoEvaluation/Ses03F_script01_1b.txt:3 Ses03F_script01_1b_F000: \
         Session3/dialog/wav/Ses03F_script01_1b.wav",
    );
    // What lies behind the cut is lost, whichever way the container tells it.
    let second = "Session2/dialog/EmoEvaluation/Ses02M_impro02.txt";
    let lost = |reason: &str| -> u64 {
        let of = found
            .iter()
            .filter(|(r, _, e)| r == reason && e.contains(second));
        of.map(|(_, count, _)| count).sum()
    };
    let lost = lost("beyond_media") + lost("undecodable_media");
    assert!((2..=5).contains(&lost), "{found:#?}");
    assert_eq!(report["rows"], 2 + 6 - lost);
}

/// The other channel is silent: the wrong side gives nothing at all.
#[test]
fn silence_is_no_utterance() {
    let out = tempfile::tempdir().unwrap();
    let run = prepare(
        "iemocap",
        &iemocap().corpus.folder,
        out.path(),
        &["--marked", "right"],
    );
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("can be taken") && run.stderr.contains("6 no sound"),
        "{}",
        run.stderr
    );
}

#[test]
fn mosei_with_all_that_can_be_wrong() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("data");
    copy(&mosei().corpus.folder, &data);
    let raw = data.join("Raw");
    let transcripts = raw.join("Transcript/Segmented/Combined");
    // No words at all; a clip longer than its video; a line that is none; a clip that nobody labelled.
    let first = transcripts.join("-3g5yACwYnA.txt");
    let text = fs::read_to_string(&first).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.remove(0);
    let tail = lines[0].rsplit_once("___").unwrap().1.to_owned();
    lines[0] = format!("-3g5yACwYnA___1___1.0___99.5___{tail}");
    lines[1] = "-3g5yACwYnA_2_1.0_2.0_words".to_owned();
    lines.push("-3g5yACwYnA___9___0.5___1.0___Nobody said what this is.".to_owned());
    fs::write(&first, lines.join("\n")).unwrap();
    // A video that was cut off, and one that is missing.
    truncate(&raw.join("Videos/Full/Combined/0q7HVhnSYX_.mp4"), 50);
    fs::remove_file(raw.join("Videos/Full/Combined/101787.mp4")).unwrap();
    // A rating that is none.
    let labels = raw.join("Labels/Batch_2980374_batch_results.csv");
    let text = fs::read_to_string(&labels).unwrap();
    fs::write(
        &labels,
        format!("{text}h,h,t,W9,Approved,Vj1wYRQjB-o,0,7,0,0,0,0,0,0\n"),
    )
    .unwrap();
    let report = report("mosei", &data, &out.path().join("store"), &[]);
    let found = skipped(&report);
    let file = "Raw/Transcript/Segmented/Combined/-3g5yACwYnA.txt";
    holds(
        &found,
        "no_transcript",
        2,
        "Raw/Labels/5000_batch_raw.csv:2 -3g5yACwYnA_0",
    );
    holds(
        &found,
        "no_transcript",
        2,
        "5000_batch_raw.csv:8 -3g5yACwYnA_2",
    );
    holds(
        &found,
        "beyond_media",
        1,
        &format!("{file}:1 -3g5yACwYnA_1: ends at 99.50 s"),
    );
    holds(&found, "bad_row", 1, &format!("{file}:2 -3g5yACwYnA_2_1.0"));
    holds(&found, "no_label", 1, &format!("{file}:4 -3g5yACwYnA_9"));
    holds(
        &found,
        "undecodable_media",
        4,
        "0q7HVhnSYX_.mp4 is truncated",
    );
    holds(
        &found,
        "missing_media",
        4,
        "101787_0: neither 101787.mp4 nor 101787_0.mp4",
    );
    holds(
        &found,
        "bad_row",
        1,
        "Raw/Labels/Batch_2980374_batch_results.csv:26 Vj1wYRQjB-o_0: Answer.anger should be a number from 0 to 3, found 7",
    );
    assert_eq!(report["rows"], 1 + 4);
}

#[test]
fn the_authors_folders_with_all_that_can_be_wrong() {
    let out = tempfile::tempdir().unwrap();
    let data = out.path().join("MOSEI_RAW_PROCESSED");
    copy(&processed()[1].corpus.folder, &data);
    fs::remove_dir_all(data.join("-3g5yACwYnA_0")).unwrap();
    fs::remove_file(data.join("-3g5yACwYnA_1/audio.wav")).unwrap();
    truncate(&data.join("-3g5yACwYnA_2/image_0.jpg"), 10);
    fs::write(data.join("-3g5yACwYnA_3/audio.wav"), "").unwrap();
    for entry in fs::read_dir(data.join("101787_0")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|suffix| suffix == "jpg") {
            fs::remove_file(path).unwrap();
        }
    }
    let report = report("processed", &data, &out.path().join("store"), &[]);
    let found = skipped(&report);
    holds(
        &found,
        "missing_media",
        3,
        "meta.pkl -3g5yACwYnA_0; meta.pkl -3g5yACwYnA_1: audio.wav",
    );
    holds(&found, "missing_media", 3, "101787_0: no image_0.jpg");
    holds(
        &found,
        "undecodable_media",
        2,
        "-3g5yACwYnA_2: image_0.jpg: it is cut off",
    );
    holds(&found, "undecodable_media", 2, "audio.wav is empty");
    assert_eq!(report["rows"], 12 - 5);
}

/// Ids that the data do not have are counted; ids that were left out for a reason are not counted twice.
#[test]
fn lists_that_do_not_fit_the_data() {
    let out = tempfile::tempdir().unwrap();
    let lists = out.path().join("lists");
    copy(&iemocap().corpus.splits, &lists);
    let append = |file: &str, more: &str| {
        let path = lists.join(file);
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        fs::write(&path, format!("{text}{more}")).unwrap();
        lines
    };
    let lines = append(
        "test_split.txt",
        "Ses09F_impro01_F000\nSes01F_impro01_F003\n",
    );
    replace(&lists.join("valid_split.txt"), "Ses01F_impro01_M000\n", "");
    let given = lists.to_str().unwrap();
    let store = out.path().join("store");
    let report = report(
        "iemocap",
        &iemocap().corpus.folder,
        &store,
        &["--splits", given],
    );
    let found = skipped(&report);
    let place = format!("test_split.txt:{} Ses09F_impro01_F000", lines + 1);
    holds(&found, "unknown_id", 1, &place);
    holds(
        &found,
        "in_no_split",
        1,
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt:7 Ses01F_impro01_M000",
    );
    assert_eq!(report["rows"], 17);
    assert!(Path::new(&store).join("report.json").is_file());
}
