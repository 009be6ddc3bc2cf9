//! Tables of videos that ffmpeg makes here, into a store.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use mesm_data::clip::Frame;
use mesm_data::manifest::{FaceFinder, ManifestError, Options, Outcome, Reason, prepare};
use mesm_data::media::{face, voice};
use mesm_data::store::{Row, Store};

/// Takes the picture's upper left corner for a face where it is bright.
#[derive(Default)]
struct Brightest {
    begun: usize,
}

impl FaceFinder for Brightest {
    fn begin(&mut self) {
        self.begun += 1;
    }

    fn face(&mut self, frame: &Frame) -> Result<Option<Vec<u8>>, String> {
        let row = |y: usize| &frame.rgb[y * frame.width as usize * 3..][..48 * 3];
        let rgb: Vec<u8> = (0..48).flat_map(row).copied().collect();
        Ok((rgb[0] > 100).then_some(rgb))
    }
}

fn options(splits: &[&str]) -> Options {
    let strings = |of: &[&str]| of.iter().map(|s| (*s).to_owned()).collect();
    Options {
        classes: strings(&["calm", "joy"]),
        splits: strings(splits),
        shard_bytes: 1 << 20,
    }
}

fn run(
    data: &Path,
    out: &Path,
    options: &Options,
    finder: &mut Brightest,
) -> Result<Outcome, ManifestError> {
    prepare(data, out, options, finder, &mut |_| {
        ControlFlow::Continue(())
    })
}

/// A video of one colour, with a tone or without.
fn video(path: &Path, colour: &str, seconds: f64, tone: bool) {
    let picture = format!("color={colour}:s=96x64:r=10:d={seconds}");
    let sound = format!("aevalsrc=0.5*sin(2000*PI*t):s=44100:d={seconds}");
    let mut arguments = vec!["-f", "lavfi", "-i", &picture];
    if tone {
        arguments.extend(["-f", "lavfi", "-i", &sound]);
    }
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .args(["-c:v", "mpeg4", "-c:a", "pcm_s16le"])
        .arg(path)
        .output()
        .expect("ffmpeg is missing: apt-get install -y ffmpeg");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
}

fn folder(clips: &Path) {
    fs::create_dir_all(clips).unwrap();
    video(&clips.join("white.mkv"), "white", 1.2, true);
    video(&clips.join("black.mkv"), "black", 1.2, true);
    video(&clips.join("mute.mkv"), "black", 0.5, false);
    video(&clips.join("long.mkv"), "black", 121.0, false);
    fs::write(
        clips.join("clips.csv"),
        "path,text,label,source,subject\n\
         white.mkv,so it is,joy,own,s1\n\
         black.mkv,,calm,own,s1\n\
         mute.mkv,,calm,own,s2\n\
         long.mkv,,calm,own,s2\n",
    )
    .unwrap();
}

#[test]
fn a_video_becomes_one_aligned_utterance() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    folder(&data.path().join("clips"));
    let mut finder = Brightest::default();
    let outcome = run(data.path(), out.path(), &options(&[]), &mut finder).unwrap();
    assert_eq!(finder.begun, 3, "the long one is not looked at");
    let inputs: Vec<&str> = outcome.report.inputs.iter().map(|i| &i.file[..]).collect();
    assert_eq!(inputs[..2], ["clips/clips.csv", "clips/white.mkv"]);
    let skipped = &outcome.report.skipped;
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert_eq!(
        (skipped[0].reason, skipped[1].reason),
        (Reason::OversizedMedia, Reason::NothingInside)
    );
    let store = Store::open(out.path()).unwrap();
    let rows: Vec<_> = store
        .rows("clips")
        .into_iter()
        .map(|row| store.read(row).unwrap())
        .collect();
    let letters: Vec<String> = rows.iter().map(Row::modalities).collect();
    assert_eq!(letters, ["tav", "a"]);
    let white = &rows[0];
    assert_eq!(
        (white.id.as_str(), white.text.as_deref(), white.label),
        ("clips/clips.csv:white.mkv", Some("so it is"), Some(1))
    );
    assert!(
        (white.seconds.unwrap() - 1.2).abs() < 0.06,
        "{:?}",
        white.seconds
    );
    // At 0, 0.5 and 1 s.
    let paths: Vec<&str> = white.faces.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "white.mkv#t=0.0.png",
            "white.mkv#t=0.5.png",
            "white.mkv#t=1.0.png"
        ]
    );
    let crop = face(&white.faces[2].bytes).unwrap();
    assert!(crop.iter().all(|level| *level > 250.0));
    let samples = voice(&white.audio.as_ref().unwrap().bytes).unwrap();
    assert!((samples.len() as f64 / 16_000.0 - 1.2).abs() < 0.02);
    let loudest = samples.iter().fold(0.0_f32, |most, s| most.max(s.abs()));
    assert!((loudest - 0.5).abs() < 0.01, "{loudest}");
    let again = tempfile::tempdir().unwrap();
    run(data.path(), again.path(), &options(&[]), &mut finder).unwrap();
    let shard = |out: &Path| fs::read(out.join("data/clips-00000-of-00001.parquet")).unwrap();
    assert!(shard(out.path()) == shard(again.path()), "the same bytes");
}

#[test]
fn only_the_splits_that_are_asked_for() {
    let (data, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Here the table lies beside the other one.
    folder(data.path());
    fs::write(
        data.path().join("text.csv"),
        "split,label,text\ntrain,joy,yes\ntest,calm,so\n",
    )
    .unwrap();
    let mut finder = Brightest::default();
    let outcome = run(data.path(), out.path(), &options(&["train"]), &mut finder).unwrap();
    assert_eq!((outcome.report.rows, finder.begun), (1, 0));
    assert!(outcome.report.skipped.is_empty());
    let other = out.path().join("other");
    let error = run(data.path(), &other, &options(&["dev"]), &mut finder).unwrap_err();
    assert!(matches!(error, ManifestError::NoSplit { .. }));
    let says = "has no split `dev`; its tables name clips, test, train";
    assert!(error.to_string().contains(says), "{error}");
}
