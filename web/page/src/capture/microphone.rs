//! The microphone: the last seconds of it, on the clock of the pictures.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Array, Float32Array};
use mesm_protocol::SAMPLE_RATE_HZ;
use wasm_bindgen::JsCast;
use web_sys::{
    AudioContext, AudioContextOptions, AudioNode, AudioWorkletNode, MediaStream, MediaStreamTrack,
    MessageEvent,
};

use super::camera::is_live;
use super::clip::resample;
use super::window::WINDOW_MS;
use crate::browser::{now_ms, on, wait_for};
use crate::english;
use crate::error::PageError;

const PROCESSOR: &str = "mesm-microphone";
/// Kept beyond a window, so that sound that arrives before its picture does not push the window's beginning out.
const SPARE_MS: f64 = 1000.0;
/// By so much a second the two clocks may drift apart: quartz is better than that.
const DRIFT_MS_A_SECOND: f64 = 0.2;

/// A running microphone.
pub(crate) struct Microphone {
    track: MediaStreamTrack,
    context: AudioContext,
    ring: Rc<RefCell<Ring>>,
}

impl Microphone {
    /// Listens to the track through the processor at `worklet_url`.
    pub(crate) async fn open(
        track: MediaStreamTrack,
        worklet_url: &str,
    ) -> Result<Self, PageError> {
        let failed = PageError::browser(english::failed::READING_MICROPHONE);
        let stream = MediaStream::new().map_err(&failed)?;
        stream.add_track(&track);
        let (context, source) = connect(&stream)?;
        let ring = Rc::new(RefCell::new(Ring::new(context.sample_rate())));
        let microphone = Self {
            track,
            context,
            ring,
        };
        let context = &microphone.context;
        let worklet = context.audio_worklet().map_err(&failed)?;
        wait_for(
            worklet.add_module(worklet_url).map_err(&failed)?,
            english::failed::LOADING_PROGRAM,
        )
        .await?;
        let node = AudioWorkletNode::new(context, PROCESSOR).map_err(&failed)?;
        source.connect_with_audio_node(&node).map_err(&failed)?;
        let port = node.port().map_err(&failed)?;
        let filled = Rc::clone(&microphone.ring);
        on(&port, "message", move |event| {
            let message: Array = event
                .unchecked_into::<MessageEvent>()
                .data()
                .unchecked_into();
            let block = Float32Array::new(&message.get(0));
            let end_s = message.get(1).as_f64().unwrap_or_default();
            filled
                .borrow_mut()
                .push(&block.to_vec(), end_s * 1000.0, now_ms());
        })?;
        port.start();
        Ok(microphone)
    }

    /// The window of sound that ends at `end_ms`, or at the newest sample where that is earlier, at 16 kHz.
    pub(crate) async fn window(&self, end_ms: f64) -> Result<Float32Array, PageError> {
        let (samples, rate_hz) = {
            let ring = self.ring.borrow();
            (ring.between(end_ms - WINDOW_MS, end_ms), ring.rate_hz)
        };
        let samples = Float32Array::from(samples.as_slice());
        if (rate_hz - SAMPLE_RATE_HZ as f32).abs() < 0.5 || samples.length() == 0 {
            return Ok(samples);
        }
        resample(&samples, rate_hz).await
    }

    /// When the newest sample was heard; `None` before the first.
    pub(crate) fn newest_ms(&self) -> Option<f64> {
        let newest_ms = self.ring.borrow().newest_ms();
        newest_ms.is_finite().then_some(newest_ms)
    }

    /// Whether it still hears.
    pub(crate) fn is_live(&self) -> bool {
        is_live(&self.track)
    }

    /// Its track.
    pub(crate) fn track(&self) -> &MediaStreamTrack {
        &self.track
    }

    /// Its rate, for people.
    pub(crate) fn facts(&self) -> String {
        let rate = f64::from(self.ring.borrow().rate_hz) / 1000.0;
        english::source::sound(rate)
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.track.stop();
        // Nothing is left to do with a context that does not close.
        let _ = self.context.close();
    }
}

/// Prefers a context at the model's rate, so that the browser resamples; some browsers only connect a microphone at the
/// hardware's rate.
fn connect(stream: &MediaStream) -> Result<(AudioContext, AudioNode), PageError> {
    let failed = PageError::browser(english::failed::READING_MICROPHONE);
    let options = AudioContextOptions::new();
    options.set_sample_rate(SAMPLE_RATE_HZ as f32);
    if let Ok(context) = AudioContext::new_with_context_options(&options) {
        if let Ok(source) = context.create_media_stream_source(stream) {
            return Ok((context, source.unchecked_into()));
        }
        // Closing only frees the hardware earlier; nothing depends on it.
        let _ = context.close();
    }
    let context = AudioContext::new().map_err(&failed)?;
    let source = context
        .create_media_stream_source(stream)
        .map_err(&failed)?;
    Ok((context, source.unchecked_into()))
}

/// The newest samples and when they were heard.
///
/// Blocks carry the time of the audio clock, which counts samples, and arrive some time later, now sooner, now later.
/// The shortest of these delays is what the two clocks differ by; the rest of each is waiting.
#[derive(Debug)]
struct Ring {
    samples: VecDeque<f32>,
    rate_hz: f32,
    most: usize,
    /// Of the last sample, on the audio clock.
    end_ms: f64,
    /// What the page's clock shows more than the audio clock.
    ahead_ms: f64,
}

impl Ring {
    fn new(rate_hz: f32) -> Self {
        let most = (f64::from(rate_hz) * (WINDOW_MS + SPARE_MS) / 1000.0) as usize;
        Self {
            samples: VecDeque::with_capacity(most + 4096),
            rate_hz,
            most,
            end_ms: 0.0,
            ahead_ms: f64::INFINITY,
        }
    }

    /// Adds a block that ended at `end_ms` of the audio clock and arrived at `now_ms` of the page's.
    fn push(&mut self, block: &[f32], end_ms: f64, now_ms: f64) {
        let drift_ms = (end_ms - self.end_ms).max(0.0) / 1000.0 * DRIFT_MS_A_SECOND;
        self.ahead_ms = (self.ahead_ms + drift_ms).min(now_ms - end_ms);
        self.end_ms = end_ms;
        self.samples.extend(block);
        let surplus = self.samples.len().saturating_sub(self.most);
        self.samples.drain(..surplus);
    }

    /// When the newest sample was heard, on the page's clock.
    fn newest_ms(&self) -> f64 {
        self.end_ms + self.ahead_ms
    }

    /// The samples between two times of the page's clock, as far as they are there.
    fn between(&self, start_ms: f64, end_ms: f64) -> Vec<f32> {
        let newest_ms = self.newest_ms();
        if self.samples.is_empty() || !newest_ms.is_finite() {
            return Vec::new();
        }
        let count = |ms: f64| (ms.max(0.0) * f64::from(self.rate_hz) / 1000.0).round() as usize;
        let length = self.samples.len();
        let to = length.saturating_sub(count(newest_ms - end_ms));
        let from = length.saturating_sub(count(newest_ms - start_ms)).min(to);
        self.samples.range(from..to).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Ring {
        let mut ring = Ring::new(1000.0);
        // Ten blocks of 100 ms whose last sample says when it was heard; they arrive 500 to 540 ms later on another clock.
        for block in 0..10_u16 {
            let values: Vec<f32> = (0..100).map(|i| f32::from(block * 100 + i)).collect();
            let end_ms = f64::from(block + 1) * 100.0;
            ring.push(
                &values,
                end_ms,
                end_ms + 500.0 + f64::from(block % 3) * 20.0,
            );
        }
        ring
    }

    #[test]
    fn sound_is_found_by_the_pages_clock() {
        let ring = ring();
        let found = ring.between(1200.0, 1400.0);
        assert_eq!(found.len(), 200);
        assert!((found[0] - 700.0).abs() <= 1.0, "{}", found[0]);
    }

    #[test]
    fn what_is_not_there_yet_is_left_out() {
        let ring = ring();
        assert_eq!(ring.between(1400.0, 9000.0).len(), 100);
        assert!(ring.between(9000.0, 9100.0).is_empty());
        assert!(Ring::new(1000.0).between(0.0, 100.0).is_empty());
        assert_eq!(ring.between(-9000.0, 9000.0).len(), 1000);
    }

    #[test]
    fn old_sound_is_forgotten() {
        let mut ring = Ring::new(1000.0);
        for block in 0..100 {
            ring.push(&[0.0; 100], f64::from(block) * 100.0, 0.0);
        }
        assert_eq!(ring.samples.len(), 4000);
    }
}
