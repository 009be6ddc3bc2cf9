//! Frames and samples of a clip together, window by window, in bounded memory.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::ClipError;
use super::frames::{Frame, FrameOptions, FrameReader, option_error};
use super::probe::ClipInfo;
use super::samples::{SAMPLE_RATE_HZ, SampleReader};

const SAMPLES_PER_MS: u64 = (SAMPLE_RATE_HZ / 1000) as u64;

/// What remains after a window and is shorter than this gets no window of its own: audio encoders fill their last block
/// up, so that most clips end with a few hundredths of a second of nothing.
const SLIVER_MS: u64 = 100;

/// How a clip is cut. All lengths are whole hundredths of a second.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowOptions {
    /// Length of a window in ms, 100..=600000. A clip that is not longer is one window.
    pub window_ms: u32,
    /// Distance between the starts of windows in ms, 10..=`window_ms`.
    pub hop_ms: u32,
    /// Distance of the frames within a window in ms, 10..=60000; the first one is at the window's start.
    pub frame_interval_ms: u32,
    /// The longer side of a frame is scaled down to this many pixels.
    pub max_side: u32,
    /// Whether the video track is wanted (where there is one).
    pub video: bool,
    /// Whether the audio track is wanted (where there is one).
    pub audio: bool,
}

impl Default for WindowOptions {
    /// Windows of 30 s one after the other, a frame every 500 ms as the authors take them, both tracks.
    fn default() -> Self {
        Self {
            window_ms: 30_000,
            hop_ms: 30_000,
            frame_interval_ms: 500,
            max_side: 640,
            video: true,
            audio: true,
        }
    }
}

/// One stretch of a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// 0, 1, 2, ...
    pub index: u64,
    /// Start on the clip's clock in seconds.
    pub start_s: f64,
    /// End in seconds; the last window ends with the clip.
    pub end_s: f64,
    /// Frames in the order of time; overlapping windows share them. Empty without a video track.
    pub frames: Vec<Arc<Frame>>,
    /// Frames of this window and of later ones that no earlier window has brought, in the order of time: a face
    /// tracker that is given these, window after window, sees every frame once and in order, however windows overlap.
    pub fresh: Vec<Arc<Frame>>,
    /// Mono samples at [`SAMPLE_RATE_HZ`], full scale -1..=1; `None` without an audio track, fewer than the window's
    /// length where the track ends earlier.
    pub samples: Option<Vec<f32>>,
}

/// An iterator over the windows of a clip: `[0, window)`, `[hop, hop + window)`, ... The last one is the first to
/// reach the end of the clip, a remainder of less than a tenth of a second not counted.
///
/// It holds the frames and samples of one window and never more, whatever the length of the file.
pub struct WindowReader {
    path: PathBuf,
    options: WindowOptions,
    step_ms: u32,
    frames: Option<FrameReader>,
    frames_end_ms: Option<u64>,
    frame_buffer: VecDeque<Arc<Frame>>,
    last_frame_ms: Option<u64>,
    fresh_from_ms: u64,
    samples: Option<SampleReader>,
    samples_ended: bool,
    sample_buffer: VecDeque<f32>,
    first_sample: u64,
    video_end_ms: Option<u64>,
    next_index: u64,
    ended: bool,
}

impl WindowReader {
    /// Starts decoding the wanted tracks of the clip.
    ///
    /// # Errors
    /// [`ClipError::Option`]; [`ClipError::NoVideoTrack`] or [`ClipError::NoAudioTrack`] where the only wanted track
    /// does not exist; the program errors.
    pub fn open(info: &ClipInfo, options: &WindowOptions) -> Result<Self, ClipError> {
        check(options)?;
        let (video, audio) = (
            options.video && info.video.is_some(),
            options.audio && info.audio.is_some(),
        );
        if !video && !audio {
            let path = info.path.clone();
            return Err(if options.video {
                ClipError::NoVideoTrack { path }
            } else {
                ClipError::NoAudioTrack { path }
            });
        }
        let step_ms = greatest_common_divisor(options.hop_ms, options.frame_interval_ms);
        let frame_options = FrameOptions {
            step_ms,
            max_side: options.max_side,
        };
        let frames = video
            .then(|| FrameReader::open(info, &frame_options))
            .transpose()?;
        let samples = audio.then(|| SampleReader::open(info)).transpose()?;
        Ok(Self {
            path: info.path.clone(),
            options: options.clone(),
            step_ms,
            frames_end_ms: frames.is_none().then_some(0),
            frames,
            frame_buffer: VecDeque::new(),
            last_frame_ms: None,
            fresh_from_ms: 0,
            samples_ended: samples.is_none(),
            samples,
            sample_buffer: VecDeque::new(),
            first_sample: 0,
            video_end_ms: info.video.as_ref().and_then(|v| v.end_s).map(whole_ms),
            next_index: 0,
            ended: false,
        })
    }

    /// Complaints of the decoders about tracks that were nevertheless read to their ends, as sentences. Complete once
    /// the iterator has ended.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let video = self
            .frames
            .as_ref()
            .and_then(FrameReader::complaints)
            .map(|c| ("video", c));
        let audio = self
            .samples
            .as_ref()
            .and_then(SampleReader::complaints)
            .map(|c| ("audio", c));
        let sentence = |(track, (first, count)): (&str, (&str, usize))| {
            format!("the decoder complained {count} times about the {track} track, first: {first}")
        };
        video.into_iter().chain(audio).map(sentence).collect()
    }

    fn read(&mut self) -> Result<Option<Window>, ClipError> {
        let hop_ms = u64::from(self.options.hop_ms);
        let start_ms = self.next_index * hop_ms;
        let end_ms = start_ms + u64::from(self.options.window_ms);
        self.read_frames(end_ms)?;
        self.read_samples(end_ms)?;
        let clip_end_ms = self.clip_end_ms();
        if let Some(clip_end_ms) = clip_end_ms {
            if clip_end_ms == 0 {
                return Err(ClipError::Decode {
                    path: self.path.clone(),
                    track: "content",
                    reason: "it gave neither a frame nor a sample".to_owned(),
                });
            }
            let previous_end_ms = end_ms - hop_ms;
            if self.next_index > 0 && clip_end_ms < previous_end_ms + SLIVER_MS {
                return Ok(None);
            }
        }
        let window = Window {
            index: self.next_index,
            start_s: seconds(start_ms),
            end_s: seconds(clip_end_ms.map_or(end_ms, |clip_end_ms| clip_end_ms.min(end_ms))),
            frames: self.frames_of(start_ms, end_ms),
            fresh: self.fresh_until(end_ms),
            samples: self
                .samples
                .is_some()
                .then(|| self.samples_of(start_ms, end_ms)),
        };
        self.next_index += 1;
        self.forget_before(start_ms + hop_ms);
        Ok(Some(window))
    }

    /// Reads until a frame at or after `end_ms` has been seen or the track has ended.
    fn read_frames(&mut self, end_ms: u64) -> Result<(), ClipError> {
        let Some(reader) = self.frames.as_mut() else {
            return Ok(());
        };
        while self.frames_end_ms.is_none() && self.last_frame_ms.is_none_or(|t_ms| t_ms < end_ms) {
            if let Some(frame) = reader.next().transpose()? {
                self.last_frame_ms = Some(frame.t_ms);
                if is_in_some_window(frame.t_ms, &self.options) {
                    self.frame_buffer.push_back(Arc::new(frame));
                }
            } else {
                let last_ms = self.last_frame_ms;
                let after_last_ms = last_ms.map_or(0, |t_ms| t_ms + u64::from(self.step_ms));
                let declared_ms = self
                    .video_end_ms
                    .filter(|end_ms| last_ms.is_some_and(|t_ms| *end_ms > t_ms));
                self.frames_end_ms =
                    Some(declared_ms.map_or(after_last_ms, |end_ms| end_ms.min(after_last_ms)));
            }
        }
        Ok(())
    }

    /// Reads until a sample at or after `end_ms` has been seen or the track has ended.
    fn read_samples(&mut self, end_ms: u64) -> Result<(), ClipError> {
        let Some(reader) = self.samples.as_mut() else {
            return Ok(());
        };
        while !self.samples_ended
            && self.first_sample + self.sample_buffer.len() as u64 <= end_ms * SAMPLES_PER_MS
        {
            match reader.next().transpose()? {
                Some(block) => self.sample_buffer.extend(block),
                None => self.samples_ended = true,
            }
        }
        Ok(())
    }

    /// Where the longer track ended, once both have.
    fn clip_end_ms(&self) -> Option<u64> {
        let samples_end = self.first_sample + self.sample_buffer.len() as u64;
        self.frames_end_ms
            .filter(|_| self.samples_ended)
            .map(|frames_end_ms| frames_end_ms.max(samples_end.div_ceil(SAMPLES_PER_MS)))
    }

    fn frames_of(&self, start_ms: u64, end_ms: u64) -> Vec<Arc<Frame>> {
        let interval_ms = u64::from(self.options.frame_interval_ms);
        let wanted = |t_ms: u64| {
            (start_ms..end_ms).contains(&t_ms) && (t_ms - start_ms).is_multiple_of(interval_ms)
        };
        self.frame_buffer
            .iter()
            .filter(|f| wanted(f.t_ms))
            .cloned()
            .collect()
    }

    fn fresh_until(&mut self, end_ms: u64) -> Vec<Arc<Frame>> {
        let fresh = self.fresh_from_ms..end_ms;
        self.fresh_from_ms = end_ms;
        self.frame_buffer
            .iter()
            .filter(|f| fresh.contains(&f.t_ms))
            .cloned()
            .collect()
    }

    fn samples_of(&self, start_ms: u64, end_ms: u64) -> Vec<f32> {
        let skipped = usize_of((start_ms * SAMPLES_PER_MS).saturating_sub(self.first_sample));
        let length = usize_of((end_ms - start_ms) * SAMPLES_PER_MS);
        self.sample_buffer
            .iter()
            .skip(skipped)
            .take(length)
            .copied()
            .collect()
    }

    fn forget_before(&mut self, start_ms: u64) {
        while self.frame_buffer.front().is_some_and(|f| f.t_ms < start_ms) {
            self.frame_buffer.pop_front();
        }
        let unneeded = usize_of((start_ms * SAMPLES_PER_MS).saturating_sub(self.first_sample));
        let unneeded = unneeded.min(self.sample_buffer.len());
        self.sample_buffer.drain(..unneeded);
        self.first_sample += unneeded as u64;
    }
}

impl Iterator for WindowReader {
    type Item = Result<Window, ClipError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let window = self.read().transpose();
        self.ended = !matches!(window, Some(Ok(_)));
        window
    }
}

fn check(options: &WindowOptions) -> Result<(), ClipError> {
    let WindowOptions {
        window_ms,
        hop_ms,
        frame_interval_ms,
        ..
    } = *options;
    // Hundredths keep the common grid of hops and frames at 10 ms or more, so the decoder is asked for at most 100
    // pictures a second whatever the numbers are.
    if !(100..=600_000).contains(&window_ms) || !window_ms.is_multiple_of(10) {
        return Err(option_error(
            "the window in ms",
            "a multiple of 10 in 100..=600000",
            window_ms,
        ));
    }
    if !(10..=window_ms).contains(&hop_ms) || !hop_ms.is_multiple_of(10) {
        return Err(option_error(
            "the hop in ms",
            "a multiple of 10, from 10 to the window's length",
            hop_ms,
        ));
    }
    if !(10..=60_000).contains(&frame_interval_ms) || !frame_interval_ms.is_multiple_of(10) {
        return Err(option_error(
            "the frame interval in ms",
            "a multiple of 10 in 10..=60000",
            frame_interval_ms,
        ));
    }
    Ok(())
}

/// Whether some window `[k hop, k hop + window)` has a frame at `t_ms`.
fn is_in_some_window(t_ms: u64, options: &WindowOptions) -> bool {
    let (window_ms, hop_ms) = (u64::from(options.window_ms), u64::from(options.hop_ms));
    let first = (t_ms + 1).saturating_sub(window_ms).div_ceil(hop_ms);
    (first..=t_ms / hop_ms)
        .any(|k| (t_ms - k * hop_ms).is_multiple_of(u64::from(options.frame_interval_ms)))
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
fn whole_ms(s: f64) -> u64 {
    (s * 1000.0).round() as u64
}

fn usize_of(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_frames_of_some_window_are_kept() {
        let options = WindowOptions {
            window_ms: 1000,
            hop_ms: 300,
            ..WindowOptions::default()
        };
        let kept: Vec<u64> = (0..16)
            .map(|n| n * 100)
            .filter(|t| is_in_some_window(*t, &options))
            .collect();
        // Windows start at 0, 300, 600, ... and take their starts and 500 ms later.
        assert_eq!(kept, [0, 300, 500, 600, 800, 900, 1100, 1200, 1400, 1500]);
    }

    #[test]
    fn odd_lengths_are_refused() {
        for (window_ms, hop_ms) in [
            (50, 50),
            (3000, 3005),
            (3000, 4000),
            (3000, 0),
            (700_000, 500),
        ] {
            let options = WindowOptions {
                window_ms,
                hop_ms,
                ..WindowOptions::default()
            };
            assert!(
                matches!(check(&options), Err(ClipError::Option { .. })),
                "{window_ms} {hop_ms}"
            );
        }
        assert!(
            check(&WindowOptions {
                window_ms: 3000,
                hop_ms: 500,
                ..WindowOptions::default()
            })
            .is_ok()
        );
    }
}
