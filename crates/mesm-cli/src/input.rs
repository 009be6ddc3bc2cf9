//! What is judged: a clip in windows, or one exported window.

use std::path::Path;
use std::sync::Arc;

use mesm::{Modalities, Modality};
use mesm_data::clip::{ClipInfo, SAMPLE_RATE_HZ, Window, WindowOptions, WindowReader};
use mesm_data::window_folder::WindowFolder;

use crate::error::CliError;
use crate::notes::RunNote;

/// An opened input. Its windows come in the order of time.
pub struct Input {
    windows: Windows,
    /// Words that came with the input.
    pub text: Option<String>,
    /// Length in seconds, where it is known beforehand.
    pub duration_s: Option<f64>,
    /// Whether there will be frames.
    pub has_video: bool,
    /// Whether there will be samples.
    pub has_audio: bool,
    /// Wanted tracks that do not exist.
    pub notes: Vec<RunNote>,
}

enum Windows {
    Clip(Box<WindowReader>),
    One(Option<Box<Window>>),
}

impl Input {
    /// Opens a file or an exported window; of the tracks only those of wanted modalities.
    ///
    /// # Errors
    /// What is wrong with the file, the folder or the window options.
    pub fn open(
        path: &Path,
        modalities: Modalities,
        options: &WindowOptions,
    ) -> Result<Self, CliError> {
        let wants = |modality| modalities.contains(modality);
        let (faces, voice) = (wants(Modality::Visual), wants(Modality::Acoustic));
        if WindowFolder::is_at(path) {
            return Ok(Self::from_folder(WindowFolder::read(path)?, faces, voice));
        }
        let info = ClipInfo::probe(path)?;
        let options = WindowOptions {
            video: faces,
            audio: voice,
            ..options.clone()
        };
        let (has_video, has_audio) = (faces && info.video.is_some(), voice && info.audio.is_some());
        let windows = if has_video || has_audio {
            Windows::Clip(Box::new(WindowReader::open(&info, &options)?))
        } else {
            // Words may still be judged.
            let end_s = info.duration_s.unwrap_or_default();
            Windows::One(Some(Box::new(window(end_s, Vec::new(), None))))
        };
        let mut notes = Vec::new();
        if faces && info.video.is_none() {
            notes.push(RunNote::NoVideoTrack);
        }
        if voice && info.audio.is_none() {
            notes.push(RunNote::NoAudioTrack);
        }
        Ok(Self {
            windows,
            text: None,
            duration_s: info.duration_s,
            has_video,
            has_audio,
            notes,
        })
    }

    fn from_folder(folder: WindowFolder, faces: bool, voice: bool) -> Self {
        let mut notes = Vec::new();
        let (has_video, has_audio) = (!folder.frames.is_empty(), folder.samples.is_some());
        if faces && !has_video {
            notes.push(RunNote::NoVideoTrack);
        }
        if voice && !has_audio {
            notes.push(RunNote::NoAudioTrack);
        }
        let frames: Vec<_> = folder
            .frames
            .into_iter()
            .filter(|_| faces)
            .map(Arc::new)
            .collect();
        let samples = folder.samples.filter(|_| voice);
        let sound_s = samples
            .as_ref()
            .map_or(0.0, |s| s.len() as f64 / f64::from(SAMPLE_RATE_HZ));
        let video_s = frames.last().map_or(0.0, |f| f.t_ms as f64 / 1000.0);
        let end_s = sound_s.max(video_s);
        Self {
            text: folder.text,
            duration_s: Some(end_s),
            has_video: faces && has_video,
            has_audio: voice && has_audio,
            notes,
            windows: Windows::One(Some(Box::new(window(end_s, frames, samples)))),
        }
    }

    /// The next window.
    ///
    /// # Errors
    /// What the decoder says.
    pub fn next_window(&mut self) -> Result<Option<Window>, CliError> {
        match &mut self.windows {
            Windows::Clip(reader) => Ok(reader.next().transpose()?),
            Windows::One(window) => Ok(window.take().map(|window| *window)),
        }
    }

    /// Complaints of the decoder, once there is no next window.
    #[must_use]
    pub fn complaints(&self) -> Vec<RunNote> {
        match &self.windows {
            Windows::Clip(reader) => reader
                .complaints()
                .into_iter()
                .map(RunNote::Decoder)
                .collect(),
            Windows::One(_) => Vec::new(),
        }
    }
}

fn window(
    end_s: f64,
    frames: Vec<Arc<mesm_data::clip::Frame>>,
    samples: Option<Vec<f32>>,
) -> Window {
    Window {
        index: 0,
        start_s: 0.0,
        end_s,
        fresh: frames.clone(),
        frames,
        samples,
    }
}
