//! Clips whose content is known.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Public-domain portrait (NASA): one face.
const PORTRAIT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/golden/astronaut.png"
);

/// A folder that lives as long as the tests run.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

fn run(program: &str, arguments: &[&str], install: &str) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|_| panic!("{program} is missing: apt-get install -y {install}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
}

fn ffmpeg(arguments: &[&str]) {
    run(
        "ffmpeg",
        &[&["-nostdin", "-v", "error", "-y"], arguments].concat(),
        "ffmpeg",
    );
}

/// Makes a file once, whichever test asks first.
fn once(
    name: &'static str,
    cell: &'static OnceLock<PathBuf>,
    make: impl FnOnce(&str),
) -> &'static Path {
    cell.get_or_init(|| {
        let path = folder().join(name);
        make(path.to_str().unwrap());
        path
    })
}

/// A synthetic voice.
pub(crate) fn voice() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    once("voice.wav", &CELL, |path| {
        run(
            "espeak-ng",
            &[
                "-w",
                path,
                "Kids are talking by the door, and nobody listens to them.",
            ],
            "espeak-ng",
        );
    })
}

/// Four seconds of a portrait that moves, with a voice.
pub(crate) fn talking() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    let voice = voice().to_str().unwrap();
    once("talking.mp4", &CELL, |path| {
        let moving = "crop=400:400:56+30*sin(2*t):10+10*cos(3*t),scale=320:320";
        ffmpeg(&[
            "-loop",
            "1",
            "-framerate",
            "25",
            "-i",
            PORTRAIT,
            "-i",
            voice,
            "-vf",
            moving,
            "-af",
            "apad",
            "-t",
            "4",
            "-c:v",
            "mpeg4",
            "-q:v",
            "3",
            "-c:a",
            "aac",
            "-movflags",
            "+faststart",
            path,
        ]);
    })
}

/// The same without a sound track.
pub(crate) fn mute() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    let talking = talking().to_str().unwrap();
    once("mute.mp4", &CELL, |path| {
        ffmpeg(&["-i", talking, "-an", "-c:v", "copy", path]);
    })
}

/// The same with a sound track of zeros.
pub(crate) fn silent() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    let mute = mute().to_str().unwrap();
    once("silent.mp4", &CELL, |path| {
        ffmpeg(&[
            "-i",
            mute,
            "-f",
            "lavfi",
            "-i",
            "anullsrc=r=16000",
            "-c:v",
            "copy",
            "-c:a",
            "aac",
            "-shortest",
            path,
        ]);
    })
}

/// The voice over a test card: nobody to be seen.
pub(crate) fn faceless() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    let voice = voice().to_str().unwrap();
    once("faceless.mp4", &CELL, |path| {
        ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            "testsrc=s=320x240:r=25:d=2",
            "-i",
            voice,
            "-t",
            "2",
            "-c:v",
            "mpeg4",
            "-c:a",
            "aac",
            path,
        ]);
    })
}

/// Two seconds of the portrait, then two seconds of a wall.
pub(crate) fn leaving() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    once("leaving.mp4", &CELL, |path| {
        let graph =
            "[0]scale=320:320,trim=duration=2[a];color=0x8090a0:s=320x320:r=25:d=2[b];[a][b]concat";
        ffmpeg(&[
            "-loop",
            "1",
            "-framerate",
            "25",
            "-i",
            PORTRAIT,
            "-filter_complex",
            graph,
            "-c:v",
            "mpeg4",
            "-q:v",
            "3",
            path,
        ]);
    })
}

/// 95 seconds with a small picture: more than three windows of the default length.
pub(crate) fn long() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    once("long.mkv", &CELL, |path| {
        ffmpeg(&[
            "-loop",
            "1",
            "-framerate",
            "4",
            "-i",
            PORTRAIT,
            "-f",
            "lavfi",
            "-i",
            "sine=440:r=16000",
            "-vf",
            "scale=160:160",
            "-t",
            "95",
            "-c:v",
            "mpeg4",
            "-c:a",
            "aac",
            path,
        ]);
    })
}
