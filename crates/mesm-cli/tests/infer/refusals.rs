//! What cannot be judged: one line on the error stream, nothing on the other, and the exit code that says whose fault
//! it is.

use std::path::{Path, PathBuf};

use crate::program::{Run, infer, run};
use crate::{clips, encoder};

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = clips::folder().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The one line, after checking that it is one and that nothing else was printed.
fn refused(run: &Run, code: i32) -> &str {
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (code, ""),
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    run.stderr.trim_end()
}

fn bad_clip(path: &Path) -> String {
    refused(&infer([path]), 2).to_owned()
}

#[test]
fn files_that_are_no_clips() {
    assert!(bad_clip(&file("empty.mp4", b"")).contains("is empty (0 bytes)"));
    let words = "These are words and no picture.\n".repeat(50);
    assert!(bad_clip(&file("words.mp4", words.as_bytes())).contains("is not a media file"));
    assert!(bad_clip(&clips::folder().join("absent.mp4")).contains("cannot read"));
    assert!(bad_clip(clips::folder()).contains("is a folder"));
    let talking = std::fs::read(clips::talking()).unwrap();
    assert!(bad_clip(&file("cut.mp4", &talking[..talking.len() / 2])).contains("is truncated"));
}

#[test]
fn a_window_folder_that_lies() {
    let folder = clips::folder().join("lying");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        folder.join("window.json"),
        r#"{"sample_rate_hz": 16000, "frames": [{"file": "x.png", "t_s": 0}]}"#,
    )
    .unwrap();
    assert!(bad_clip(&folder).contains("x.png"));
}

#[test]
fn nothing_to_look_at() {
    let mute = clips::mute();
    let line = infer([
        mute.as_os_str(),
        "--model".as_ref(),
        "fe2e".as_ref(),
        "--modalities".as_ref(),
        "a".as_ref(),
    ]);
    assert!(refused(&line, 2).contains("no audio track"));
}

#[test]
fn arguments_that_do_not_fit() {
    let talking = clips::talking().as_os_str();
    let with = |words: &str| {
        infer(
            [talking]
                .into_iter()
                .chain(words.split(' ').map(str::as_ref)),
        )
    };
    assert!(refused(&with("--modalities av"), 2).contains("MESM needs the text"));
    assert!(refused(&with("--window 90s"), 2).contains("at most 60 s"));
    assert!(refused(&with("--window 3s --hop 4s"), 2).contains("the hop in ms"));
    let run = with("--top-p 2");
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("top_p"), "{}", run.stderr);
}

#[test]
fn a_machine_without_ffmpeg() {
    let nowhere = tempfile::tempdir().unwrap();
    let run = run(|command| {
        command
            .arg("infer")
            .arg(clips::talking())
            .env("PATH", nowhere.path());
    });
    let line = refused(&run, 1);
    assert!(
        line.contains("`ffprobe` was not found") && line.contains("apt-get install -y ffmpeg"),
        "{line}"
    );
}

#[test]
fn no_text_encoder() {
    let nowhere = tempfile::tempdir().unwrap();
    let infer = |more: &[&str]| {
        run(|command| {
            command
                .arg("infer")
                .arg(clips::talking())
                .args(more)
                .env_remove("MESM_TEXT_ENCODER")
                .env("MESM_CACHE", nowhere.path());
        })
    };
    // The built-in weights bring theirs; a file of weights need not.
    assert_eq!(infer(&[]).code, 0);
    let weights = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../static/weights/mesm-web.safetensors"
    );
    let without = infer(&["--weights", weights]);
    let line = refused(&without, 1);
    assert!(
        line.contains("cargo xtask setup") && line.contains("--text-encoder"),
        "{line}"
    );
}

#[test]
fn a_text_encoder_that_does_not_load() {
    let broken = clips::folder().join("broken encoder");
    std::fs::create_dir_all(&broken).unwrap();
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(encoder::small().join(name), broken.join(name)).unwrap();
    }
    std::fs::write(broken.join("model.safetensors"), b"no tensors").unwrap();
    let run = infer([
        clips::talking().as_os_str(),
        "--text-encoder".as_ref(),
        broken.as_os_str(),
    ]);
    assert!(refused(&run, 2).contains("safetensors"), "{}", run.stderr);
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_that_is_not_built_in() {
    let run = infer([
        clips::talking().as_os_str(),
        "--device".as_ref(),
        "cuda".as_ref(),
    ]);
    assert!(refused(&run, 1).contains("cargo build --release -p mesm-cli --features cuda"));
}

#[test]
fn a_folder_for_pictures_that_cannot_be_made() {
    let blocked = file("blocked", b"a file");
    let run = infer([
        clips::mute().as_os_str(),
        "--overlay".as_ref(),
        blocked.as_os_str(),
    ]);
    assert!(refused(&run, 1).contains("cannot write"));
}
