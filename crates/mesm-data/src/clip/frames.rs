//! Frames of a clip on a regular grid of times.

use super::error::ClipError;
use super::probe::ClipInfo;
use super::program::Decoder;
use super::stretch::Stretch;

/// One picture, 8 bits a channel, interleaved RGB, rows from the top, rotation and pixel aspect already applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Position on the grid: `t_ms / step_ms`.
    pub index: u64,
    /// Time on the clip's clock in milliseconds.
    pub t_ms: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// `[height, width, 3]`, 0..=255.
    pub rgb: Vec<u8>,
}

/// Which frames to read and how large.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameOptions {
    /// Distance of the grid in milliseconds, 10..=60000.
    pub step_ms: u32,
    /// The longer side in pixels is scaled down to this, 48..=8192; smaller pictures stay as they are.
    pub max_side: u32,
}

/// Reads the frame that a viewer sees at 0, `step_ms`, `2 step_ms`, ... one after the other.
///
/// The authors take every 15th frame of video at an assumed 30 frames a second (500 ms); a grid of times is the same
/// there and means the same at any frame rate.
pub struct FrameReader {
    decoder: Decoder,
    step_ms: u32,
    width: u32,
    height: u32,
    next_index: u64,
    track_end_s: Option<f64>,
    clip_end_s: Option<f64>,
    ended: bool,
}

impl FrameReader {
    /// Starts decoding.
    ///
    /// # Errors
    /// [`ClipError::NoVideoTrack`], [`ClipError::Option`] and the program errors.
    pub fn open(info: &ClipInfo, options: &FrameOptions) -> Result<Self, ClipError> {
        Self::start(info, None, options)
    }

    /// Starts decoding a stretch: time 0 is its start, of which the first frame at or after it is shown.
    ///
    /// # Errors
    /// As [`Self::open`], and [`ClipError::Option`] for a stretch that is none.
    pub fn open_stretch(
        info: &ClipInfo,
        stretch: &Stretch,
        options: &FrameOptions,
    ) -> Result<Self, ClipError> {
        stretch.check()?;
        Self::start(info, Some(stretch), options)
    }

    fn start(
        info: &ClipInfo,
        stretch: Option<&Stretch>,
        options: &FrameOptions,
    ) -> Result<Self, ClipError> {
        let track = info.video.as_ref().ok_or_else(|| ClipError::NoVideoTrack {
            path: info.path.clone(),
        })?;
        let FrameOptions { step_ms, max_side } = *options;
        if !(10..=60_000).contains(&step_ms) {
            return Err(option_error(
                "the distance of frames in ms",
                "10..=60000",
                step_ms,
            ));
        }
        if !(48..=8192).contains(&max_side) {
            return Err(option_error(
                "the maximal side in pixels",
                "48..=8192",
                max_side,
            ));
        }
        let half = stretch.and_then(|stretch| stretch.half);
        let wide = half.map_or(track.width, |_| (track.width / 2).max(1));
        let (width, height) = scaled(wide, track.height, max_side);
        let crop = Stretch::picture_filter(half);
        // `round=up` puts a frame onto the first grid time at or after its own, and of several the last one stays:
        // the frame on display at that time. `start_time=0` repeats the first frame where the track starts late.
        let filter = format!(
            "{crop}fps=1000/{step_ms}:round=up:start_time=0,\
             scale={width}:{height}:flags=area+accurate_rnd+full_chroma_int,setsar=1"
        );
        let output = ["-vf", &filter, "-f", "rawvideo", "-pix_fmt", "rgb24"].map(str::to_owned);
        Ok(Self {
            decoder: Decoder::spawn(info, stretch, "video", track.index, &output)?,
            step_ms,
            width,
            height,
            next_index: 0,
            track_end_s: stretch.map_or(track.end_s, |stretch| Some(stretch.length_s())),
            clip_end_s: info.duration_s,
            ended: false,
        })
    }

    /// Complaints of the decoder about a track that was nevertheless read to its end: the first one and their number.
    #[must_use]
    pub fn complaints(&self) -> Option<(&str, usize)> {
        self.decoder.complaints()
    }

    fn read(&mut self) -> Result<Option<Frame>, ClipError> {
        let mut rgb = vec![0; self.width as usize * self.height as usize * 3];
        if self.decoder.read(&mut rgb)? < rgb.len() {
            let step_s = f64::from(self.step_ms) / 1000.0;
            self.decoder.finish(
                self.track_end_s,
                self.clip_end_s,
                self.next_index as f64 * step_s,
            )?;
            return Ok(None);
        }
        let index = self.next_index;
        self.next_index += 1;
        Ok(Some(Frame {
            index,
            t_ms: index * u64::from(self.step_ms),
            width: self.width,
            height: self.height,
            rgb,
        }))
    }
}

impl Iterator for FrameReader {
    type Item = Result<Frame, ClipError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let frame = self.read().transpose();
        self.ended = !matches!(frame, Some(Ok(_)));
        frame
    }
}

pub(super) fn option_error(name: &'static str, expected: &'static str, found: u32) -> ClipError {
    ClipError::Option {
        name,
        expected,
        found: found.to_string(),
    }
}

/// Sides scaled down so that the longer one is at most `max_side`; never below one pixel, never up.
fn scaled(width: u32, height: u32, max_side: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= max_side {
        return (width, height);
    }
    let scale = |side: u32| {
        let rounded =
            (u64::from(side) * u64::from(max_side) + u64::from(longer) / 2) / u64::from(longer);
        u32::try_from(rounded).unwrap_or(max_side).max(1)
    };
    (scale(width), scale(height))
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn only_larger_pictures_are_scaled() {
        assert_eq!(scaled(640, 360, 640), (640, 360));
        assert_eq!(scaled(1280, 720, 640), (640, 360));
        assert_eq!(scaled(1080, 1920, 640), (360, 640));
        assert_eq!(scaled(10_000, 3, 100), (100, 1));
    }
}
