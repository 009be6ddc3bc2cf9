//! The camera and the microphone.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Float32Array;
use mesm_protocol::SAMPLE_RATE_HZ;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    AudioContext, AudioContextOptions, AudioNode, AudioWorkletNode, MediaStream,
    MediaStreamConstraints, MediaTrackConstraints, MessageEvent,
};

use super::clip::resample;
use super::window::WINDOW_MS;
use crate::browser::{on, wait_for, window};
use crate::error::PageError;

const PROCESSOR: &str = "mesm-microphone";

/// Asks for camera and microphone; where there is no microphone, for the camera alone, and the other way round.
pub(crate) async fn open_camera() -> Result<MediaStream, PageError> {
    let what =
        "no camera or microphone can be used (allow it in the browser, and use https or localhost)";
    let devices = window()?
        .navigator()
        .media_devices()
        .map_err(PageError::browser(what))?;
    let mut last = PageError::Missing("camera");
    for (video, audio) in [(true, true), (true, false), (false, true)] {
        let constraints = MediaStreamConstraints::new();
        if video {
            let track = MediaTrackConstraints::new();
            track.set_width(&JsValue::from(640));
            track.set_height(&JsValue::from(480));
            track.set_facing_mode(&"user".into());
            constraints.set_video(&track);
        }
        constraints.set_audio(&audio.into());
        let asked = devices
            .get_user_media_with_constraints(&constraints)
            .map_err(PageError::browser(what))?;
        match wait_for(asked, what).await {
            Ok(stream) => return Ok(stream.unchecked_into()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The last seconds of a microphone.
pub(crate) struct Microphone {
    context: AudioContext,
    ring: Rc<RefCell<VecDeque<f32>>>,
    rate_hz: f32,
}

impl Microphone {
    /// Listens to the stream's sound through the processor at `worklet_url`; `None` where the stream has none.
    pub(crate) async fn open(
        stream: &MediaStream,
        worklet_url: &str,
    ) -> Result<Option<Self>, PageError> {
        if stream.get_audio_tracks().length() == 0 {
            return Ok(None);
        }
        let failed = PageError::browser("the microphone could not be read");
        let (context, source) = Self::connect(stream)?;
        let worklet = context.audio_worklet().map_err(&failed)?;
        wait_for(
            worklet.add_module(worklet_url).map_err(&failed)?,
            "the microphone's program could not be loaded",
        )
        .await?;
        let node = AudioWorkletNode::new(&context, PROCESSOR).map_err(&failed)?;
        source.connect_with_audio_node(&node).map_err(&failed)?;
        let rate_hz = context.sample_rate();
        let most = (f64::from(rate_hz) * WINDOW_MS / 1000.0) as usize;
        let ring = Rc::new(RefCell::new(VecDeque::with_capacity(most + 4096)));
        let filled = Rc::clone(&ring);
        let port = node.port().map_err(&failed)?;
        on(&port, "message", move |event| {
            let block = Float32Array::new(&event.unchecked_into::<MessageEvent>().data());
            let mut ring = filled.borrow_mut();
            ring.extend(block.to_vec());
            let surplus = ring.len().saturating_sub(most);
            ring.drain(..surplus);
        })?;
        port.start();
        Ok(Some(Self {
            context,
            ring,
            rate_hz,
        }))
    }

    /// Prefers a context at the model's rate, so that the browser resamples; some browsers only connect a microphone
    /// at the hardware's rate.
    fn connect(stream: &MediaStream) -> Result<(AudioContext, AudioNode), PageError> {
        let failed = PageError::browser("the microphone could not be read");
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

    /// What was heard last, at most a window long, at 16 kHz.
    pub(crate) async fn last(&self) -> Result<Float32Array, PageError> {
        let samples: Vec<f32> = self.ring.borrow().iter().copied().collect();
        let samples = Float32Array::from(samples.as_slice());
        if (self.rate_hz - SAMPLE_RATE_HZ as f32).abs() < 0.5 || samples.length() == 0 {
            return Ok(samples);
        }
        resample(&samples, self.rate_hz).await
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        // Nothing is left to do with a context that does not close.
        let _ = self.context.close();
    }
}
