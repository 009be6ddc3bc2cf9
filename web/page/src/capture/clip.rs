//! A file: its pictures by the video element, its sound decoded as a whole.

use js_sys::{ArrayBuffer, Float32Array, Promise};
use mesm_protocol::SAMPLE_RATE_HZ;
use wasm_bindgen::JsCast;
use web_sys::{AudioBuffer, Blob, HtmlVideoElement, OfflineAudioContext, Url};

use super::frames::picture_request;
use super::window::WINDOW_MS;
use crate::browser::{event_within, settled_within, wait_for};
use crate::english;
use crate::error::PageError;

/// Longer files would fill the memory with decoded sound.
const MAX_SOUND_BYTES: f64 = 300e6;
const LOAD_LIMIT_MS: i32 = 20_000;
const SEEK_LIMIT_MS: i32 = 10_000;
/// Pages that are out of view are told of no picture.
const PICTURE_LIMIT_MS: i32 = 1000;

/// A file that is open in the page's video element.
pub(crate) struct Clip {
    video: HtmlVideoElement,
    url: String,
    sound: Option<Float32Array>,
    notes: Vec<String>,
}

impl Clip {
    /// Opens a file that the person chose.
    pub(crate) async fn open(video: &HtmlVideoElement, file: &Blob) -> Result<Self, PageError> {
        let url = Url::create_object_url_with_blob(file)
            .map_err(PageError::browser(english::failed::OPENING_FILE))?;
        let mut clip = Self {
            video: video.clone(),
            url,
            sound: None,
            notes: Vec::new(),
        };
        video.set_src_object(None);
        let first_picture = next_picture(video);
        video.set_src(&clip.url);
        video.load();
        if event_within(video, "loadeddata", LOAD_LIMIT_MS)
            .await?
            .is_none()
        {
            return Err(PageError::Input(english::failed::UNPLAYABLE.to_owned()));
        }
        if let Some(picture) = first_picture.filter(|_| video.video_width() > 0) {
            // A video that says it has loaded may still be drawn as black.
            settled_within(&picture, PICTURE_LIMIT_MS).await?;
        }
        if file.size() > MAX_SOUND_BYTES {
            clip.notes.push(english::file::TOO_LONG.to_owned());
            return Ok(clip);
        }
        let bytes = wait_for(file.array_buffer(), english::failed::READING_FILE).await?;
        match decode(&bytes.unchecked_into()).await {
            Ok(sound) => clip.sound = Some(sound),
            Err(_) => clip.notes.push(english::file::NO_SOUND.to_owned()),
        }
        Ok(clip)
    }

    /// What could not be used.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Length in milliseconds; 0 where the file does not say.
    pub(crate) fn duration_ms(&self) -> f64 {
        let duration = self.video.duration() * 1000.0;
        if duration.is_finite() { duration } else { 0.0 }
    }

    /// Where playing has come to, in milliseconds.
    pub(crate) fn position_ms(&self) -> f64 {
        self.video.current_time() * 1000.0
    }

    /// Whether it was played to its end.
    pub(crate) fn ended(&self) -> bool {
        self.video.ended()
    }

    /// Plays from the start.
    pub(crate) async fn play(&self) -> Result<(), PageError> {
        let what = english::failed::PLAYING_FILE;
        self.video.set_current_time(0.0);
        let playing = self.video.play().map_err(PageError::browser(what))?;
        wait_for(playing, what).await.map(drop)
    }

    /// Shows the picture at a time, exactly, without playing.
    pub(crate) async fn seek(&self, t_ms: f64) -> Result<(), PageError> {
        if (self.position_ms() - t_ms).abs() < 0.5 && self.video.ready_state() >= 2 {
            return Ok(());
        }
        let arrived = event_within(&self.video, "seeked", SEEK_LIMIT_MS);
        self.video.set_current_time(t_ms / 1000.0);
        if arrived.await?.is_some() {
            return Ok(());
        }
        Err(PageError::Input(english::failed::finding_picture(
            t_ms / 1000.0,
        )))
    }

    /// The sound of the window that ends at `end_ms`.
    pub(crate) fn sound_before(&self, end_ms: f64) -> Option<Float32Array> {
        self.sound_between(end_ms - WINDOW_MS, end_ms)
    }

    /// The sound between two times.
    pub(crate) fn sound_between(&self, start_ms: f64, end_ms: f64) -> Option<Float32Array> {
        let sound = self.sound.as_ref()?;
        let at = |t_ms: f64| {
            ((t_ms.max(0.0) * f64::from(SAMPLE_RATE_HZ) / 1000.0).round() as u32)
                .min(sound.length())
        };
        Some(sound.slice(at(start_ms), at(end_ms)))
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        // A pause of an element without media does nothing, and an address may be freed twice.
        let _ = self.video.pause();
        let _ = Url::revoke_object_url(&self.url);
    }
}

/// Is kept when the video shows its next picture; nothing where the browser does not tell.
fn next_picture(video: &HtmlVideoElement) -> Option<Promise> {
    let request = picture_request(video)?;
    Some(Promise::new(&mut |resolve, _| {
        // Where it fails the promise stays open, and whoever waits has a limit.
        let _ = request.call1(video, &resolve);
    }))
}

/// All sound of a file, one channel, 16 kHz.
async fn decode(bytes: &ArrayBuffer) -> Result<Float32Array, PageError> {
    let what = english::failed::DECODING_SOUND;
    let context = offline(1)?;
    let decoded = context
        .decode_audio_data(bytes)
        .map_err(PageError::browser(what))?;
    mono(&wait_for(decoded, what).await?.unchecked_into())
}

/// Brings samples to 16 kHz by the browser's own resampler.
pub(crate) async fn resample(
    samples: &Float32Array,
    rate_hz: f32,
) -> Result<Float32Array, PageError> {
    let what = english::failed::RESAMPLING_SOUND;
    let failed = PageError::browser(what);
    let length = f64::from(samples.length()) * f64::from(SAMPLE_RATE_HZ) / f64::from(rate_hz);
    let context = offline((length.round() as u32).max(1))?;
    let buffer = context
        .create_buffer(1, samples.length(), rate_hz)
        .map_err(&failed)?;
    buffer
        .copy_to_channel_with_f32_array(samples, 0)
        .map_err(&failed)?;
    let source = context.create_buffer_source().map_err(&failed)?;
    source.set_buffer(Some(&buffer));
    source
        .connect_with_audio_node(&context.destination())
        .map_err(&failed)?;
    source.start().map_err(&failed)?;
    let rendered = context.start_rendering().map_err(&failed)?;
    mono(&wait_for(rendered, what).await?.unchecked_into())
}

fn offline(length: u32) -> Result<OfflineAudioContext, PageError> {
    OfflineAudioContext::new_with_number_of_channels_and_length_and_sample_rate(
        1,
        length,
        SAMPLE_RATE_HZ as f32,
    )
    .map_err(PageError::browser(english::failed::AUDIO))
}

fn mono(buffer: &AudioBuffer) -> Result<Float32Array, PageError> {
    let channels = buffer.number_of_channels();
    let failed = PageError::browser(english::failed::READING_SOUND);
    let mut mixed = vec![0.0; buffer.length() as usize];
    for channel in 0..channels {
        let samples = buffer.get_channel_data(channel).map_err(&failed)?;
        for (mixed, sample) in mixed.iter_mut().zip(samples) {
            *mixed += sample / channels as f32;
        }
    }
    Ok(Float32Array::from(mixed.as_slice()))
}
