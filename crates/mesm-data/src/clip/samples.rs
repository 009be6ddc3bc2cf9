//! The sound of a clip as mono samples.

use super::error::ClipError;
use super::probe::ClipInfo;
use super::program::Decoder;
use super::stretch::{Half, Stretch};

/// Sampling rate of everything this crate hands out, in Hz.
pub const SAMPLE_RATE_HZ: u32 = 16_000;

/// Bytes asked of the pipe at once: a quarter of a second.
const BLOCK_BYTES: usize = SAMPLE_RATE_HZ as usize;

/// Reads the audio track as mono 32-bit samples at [`SAMPLE_RATE_HZ`], full scale -1..=1, in blocks.
///
/// Sample 0 is at time 0 of the clip: a track that starts late is preceded by silence, holes are filled with silence.
/// Channels are averaged.
pub struct SampleReader {
    decoder: Decoder,
    read: u64,
    track_end_s: Option<f64>,
    clip_end_s: Option<f64>,
    ended: bool,
}

impl SampleReader {
    /// Starts decoding.
    ///
    /// # Errors
    /// [`ClipError::NoAudioTrack`] and the program errors.
    pub fn open(info: &ClipInfo) -> Result<Self, ClipError> {
        Self::start(info, None)
    }

    /// Starts decoding a stretch: sample 0 is at its start. Of two channels the one of the stretch's half is read.
    ///
    /// # Errors
    /// As [`Self::open`], and [`ClipError::Option`] for a stretch that is none.
    pub fn open_stretch(info: &ClipInfo, stretch: &Stretch) -> Result<Self, ClipError> {
        stretch.check()?;
        Self::start(info, Some(stretch))
    }

    fn start(info: &ClipInfo, stretch: Option<&Stretch>) -> Result<Self, ClipError> {
        let track = info.audio.as_ref().ok_or_else(|| ClipError::NoAudioTrack {
            path: info.path.clone(),
        })?;
        // ffmpeg's own way to mono adds 3 dB to float samples and may clip; an explicit mean does not.
        let side = stretch.and_then(|stretch| stretch.half);
        let channels = match side.filter(|_| track.channels == 2) {
            Some(Half::Left) => 0..1,
            Some(Half::Right) => 1..2,
            None => 0..track.channels,
        };
        let share = 1.0 / channels.len() as f64;
        let mean: Vec<String> = channels.map(|c| format!("{share}*c{c}")).collect();
        let filter = format!(
            "aformat=sample_fmts=flt,pan=mono|c0={},aresample={SAMPLE_RATE_HZ}:async=1:first_pts=0",
            mean.join("+")
        );
        let output = ["-af", &filter, "-f", "f32le", "-c:a", "pcm_f32le"].map(str::to_owned);
        Ok(Self {
            decoder: Decoder::spawn(info, stretch, "audio", track.index, &output)?,
            read: 0,
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

    fn read(&mut self) -> Result<Option<Vec<f32>>, ClipError> {
        let mut bytes = vec![0; BLOCK_BYTES];
        let filled = self.decoder.read(&mut bytes)?;
        let samples: Vec<f32> = bytes[..filled]
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        self.read += samples.len() as u64;
        if filled < BLOCK_BYTES {
            self.ended = true;
            let found_s = self.read as f64 / f64::from(SAMPLE_RATE_HZ);
            self.decoder
                .finish(self.track_end_s, self.clip_end_s, found_s)?;
        }
        Ok(Some(samples).filter(|s| !s.is_empty()))
    }
}

impl Iterator for SampleReader {
    type Item = Result<Vec<f32>, ClipError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let block = self.read().transpose();
        self.ended |= !matches!(block, Some(Ok(_)));
        block
    }
}
