//! A window that was exported as files: the exact frames, samples and words that another front of the program used.
//!
//! ```text
//! window.json      {"text": "hello", "sample_rate_hz": 16000, "frames": [{"file": "frame_000.png", "t_s": 0.0}, ...]}
//! frame_000.png    8-bit pictures, in the order of time
//! audio.wav        mono, 32-bit float or 16-bit integer, at sample_rate_hz; absent where there was no sound
//! ```

use std::path::{Component, Path, PathBuf};

use image::{ImageReader, Limits};
use serde::{Deserialize, Serialize};

use crate::clip::{Frame, SAMPLE_RATE_HZ};

/// The list of contents, `window.json`.
pub const MANIFEST: &str = "window.json";
const AUDIO: &str = "audio.wav";
/// More than a window of ten minutes with a frame every 10 ms.
const MAX_FRAMES: usize = 60_000;
const MAX_SAMPLES: u32 = SAMPLE_RATE_HZ * 600;
const MAX_SIDE: u32 = 8192;

/// What `window.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The words, where there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The pictures, in the order of time.
    #[serde(default)]
    pub frames: Vec<FrameEntry>,
    /// Must be [`SAMPLE_RATE_HZ`].
    pub sample_rate_hz: u32,
}

/// One picture of a window folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameEntry {
    /// A file name within the folder.
    pub file: String,
    /// Time in seconds from the window's start.
    pub t_s: f64,
}

/// A window read from a folder.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowFolder {
    /// The words.
    pub text: Option<String>,
    /// The pictures; [`Frame::index`] counts them.
    pub frames: Vec<Frame>,
    /// Mono samples at [`SAMPLE_RATE_HZ`], full scale -1..=1; `None` without `audio.wav`.
    pub samples: Option<Vec<f32>>,
}

/// Why a window folder could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WindowFolderError {
    /// A file is missing or may not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// `window.json` is not what it should be.
    #[error("{}: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        reason: String,
    },
    /// A picture does not decode.
    #[error("{} is not a picture this program reads: {reason}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        reason: String,
    },
    /// `audio.wav` is not mono 32-bit float or 16-bit integer at the right rate.
    #[error("{}: expected mono, 32-bit float or 16-bit integer, {SAMPLE_RATE_HZ} Hz, found {found}", path.display())]
    Audio {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
}

impl WindowFolder {
    /// Whether `path` is a folder with a `window.json`.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        path.join(MANIFEST).is_file()
    }

    /// Reads the folder.
    ///
    /// # Errors
    /// [`WindowFolderError`]: a file missing, a list of contents that names files elsewhere, an undecodable picture,
    /// sound of another kind.
    pub fn read(folder: &Path) -> Result<Self, WindowFolderError> {
        let path = folder.join(MANIFEST);
        let text = std::fs::read(&path).map_err(|source| WindowFolderError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let wrong = |reason: String| WindowFolderError::Manifest {
            path: path.clone(),
            reason,
        };
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        if manifest.sample_rate_hz != SAMPLE_RATE_HZ {
            return Err(wrong(format!(
                "sample_rate_hz must be {SAMPLE_RATE_HZ}, found {}",
                manifest.sample_rate_hz
            )));
        }
        if manifest.frames.len() > MAX_FRAMES {
            return Err(wrong(format!(
                "at most {MAX_FRAMES} frames, found {}",
                manifest.frames.len()
            )));
        }
        let mut frames = Vec::with_capacity(manifest.frames.len());
        for (index, entry) in manifest.frames.iter().enumerate() {
            if !is_plain_name(&entry.file) {
                return Err(wrong(format!(
                    "\"{}\" must be a file name within the folder",
                    entry.file
                )));
            }
            if !(0.0..=1e6).contains(&entry.t_s) {
                return Err(wrong(format!(
                    "t_s of {} must be in 0..=1e6 seconds, found {}",
                    entry.file, entry.t_s
                )));
            }
            frames.push(picture(&folder.join(&entry.file), index as u64, entry.t_s)?);
        }
        Ok(Self {
            text: manifest.text,
            frames,
            samples: samples(&folder.join(AUDIO))?,
        })
    }
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!(
        (parts.next(), parts.next()),
        (Some(Component::Normal(_)), None)
    )
}

fn picture(path: &Path, index: u64, t_s: f64) -> Result<Frame, WindowFolderError> {
    let unreadable = |source| WindowFolderError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mut reader = ImageReader::open(path)
        .map_err(unreadable)?
        .with_guessed_format()
        .map_err(unreadable)?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    reader.limits(limits);
    let rgb = reader
        .decode()
        .map_err(|e| WindowFolderError::Picture {
            path: path.to_owned(),
            reason: e.to_string(),
        })?
        .into_rgb8();
    let t_ms = (t_s * 1000.0).round() as u64;
    Ok(Frame {
        index,
        t_ms,
        width: rgb.width(),
        height: rgb.height(),
        rgb: rgb.into_raw(),
    })
}

fn samples(path: &Path) -> Result<Option<Vec<f32>>, WindowFolderError> {
    if !path.exists() {
        return Ok(None);
    }
    let wrong = |found: String| WindowFolderError::Audio {
        path: path.to_owned(),
        found,
    };
    let mut reader = hound::WavReader::open(path).map_err(|e| wrong(e.to_string()))?;
    let spec = reader.spec();
    if spec.channels != 1 || spec.sample_rate != SAMPLE_RATE_HZ {
        return Err(wrong(format!(
            "{} channels at {} Hz",
            spec.channels, spec.sample_rate
        )));
    }
    if reader.duration() > MAX_SAMPLES {
        return Err(wrong(format!(
            "{} samples (at most {MAX_SAMPLES})",
            reader.duration()
        )));
    }
    let samples: Result<Vec<f32>, hound::Error> = match (spec.sample_format, spec.bits_per_sample) {
        (hound::SampleFormat::Float, 32) => reader.samples::<f32>().collect(),
        (hound::SampleFormat::Int, 16) => reader
            .samples::<i16>()
            .map(|s| s.map(|s| f32::from(s) / 32768.0))
            .collect(),
        (format, bits) => return Err(wrong(format!("{bits}-bit {format:?}"))),
    };
    let samples = samples.map_err(|e| wrong(e.to_string()))?;
    if let Some(at) = samples.iter().position(|s| !s.is_finite()) {
        return Err(wrong(format!("a sample that is no number, at {at}")));
    }
    Ok(Some(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, manifest: &str) {
        std::fs::write(folder.join(MANIFEST), manifest).unwrap();
    }

    fn error(folder: &Path) -> String {
        WindowFolder::read(folder).unwrap_err().to_string()
    }

    #[test]
    fn frames_samples_and_words_come_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let picture = image::RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 200]));
        picture.save(folder.path().join("frame_000.png")).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut wav = hound::WavWriter::create(folder.path().join(AUDIO), spec).unwrap();
        for sample in [0.25f32, -1.5, 1e-7] {
            wav.write_sample(sample).unwrap();
        }
        wav.finalize().unwrap();
        write(
            folder.path(),
            r#"{"text":"so it is","frames":[{"file":"frame_000.png","t_s":0.5}],"sample_rate_hz":16000}"#,
        );
        let window = WindowFolder::read(folder.path()).unwrap();
        assert_eq!(window.text.as_deref(), Some("so it is"));
        assert_eq!(window.samples.unwrap(), [0.25, -1.5, 1e-7]);
        assert_eq!(
            (
                window.frames[0].t_ms,
                window.frames[0].width,
                window.frames[0].height
            ),
            (500, 5, 3)
        );
        assert_eq!(window.frames[0].rgb, picture.into_raw());
    }

    #[test]
    fn sixteen_bit_sound_is_scaled_to_one() {
        let folder = tempfile::tempdir().unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(folder.path().join(AUDIO), spec).unwrap();
        wav.write_sample(-32768i16).unwrap();
        wav.write_sample(16384i16).unwrap();
        wav.finalize().unwrap();
        write(folder.path(), r#"{"sample_rate_hz":16000}"#);
        let window = WindowFolder::read(folder.path()).unwrap();
        assert_eq!(window.samples.unwrap(), [-1.0, 0.5]);
        assert!(window.frames.is_empty() && window.text.is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(error(folder.path()).contains("cannot read"));
        write(folder.path(), r#"{"sample_rate_hz":44100}"#);
        assert!(error(folder.path()).contains("must be 16000, found 44100"));
        write(
            folder.path(),
            r#"{"sample_rate_hz":16000,"frames":[{"file":"../x.png","t_s":0}]}"#,
        );
        assert!(error(folder.path()).contains("within the folder"));
        write(
            folder.path(),
            r#"{"sample_rate_hz":16000,"frames":[{"file":"x.png","t_s":0}]}"#,
        );
        assert!(error(folder.path()).contains("x.png"));
        std::fs::write(folder.path().join("x.png"), b"no picture").unwrap();
        assert!(error(folder.path()).contains("not a picture"));
        write(folder.path(), r#"{"sample_rate_hz":16000}"#);
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        hound::WavWriter::create(folder.path().join(AUDIO), spec)
            .unwrap()
            .finalize()
            .unwrap();
        assert!(error(folder.path()).contains("2 channels"));
    }
}
