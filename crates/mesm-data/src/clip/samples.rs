//! The sound of a clip as mono samples.

use super::error::ClipError;
use super::probe::ClipInfo;
use super::program::Decoder;

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
        let track = info.audio.as_ref().ok_or_else(|| ClipError::NoAudioTrack {
            path: info.path.clone(),
        })?;
        // ffmpeg's own way to mono adds 3 dB to float samples and may clip; an explicit mean does not.
        let mean: Vec<String> = (0..track.channels)
            .map(|c| format!("{}*c{c}", 1.0 / f64::from(track.channels)))
            .collect();
        let filter = format!(
            "aformat=sample_fmts=flt,pan=mono|c0={},aresample={SAMPLE_RATE_HZ}:async=1:first_pts=0",
            mean.join("+")
        );
        let output = ["-af", &filter, "-f", "f32le", "-c:a", "pcm_f32le"].map(str::to_owned);
        Ok(Self {
            decoder: Decoder::spawn(info, "audio", track.index, &output)?,
            read: 0,
            track_end_s: track.end_s,
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
