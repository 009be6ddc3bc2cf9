//! One running `ffmpeg`, its output pipe and its complaints.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{ChildStderr, ChildStdout};
use std::thread::JoinHandle;

use ffmpeg_sidecar::child::FfmpegChild;
use ffmpeg_sidecar::command::FfmpegCommand;

use super::error::ClipError;
use super::probe::{ClipInfo, local_url, program_error, without_address};
use super::stretch::Stretch;

/// How much of a track may be missing before the file counts as truncated, in seconds: encoders' padding and the
/// rounding of containers stay below it.
const TRUNCATION_TOLERANCE_S: f64 = 0.25;

/// What ffmpeg wrote to its error stream at level `error`.
#[derive(Debug, Default, Clone)]
pub(super) struct Complaints {
    pub(super) first: Option<String>,
    pub(super) count: usize,
    cut_off: bool,
}

/// A decoder process. It is killed when dropped, so a reader may stop early.
pub(super) struct Decoder {
    child: FfmpegChild,
    stdout: BufReader<ChildStdout>,
    listener: Option<JoinHandle<Complaints>>,
    complaints: Complaints,
    path: PathBuf,
    track: &'static str,
}

impl Decoder {
    /// Starts ffmpeg on one stream of the clip, or of a stretch of it, writing the raw `output` format to the pipe.
    pub(super) fn spawn(
        info: &ClipInfo,
        stretch: Option<&Stretch>,
        track: &'static str,
        stream: u32,
        output: &[String],
    ) -> Result<Self, ClipError> {
        let mut command = FfmpegCommand::new();
        command
            .args([
                "-nostdin",
                "-hide_banner",
                "-v",
                "error",
                "-protocol_whitelist",
                "file",
            ])
            .args(stretch.into_iter().flat_map(Stretch::input))
            .input(local_url(&info.path))
            .args(["-map", &format!("0:{stream}")])
            .args(output)
            .output("pipe:1");
        tracing::debug!(?command, "starting ffmpeg");
        let mut child = command
            .spawn()
            .map_err(|source| program_error("ffmpeg", source))?;
        let lost = |what| ClipError::ProgramFailed {
            program: "ffmpeg",
            source: std::io::Error::other(what),
        };
        drop(child.take_stdin());
        let stdout = child
            .take_stdout()
            .ok_or_else(|| lost("its output pipe is missing"))?;
        let stderr = child
            .take_stderr()
            .ok_or_else(|| lost("its error pipe is missing"))?;
        Ok(Self {
            child,
            stdout: BufReader::with_capacity(1 << 16, stdout),
            listener: Some(std::thread::spawn(move || listen(stderr))),
            complaints: Complaints::default(),
            path: info.path.clone(),
            track,
        })
    }

    /// Fills `buffer` unless the stream ends first; returns the number of bytes read.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ClipError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stdout.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ClipError::ProgramFailed {
                        program: "ffmpeg",
                        source,
                    });
                }
            }
        }
        Ok(filled)
    }

    /// To be called once the pipe has ended: was that the end of the track?
    ///
    /// `track_end_s` is the declared end of the track and `clip_end_s` that of the clip; `found_s` is what was read.
    pub(super) fn finish(
        &mut self,
        track_end_s: Option<f64>,
        clip_end_s: Option<f64>,
        found_s: f64,
    ) -> Result<(), ClipError> {
        let status = self
            .child
            .wait()
            .map_err(|source| ClipError::ProgramFailed {
                program: "ffmpeg",
                source,
            })?;
        if let Some(listener) = self.listener.take() {
            self.complaints = listener.join().unwrap_or_default();
        }
        let reason = self
            .complaints
            .first
            .clone()
            .unwrap_or_else(|| format!("it ended with {status}"));
        if found_s <= 0.0 && (!status.success() || self.complaints.count > 0) {
            return Err(ClipError::Decode {
                path: self.path.clone(),
                track: self.track,
                reason,
            });
        }
        // A container without track lengths (Matroska) declares one for the longest track only; that one is trusted
        // where the demuxer itself says that the file was cut off.
        let expected_s = track_end_s.or_else(|| clip_end_s.filter(|_| self.complaints.cut_off));
        match expected_s {
            Some(end_s)
                if found_s + TRUNCATION_TOLERANCE_S < end_s
                    && (self.complaints.count > 0 || !status.success()) =>
            {
                Err(ClipError::Truncated {
                    path: self.path.clone(),
                    expected: format!("{end_s:.2} s"),
                    found: format!("its {} ends after {found_s:.2} s", self.track),
                    reason,
                })
            }
            _ => Ok(()),
        }
    }

    /// Complaints about a track that was nevertheless decoded to its end; complete after [`Self::finish`].
    pub(super) fn complaints(&self) -> Option<(&str, usize)> {
        let Complaints { first, count, .. } = &self.complaints;
        first.as_deref().map(|first| (first, *count))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if self.listener.is_some() {
            // Ends a decoder that still has something to write; one that has ended already is merely reaped.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Reads to the end, so that ffmpeg never waits on its error pipe, and keeps the first line and the number of lines.
fn listen(stderr: ChildStderr) -> Complaints {
    let mut complaints = Complaints::default();
    for line in BufReader::new(stderr).split(b'\n') {
        let Ok(line) = line else { break };
        let line = without_address(&String::from_utf8_lossy(&line));
        if line.is_empty() {
            continue;
        }
        tracing::debug!(target: "ffmpeg", "{line}");
        complaints.count += 1;
        complaints.cut_off |= ["partial file", "prematurely", "runcat"]
            .iter()
            .any(|sign| line.contains(sign));
        complaints.first.get_or_insert(line);
    }
    complaints
}
