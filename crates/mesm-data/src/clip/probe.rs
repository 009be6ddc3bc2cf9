//! What a file holds, as `ffprobe` tells it.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::error::ClipError;

/// A probed file: its tracks and lengths. Nothing is decoded yet.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipInfo {
    /// The file.
    pub path: PathBuf,
    /// Length of the longest track in seconds, where the container declares one.
    pub duration_s: Option<f64>,
    /// The first video track that is not a cover picture.
    pub video: Option<VideoTrack>,
    /// The first audio track.
    pub audio: Option<AudioTrack>,
}

/// A video track as a viewer sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoTrack {
    /// Index of the stream in the container.
    pub index: u32,
    /// Width in square pixels, after rotation and pixel aspect.
    pub width: u32,
    /// Height in pixels, after rotation.
    pub height: u32,
    /// Where the track ends on the clip's clock, in seconds, where declared.
    pub end_s: Option<f64>,
}

/// An audio track.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioTrack {
    /// Index of the stream in the container.
    pub index: u32,
    /// Channels of the source, at least 1.
    pub channels: u32,
    /// Sampling rate of the source in Hz.
    pub sample_rate_hz: u32,
    /// Where the track ends on the clip's clock, in seconds, where declared.
    pub end_s: Option<f64>,
}

impl ClipInfo {
    /// Asks `ffprobe` what `path` holds.
    ///
    /// # Errors
    /// [`ClipError::Unreadable`], [`ClipError::Empty`], [`ClipError::NotMedia`], [`ClipError::NoTracks`],
    /// [`ClipError::Truncated`] (an MP4 cut before its index) and the two program errors.
    pub fn probe(path: &Path) -> Result<Self, ClipError> {
        let head = readable_head(path)?;
        let output = Command::new(ffmpeg_sidecar::ffprobe::ffprobe_path())
            .args([
                "-v",
                "error",
                "-of",
                "json",
                "-show_format",
                "-show_streams",
            ])
            .args(["-protocol_whitelist", "file", "-i"])
            .arg(local_url(path))
            .stdin(Stdio::null())
            .output()
            .map_err(|source| program_error("ffprobe", source))?;
        if !output.status.success() {
            return Err(unreadable_container(
                path,
                &head,
                &String::from_utf8_lossy(&output.stderr),
            ));
        }
        let report: Report =
            serde_json::from_slice(&output.stdout).map_err(|e| ClipError::NotMedia {
                path: path.to_owned(),
                reason: format!("ffprobe's report is odd: {e}"),
            })?;
        report.into_info(path)
    }
}

/// `file:` keeps ffmpeg from reading a name such as `http://x` or `concat:a` as anything but a file's name.
pub(super) fn local_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

pub(super) fn program_error(program: &'static str, source: std::io::Error) -> ClipError {
    if source.kind() == ErrorKind::NotFound {
        ClipError::ProgramMissing { program }
    } else {
        ClipError::ProgramFailed { program, source }
    }
}

/// The first bytes of a file that exists and is not empty.
fn readable_head(path: &Path) -> Result<Vec<u8>, ClipError> {
    let unreadable = |reason: String| ClipError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let mut file = std::fs::File::open(path).map_err(|e| unreadable(e.to_string()))?;
    if file
        .metadata()
        .map_err(|e| unreadable(e.to_string()))?
        .is_dir()
    {
        return Err(unreadable("is a folder without window.json".to_owned()));
    }
    let mut head = Vec::new();
    file.by_ref()
        .take(16)
        .read_to_end(&mut head)
        .map_err(|e| unreadable(e.to_string()))?;
    if head.is_empty() {
        Err(ClipError::Empty {
            path: path.to_owned(),
        })
    } else {
        Ok(head)
    }
}

/// ffprobe says "moov atom not found" both of a text file named .mp4 and of a real MP4 cut before its index: the
/// file type box tells them apart.
fn unreadable_container(path: &Path, head: &[u8], stderr: &str) -> ClipError {
    let reason = stderr
        .lines()
        .map(without_address)
        .find(|l| !l.is_empty())
        .unwrap_or_else(|| "no reason given".to_owned());
    if stderr.contains("moov atom not found") && head.get(4..8) == Some(b"ftyp") {
        return ClipError::Truncated {
            path: path.to_owned(),
            expected: "an index (moov)".to_owned(),
            found: "only the part before it".to_owned(),
            reason,
        };
    }
    ClipError::NotMedia {
        path: path.to_owned(),
        reason,
    }
}

/// Drops the memory address that ffmpeg puts into its log lines, so that messages are the same in every run.
pub(super) fn without_address(line: &str) -> String {
    match (line.find(" @ 0x"), line.find(']')) {
        (Some(at), Some(close)) if at < close => format!("{}{}", &line[..at], &line[close..]),
        _ => line.to_owned(),
    }
    .trim()
    .to_owned()
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(default, rename = "format_name")]
    name: String,
    duration: Option<String>,
    start_time: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: u32,
    codec_type: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    sample_aspect_ratio: Option<String>,
    channels: Option<u32>,
    sample_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

/// Matroska declares the end of a track in a tag, as `00:01:35.064000000`.
#[derive(Deserialize, Default)]
struct Tags {
    #[serde(rename = "DURATION")]
    end: Option<String>,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

impl Report {
    fn into_info(self, path: &Path) -> Result<ClipInfo, ClipError> {
        let format = self.format.as_ref();
        if format.is_some_and(|f| f.name == "tty") {
            return Err(ClipError::NotMedia {
                path: path.to_owned(),
                reason: "it is a text file".to_owned(),
            });
        }
        let clip_start_s = format
            .and_then(|f| seconds(f.start_time.as_deref()))
            .unwrap_or(0.0);
        let video = self.streams.iter().find_map(|s| s.as_video(clip_start_s));
        let audio = self.streams.iter().find_map(|s| s.as_audio(clip_start_s));
        if video.is_none() && audio.is_none() {
            return Err(ClipError::NoTracks {
                path: path.to_owned(),
            });
        }
        Ok(ClipInfo {
            path: path.to_owned(),
            duration_s: format.and_then(|f| seconds(f.duration.as_deref())),
            video,
            audio,
        })
    }
}

impl Stream {
    fn as_video(&self, clip_start_s: f64) -> Option<VideoTrack> {
        if self.codec_type.as_deref() != Some("video") || self.disposition.attached_pic != 0 {
            return None;
        }
        let (mut width, mut height) = (
            self.width.filter(|w| *w > 0)?,
            self.height.filter(|h| *h > 0)?,
        );
        width = square_pixels(width, self.sample_aspect_ratio.as_deref());
        let quarter_turns = self
            .side_data_list
            .iter()
            .find_map(|d| d.rotation)
            .map_or(0.0, |r| (r / 90.0).round());
        if quarter_turns.rem_euclid(2.0) > 0.5 {
            std::mem::swap(&mut width, &mut height);
        }
        Some(VideoTrack {
            index: self.index,
            width,
            height,
            end_s: self.end_s(clip_start_s),
        })
    }

    fn as_audio(&self, clip_start_s: f64) -> Option<AudioTrack> {
        if self.codec_type.as_deref() != Some("audio") {
            return None;
        }
        let sample_rate_hz = self.sample_rate.as_ref()?.parse().ok().filter(|r| *r > 0)?;
        let channels = self.channels.filter(|c| *c > 0)?;
        Some(AudioTrack {
            index: self.index,
            channels,
            sample_rate_hz,
            end_s: self.end_s(clip_start_s),
        })
    }

    fn end_s(&self, clip_start_s: f64) -> Option<f64> {
        let start_s = seconds(self.start_time.as_deref()).unwrap_or(clip_start_s);
        let declared = seconds(self.duration.as_deref()).map(|d| start_s - clip_start_s + d);
        declared.or_else(|| clock(self.tags.end.as_deref()?))
    }
}

/// Seconds of `hours:minutes:seconds`.
fn clock(text: &str) -> Option<f64> {
    text.split(':')
        .try_fold(0.0, |sum, part| {
            Some(sum * 60.0 + part.parse::<f64>().ok()?)
        })
        .filter(|s| *s > 0.0)
}

fn seconds(text: Option<&str>) -> Option<f64> {
    text?.parse().ok().filter(|s: &f64| s.is_finite())
}

/// Width that shows `width` stored pixels of the given aspect ("16:15") as square ones.
fn square_pixels(width: u32, aspect: Option<&str>) -> u32 {
    let ratio = aspect
        .and_then(|a| a.split_once(':'))
        .and_then(|(n, d)| Some((n.parse::<u64>().ok()?, d.parse::<u64>().ok()?)));
    match ratio {
        Some((n, d)) if n > 0 && d > 0 => u32::try_from((u64::from(width) * n + d / 2) / d)
            .unwrap_or(width)
            .max(1),
        _ => width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(json: &str) -> Result<ClipInfo, ClipError> {
        serde_json::from_str::<Report>(json)
            .unwrap()
            .into_info(Path::new("x.mp4"))
    }

    #[test]
    fn rotation_swaps_sides_and_pixel_aspect_widens() {
        let video = info(
            r#"{"streams":[{"index":3,"codec_type":"video","width":720,"height":576,"sample_aspect_ratio":"16:15",
            "start_time":"1.5","duration":"2.0","side_data_list":[{"side_data_type":"x"},{"rotation":-90}]}],
            "format":{"format_name":"mov","start_time":"1.0","duration":"3.0"}}"#,
        )
        .unwrap()
        .video
        .unwrap();
        assert_eq!(
            (video.index, video.width, video.height, video.end_s),
            (3, 576, 768, Some(2.5))
        );
    }

    #[test]
    fn matroska_tells_the_end_in_a_tag() {
        let found = info(
            r#"{"streams":[{"index":0,"codec_type":"video","width":9,"height":9,"tags":{"DURATION":"01:01:35.064000000"}}],
            "format":{"format_name":"matroska,webm"}}"#,
        );
        assert_eq!(found.unwrap().video.unwrap().end_s, Some(3695.064));
        assert_eq!(clock("1:x"), None);
    }

    #[test]
    fn a_cover_picture_is_no_video() {
        let found = info(
            r#"{"streams":[{"index":0,"codec_type":"video","width":9,"height":9,"disposition":{"attached_pic":1}},
            {"index":1,"codec_type":"audio","channels":2,"sample_rate":"44100"}],"format":{"format_name":"mp3"}}"#,
        )
        .unwrap();
        assert!(found.video.is_none());
        assert_eq!(found.audio.unwrap().channels, 2);
    }

    #[test]
    fn subtitles_alone_are_no_clip_and_text_is_no_media() {
        let subtitles =
            r#"{"streams":[{"index":0,"codec_type":"subtitle"}],"format":{"format_name":"srt"}}"#;
        assert!(matches!(info(subtitles), Err(ClipError::NoTracks { .. })));
        let text = r#"{"streams":[{"index":0,"codec_type":"video","width":640,"height":400}],"format":{"format_name":"tty"}}"#;
        assert!(matches!(info(text), Err(ClipError::NotMedia { .. })));
    }

    #[test]
    fn log_lines_lose_their_address_only() {
        assert_eq!(
            without_address("[mov @ 0x5599a7f7] moov atom not found"),
            "[mov] moov atom not found"
        );
        assert_eq!(without_address("plain"), "plain");
    }
}
