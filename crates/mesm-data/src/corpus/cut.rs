//! An utterance's pictures and sound: cut out of recordings, or read from the authors' folders.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::ImageReader;

use super::texts::{entries, read_bounded};
use super::utterance::{MAX_UTTERANCE_S, Material, Track, Utterance};
use crate::clip::{
    ClipInfo, Frame, FrameOptions, FrameReader, Half, SAMPLE_RATE_HZ, SampleReader, Stretch,
};
use crate::manifest::{FaceFinder, Failure, Parts, Reason, face_media, voice_media};
use crate::media::MAX_VOICE_S;

/// From face to face, as the authors sample frames.
const STEP_MS: u32 = 500;
/// The longer side of a frame is scaled down to this many pixels, as in clips.
const MAX_SIDE: u32 = 640;
/// Labels are rounded and recordings end between two frames: so much may be missing.
const TOLERANCE_S: f64 = 0.25;
/// Most files in a folder of frames: 300 s of two people at 30 a second.
const MAX_FRAMES: usize = 20_000;
/// Longest side of a frame in pixels that is decoded.
const MAX_DECODED_SIDE: u32 = 8192;
/// Where the mark that ends a JPEG is looked for.
const JPEG_TAIL_BYTES: usize = 1024;
/// Largest frame in bytes.
const MAX_FRAME_BYTES: u64 = 16 << 20;

/// Cuts utterances; the last recordings that were looked at are remembered, as those of one recording come together.
pub(super) struct Cutter {
    finder: Box<dyn FaceFinder>,
    probed: Vec<ClipInfo>,
}

impl Cutter {
    pub(super) fn new(finder: Box<dyn FaceFinder>) -> Self {
        Self {
            finder,
            probed: Vec::new(),
        }
    }

    /// Pictures and sound of an utterance.
    ///
    /// # Errors
    /// Why there is no row of it, or why the making ends.
    pub(super) fn cut(&mut self, utterance: &Utterance) -> Result<Parts, Failure> {
        match &utterance.material {
            Material::Cut { video, sound } => self.recorded(utterance, video, sound),
            Material::Frames { folder, half } => self.frames(utterance, folder, *half),
        }
    }

    fn recorded(
        &mut self,
        utterance: &Utterance,
        video: &Track,
        sound: &Track,
    ) -> Result<Parts, Failure> {
        let id = &utterance.id;
        let stretch = self.stretch(id, video)?;
        let seconds = utterance.seconds.unwrap_or_else(|| stretch.length_s());
        let audio = self.samples(id, sound)?;
        let kept = kept(&stretch);
        let options = FrameOptions {
            step_ms: STEP_MS,
            max_side: MAX_SIDE,
        };
        let mut faces = Vec::new();
        let mut end_s = 0.0;
        self.finder.begin();
        for frame in FrameReader::open_stretch(self.info(&video.path)?, &kept, &options)? {
            let frame = frame?;
            let t_s = frame.t_ms as f64 / 1000.0;
            // The reader rounds the end up to its grid.
            if t_s >= kept.length_s() {
                break;
            }
            end_s = t_s + f64::from(STEP_MS) / 1000.0;
            faces.extend(face_media(self.finder.as_mut(), &frame, id)?);
        }
        if end_s + TOLERANCE_S < kept.length_s() {
            let found = format!(
                "{id}: its pictures end after {end_s:.1} of {:.1} s",
                kept.length_s()
            );
            return Err(Failure::Row(Reason::BeyondMedia, found));
        }
        let audio = Some(audio);
        Ok(Parts {
            faces,
            audio,
            seconds,
        })
    }

    fn frames(
        &mut self,
        utterance: &Utterance,
        folder: &Path,
        half: Option<Half>,
    ) -> Result<Parts, Failure> {
        let id = &utterance.id;
        let (prefix, side) = match half {
            None => ("image_", "audio.wav"),
            Some(Half::Left) => ("image_L_", "audio_L.wav"),
            Some(Half::Right) => ("image_R_", "audio_R.wav"),
        };
        let sound = [side, "audio.wav"].map(|name| folder.join(name));
        let sound = sound.into_iter().find(|path| path.is_file());
        let sound =
            sound.ok_or_else(|| Failure::Row(Reason::MissingMedia, format!("{id}: {side}")))?;
        let sound = Track {
            path: sound,
            stretch: None,
        };
        let stretch = self.stretch(id, &sound)?;
        let audio = self.samples(id, &sound)?;
        let seconds = stretch.length_s();
        let pictures = numbered(folder, prefix).map_err(Failure::Whole)?;
        if pictures.len() > MAX_FRAMES {
            let found = format!("{id}: {} pictures", pictures.len());
            return Err(Failure::Row(Reason::OversizedMedia, found));
        }
        if pictures.is_empty() {
            let found = format!("{id}: no {prefix}0.jpg");
            return Err(Failure::Row(Reason::MissingMedia, found));
        }
        // The folders hold 30 pictures a second, those that the authors' later notebook makes hold 2.
        let step_s = f64::from(STEP_MS) / 1000.0;
        let step = (pictures.len() as f64 * step_s / seconds).round().max(1.0) as usize;
        let most = (kept(&stretch).length_s() / step_s).ceil().max(1.0) as usize;
        let mut faces = Vec::new();
        self.finder.begin();
        for (index, path) in pictures.iter().step_by(step).take(most).enumerate() {
            let frame = picture(path, index as u64).map_err(|found| {
                Failure::Row(Reason::UndecodableMedia, format!("{id}: {found}"))
            })?;
            faces.extend(face_media(self.finder.as_mut(), &frame, id)?);
        }
        let audio = Some(audio);
        Ok(Parts {
            faces,
            audio,
            seconds,
        })
    }

    /// The sound of a track.
    fn samples(&mut self, id: &str, track: &Track) -> Result<crate::store::Media, Failure> {
        let kept = kept(&self.stretch(id, track)?);
        let info = self.info(&track.path)?;
        if info.audio.is_none() {
            let found = format!("{id}: no sound in {}", name(&track.path));
            return Err(Failure::Row(Reason::EmptyAudio, found));
        }
        let most = (kept.length_s() * f64::from(SAMPLE_RATE_HZ)).round() as usize;
        let mut samples: Vec<f32> = Vec::with_capacity(most);
        for block in SampleReader::open_stretch(info, &kept)? {
            samples.extend(block?);
            if samples.len() >= most {
                break;
            }
        }
        samples.truncate(most);
        // What rounds to 0 in 16 bits is silence.
        if !samples.iter().any(|sample| sample.abs() * 32768.0 >= 0.5) {
            return Err(Failure::Row(Reason::EmptyAudio, id.to_owned()));
        }
        let found_s = samples.len() as f64 / f64::from(SAMPLE_RATE_HZ);
        if found_s + TOLERANCE_S < kept.length_s() {
            let found = format!(
                "{id}: its sound ends after {found_s:.1} of {:.1} s",
                kept.length_s()
            );
            return Err(Failure::Row(Reason::BeyondMedia, found));
        }
        voice_media(&samples, id)
    }

    /// From when to when a track is read; one that ends earlier is refused.
    fn stretch(&mut self, id: &str, track: &Track) -> Result<Stretch, Failure> {
        let info = self.info(&track.path)?;
        let tracks = [
            info.video.as_ref().and_then(|v| v.end_s),
            info.audio.as_ref().and_then(|a| a.end_s),
        ];
        let end_s = info
            .duration_s
            .or_else(|| tracks.into_iter().flatten().reduce(f64::max));
        if let Some(stretch) = track.stretch {
            if let Some(end_s) = end_s.filter(|end_s| end_s + TOLERANCE_S < stretch.end_s) {
                let found = format!(
                    "{id}: ends at {:.2} s, {} at {end_s:.2} s",
                    stretch.end_s,
                    name(&track.path)
                );
                return Err(Failure::Row(Reason::BeyondMedia, found));
            }
            return Ok(stretch);
        }
        let end_s = end_s.filter(|end_s| *end_s > 0.0);
        let end_s = end_s.ok_or_else(|| {
            let found = format!("{id}: {} does not tell its length", name(&track.path));
            Failure::Row(Reason::UndecodableMedia, found)
        })?;
        if end_s > MAX_UTTERANCE_S {
            let found = format!("{id}: {end_s:.1} s");
            return Err(Failure::Row(Reason::OversizedMedia, found));
        }
        Ok(Stretch {
            start_s: 0.0,
            end_s,
            half: None,
        })
    }

    /// What a file holds.
    fn info(&mut self, path: &Path) -> Result<&ClipInfo, Failure> {
        let known = self.probed.iter().position(|info| info.path == path);
        let at = if let Some(at) = known {
            at
        } else {
            let info = ClipInfo::probe(path)?;
            // A recording has two files; a third one means the next recording.
            if self.probed.len() >= 2 {
                self.probed.remove(0);
            }
            self.probed.push(info);
            self.probed.len() - 1
        };
        Ok(&self.probed[at])
    }
}

/// What is kept of a stretch: no more than is ever learnt from.
fn kept(stretch: &Stretch) -> Stretch {
    Stretch {
        end_s: stretch.end_s.min(stretch.start_s + f64::from(MAX_VOICE_S)),
        ..*stretch
    }
}

/// `image_0.jpg`, `image_1.jpg` and so on, in the order of their numbers.
fn numbered(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>, crate::manifest::ManifestError> {
    let mut found: Vec<(u32, PathBuf)> = entries(folder)?
        .into_iter()
        .filter_map(|path| {
            let suffix = path.extension()?.to_str()?;
            let number = path.file_stem()?.to_str()?.strip_prefix(prefix)?;
            let picture = matches!(suffix, "jpg" | "jpeg" | "png");
            let number = number.parse().ok()?;
            picture.then_some((number, path))
        })
        .collect();
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn picture(path: &Path, index: u64) -> Result<Frame, String> {
    let wrong = |reason: String| format!("{}: {reason}", name(path));
    let bytes = read_bounded(path, MAX_FRAME_BYTES).map_err(|e| wrong(e.to_string()))?;
    // The decoder fills what is missing of a JPEG with grey and says nothing.
    let tail = &bytes[bytes.len().saturating_sub(JPEG_TAIL_BYTES)..];
    if bytes.starts_with(&[0xff, 0xd8]) && !tail.windows(2).any(|mark| mark == [0xff, 0xd9]) {
        return Err(wrong("it is cut off".to_owned()));
    }
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| wrong(e.to_string()))?;
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_DECODED_SIDE);
    limits.max_image_height = Some(MAX_DECODED_SIDE);
    reader.limits(limits);
    let picture = reader
        .decode()
        .map_err(|e| wrong(e.to_string()))?
        .into_rgb8();
    Ok(Frame {
        index,
        t_ms: index * u64::from(STEP_MS),
        width: picture.width(),
        height: picture.height(),
        rgb: picture.into_raw(),
    })
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
