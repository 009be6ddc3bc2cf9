//! Pictures and sounds by `ffmpeg` and `espeak-ng`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// Samples a second of everything here.
pub(super) const RATE_HZ: u32 = 16_000;
/// Silence between two utterances, in seconds.
pub(super) const PAUSE_S: f64 = 0.2;
/// The portrait (NASA, public domain).
const PORTRAIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/astronaut.png");

/// Runs a program to its end.
///
/// # Errors
/// When it is missing, with the line that installs it on Debian, or fails.
pub fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(|e| format!("{program}: {e}; install it: apt-get install -y {program}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {arguments:?}: {stderr}"))
}

/// `ffmpeg` with these arguments after the usual ones.
pub(super) fn ffmpeg(arguments: &[&str]) -> Result<(), String> {
    let usual = ["-nostdin", "-v", "error", "-y"];
    run("ffmpeg", &[&usual, arguments].concat())
}

/// A path as an argument.
pub(super) fn text(path: &Path) -> Result<&str, String> {
    path.to_str()
        .ok_or_else(|| format!("{} is no UTF-8", path.display()))
}

/// A sentence as samples. The class makes the voice: its pitch and how fast it speaks.
pub(super) fn speech(scratch: &Path, sentence: &str, class: usize) -> Result<Vec<i16>, String> {
    let (said, wav) = (scratch.join("said.wav"), scratch.join("said-16k.wav"));
    let pitch = (15 + 14 * class).to_string();
    let speed = (220 - 12 * class).to_string();
    let arguments = ["-w", text(&said)?, "-p", &pitch, "-s", &speed, sentence];
    run("espeak-ng", &arguments)?;
    let rate = RATE_HZ.to_string();
    ffmpeg(&["-i", text(&said)?, "-ar", &rate, "-ac", "1", text(&wav)?])?;
    let wrong = |e: hound::Error| format!("{}: {e}", wav.display());
    let mut reader = hound::WavReader::open(&wav).map_err(wrong)?;
    reader.samples().collect::<Result<_, _>>().map_err(wrong)
}

/// Channels of one length as 16-bit WAV.
pub(super) fn write_wav(path: &Path, channels: &[&[i16]]) -> Result<(), String> {
    let wrong = |e: hound::Error| format!("{}: {e}", path.display());
    let spec = hound::WavSpec {
        channels: channels.len() as u16,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).map_err(wrong)?;
    for at in 0..channels.first().map_or(0, |channel| channel.len()) {
        for channel in channels {
            writer.write_sample(channel[at]).map_err(wrong)?;
        }
    }
    writer.finalize().map_err(wrong)
}

/// From when to when a face looks like a class.
pub(super) struct Look {
    pub(super) start_s: f64,
    pub(super) end_s: f64,
    pub(super) class: usize,
}

/// The filter that shows the portrait's face, 240x240, brighter or darker from class to class.
pub(super) fn face_filter(mirrored: bool, looks: &[Look]) -> String {
    let mut filter = "crop=240:240:110:20".to_owned();
    if mirrored {
        filter += ",hflip,eq=contrast=0.8";
    }
    for Look {
        start_s,
        end_s,
        class,
    } in looks
    {
        let brightness = *class as f64 * 0.06 - 0.15;
        // Writing into a string cannot fail.
        let _ = write!(
            filter,
            ",eq=brightness={brightness:.2}:enable='between(t,{start_s:.3},{end_s:.3})'"
        );
    }
    filter
}

/// A video of the portrait through `filter`, with a sound.
pub(super) fn video(
    path: &Path,
    filter: &str,
    sound: Option<&Path>,
    seconds: f64,
    more: &[&str],
) -> Result<(), String> {
    let length = format!("{seconds:.3}");
    let mut arguments = vec![
        "-loop",
        "1",
        "-framerate",
        "30",
        "-t",
        &length,
        "-i",
        PORTRAIT,
    ];
    if let Some(sound) = sound {
        arguments.extend(["-i", text(sound)?]);
    }
    arguments.extend(["-filter_complex", filter, "-map", "[v]"]);
    if sound.is_some() {
        arguments.extend(["-map", "1:a"]);
    }
    arguments.extend([
        "-t", &length, "-pix_fmt", "yuv420p", "-c:v", "mpeg4", "-q:v", "3",
    ]);
    arguments.extend(more);
    arguments.push(text(path)?);
    ffmpeg(&arguments)
}
