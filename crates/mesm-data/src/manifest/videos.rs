//! A labelled video to what a row of the store holds of it: pictures of a face and the voice.

use std::io::Cursor;
use std::path::Path;

use hound::{SampleFormat, WavSpec, WavWriter};
use image::{ImageFormat, RgbImage};

use super::ManifestError;
use super::skipped::Reason;
use crate::clip::{ClipError, ClipInfo, Frame, SAMPLE_RATE_HZ, WindowOptions, WindowReader};
use crate::media::FACE_SIDE;
use crate::store::Media;

/// Longest video: longer ones hold more than one utterance.
const MAX_CLIP_MS: u32 = 120_000;

/// Finds the face of whoever speaks. This crate knows no detector: whoever makes a store brings one.
pub trait FaceFinder {
    /// Another video begins.
    fn begin(&mut self);

    /// The face in the next frame, `[48, 48, 3]` in RGB row after row, if there is one.
    ///
    /// # Errors
    /// What failed, in words: the making of the store ends.
    fn face(&mut self, frame: &Frame) -> Result<Option<Vec<u8>>, String>;
}

/// What a row holds of a video.
pub(crate) struct Parts {
    /// Faces as PNG, one every half second where there is one.
    pub(crate) faces: Vec<Media>,
    /// 16-bit WAV.
    pub(crate) audio: Option<Media>,
    /// Length of the utterance in its recording.
    pub(crate) seconds: f64,
}

/// Why a video gives no row: the row alone is left out, or the making of the store ends.
pub(crate) enum Failure {
    Row(Reason, String),
    Whole(ManifestError),
}

impl From<ClipError> for Failure {
    fn from(error: ClipError) -> Self {
        if error.is_bad_input() {
            Self::Row(Reason::UndecodableMedia, error.to_string())
        } else {
            Self::Whole(ManifestError::Decoder(error))
        }
    }
}

/// Decodes a video; `name` is its path in the table.
///
/// # Errors
/// [`Failure`].
pub(super) fn parts(
    path: &Path,
    name: &str,
    finder: &mut dyn FaceFinder,
) -> Result<Parts, Failure> {
    let info = ClipInfo::probe(path)?;
    let options = WindowOptions {
        window_ms: MAX_CLIP_MS,
        hop_ms: MAX_CLIP_MS,
        ..WindowOptions::default()
    };
    let mut windows = WindowReader::open(&info, &options)?;
    let Some(window) = windows.next().transpose()? else {
        let found = format!("{name}: neither frames nor sound");
        return Err(Failure::Row(Reason::UndecodableMedia, found));
    };
    // What the decoder finds counts, not what the file declares.
    if windows.next().transpose()?.is_some() {
        let most = f64::from(MAX_CLIP_MS) / 1000.0;
        let found = format!("{name}: expected one utterance of at most {most} s");
        return Err(Failure::Row(Reason::OversizedMedia, found));
    }
    finder.begin();
    let mut faces = Vec::new();
    for frame in &window.frames {
        faces.extend(face_media(finder, frame, name)?);
    }
    let audio = window.samples.filter(|samples| !samples.is_empty());
    let audio = audio.map(|samples| voice_media(&samples, name));
    Ok(Parts {
        faces,
        audio: audio.transpose()?,
        seconds: window.end_s - window.start_s,
    })
}

/// The face in a frame of the recording `name`, if there is one, as PNG.
///
/// # Errors
/// When the finder fails.
pub(crate) fn face_media(
    finder: &mut dyn FaceFinder,
    frame: &Frame,
    name: &str,
) -> Result<Option<Media>, Failure> {
    let found = finder
        .face(frame)
        .map_err(|reason| Failure::Whole(ManifestError::Faces { reason }))?;
    let side = FACE_SIDE as u32;
    let Some(picture) = found.and_then(|rgb| RgbImage::from_raw(side, side, rgb)) else {
        return Ok(None);
    };
    Ok(Some(Media {
        path: format!("{name}#t={:.1}.png", frame.t_ms as f64 / 1000.0),
        bytes: png(&picture).map_err(|e| encoding(name, &e.to_string()))?,
    }))
}

/// Samples at 16 kHz of the recording `name` as 16-bit WAV.
///
/// # Errors
/// When they cannot be encoded.
pub(crate) fn voice_media(samples: &[f32], name: &str) -> Result<Media, Failure> {
    Ok(Media {
        path: format!("{name}.wav"),
        bytes: wav(samples).map_err(|e| encoding(name, &e.to_string()))?,
    })
}

fn encoding(name: &str, reason: &str) -> Failure {
    Failure::Whole(ManifestError::Faces {
        reason: format!("{name} could not be encoded: {reason}"),
    })
}

fn png(picture: &RgbImage) -> Result<Vec<u8>, image::ImageError> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

fn wav(samples: &[f32]) -> Result<Vec<u8>, hound::Error> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut bytes, spec)?;
    for sample in samples {
        // A float becomes the nearest whole number; beyond full scale it is cut off, as in any recording.
        writer.write_sample((sample * 32768.0).round() as i16)?;
    }
    writer.finalize()?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
mod tests {
    use super::wav;
    use crate::media::voice;

    #[test]
    fn a_voice_comes_back_to_the_last_of_sixteen_bits() {
        let samples: Vec<f32> = (0..1600).map(|i| (i as f32 * 0.05).sin() * 0.9).collect();
        let back = voice(&wav(&samples).unwrap()).unwrap();
        assert_eq!(back.len(), samples.len());
        let near = |(a, b): (&f32, &f32)| (a - b).abs() <= 0.5 / 32768.0 + 1e-7;
        assert!(back.iter().zip(&samples).all(near));
        let loud = voice(&wav(&[2.0, -2.0]).unwrap()).unwrap();
        assert!(loud[0] > 0.999 && loud[1] < -0.999);
    }
}
