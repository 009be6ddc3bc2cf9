//! The camera: shown in the preview, and a picture of it every half second.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Array, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlVideoElement, MediaStream, MediaStreamTrack};

use super::feed::Feed;
use super::frames::picture_request;
use crate::browser::{now_ms, wait_for};
use crate::english;
use crate::error::PageError;

/// Pictures that the measured rate is a mean over.
const RATE_OVER: usize = 30;

/// A running camera. Its picture is in the preview until it is dropped.
pub(crate) struct Camera {
    track: MediaStreamTrack,
    stream: MediaStream,
    video: HtmlVideoElement,
    frames: Option<Frames>,
    feed: Rc<RefCell<Feed>>,
    shown_ms: Rc<RefCell<VecDeque<f64>>>,
}

impl Camera {
    /// Shows the track in the preview and fills `feed` from it.
    pub(crate) async fn open(
        video: &HtmlVideoElement,
        track: MediaStreamTrack,
        feed: Rc<RefCell<Feed>>,
    ) -> Result<Self, PageError> {
        let what = english::failed::PLAYING_CAMERA;
        let failed = PageError::browser(what);
        let shown_ms = Rc::new(RefCell::new(VecDeque::new()));
        let stream = MediaStream::new().map_err(&failed)?;
        stream.add_track(&track);
        let mut camera = Self {
            track,
            stream,
            video: video.clone(),
            frames: None,
            feed,
            shown_ms,
        };
        video.set_muted(true);
        video.remove_attribute("src").map_err(&failed)?;
        video.set_src_object(Some(&camera.stream));
        wait_for(video.play().map_err(&failed)?, what).await?;
        let (feed, shown_ms) = (Rc::clone(&camera.feed), Rc::clone(&camera.shown_ms));
        let source = video.clone();
        camera.frames = Frames::watch(video, move |t_ms| {
            let mut shown_ms = shown_ms.borrow_mut();
            shown_ms.push_back(t_ms);
            while shown_ms.len() > RATE_OVER {
                shown_ms.pop_front();
            }
            // A picture that cannot be read is left out; the next one comes soon.
            let _ = feed.borrow_mut().tick(&source, t_ms);
        });
        Ok(camera)
    }

    /// Takes a picture where the browser does not announce them.
    pub(crate) fn poll(&self) -> Result<(), PageError> {
        if self.frames.is_none() {
            self.feed.borrow_mut().tick(&self.video, now_ms())?;
        }
        Ok(())
    }

    /// Whether it still gives pictures.
    pub(crate) fn is_live(&self) -> bool {
        is_live(&self.track)
    }

    /// Whether it looks away from the person; such a picture is not mirrored.
    pub(crate) fn looks_away(&self) -> bool {
        let settings = self.track.get_settings();
        settings.get_facing_mode().as_deref() == Some("environment")
    }

    /// Its name, and its identity for [`Wanted::Id`](super::Wanted).
    pub(crate) fn track(&self) -> &MediaStreamTrack {
        &self.track
    }

    /// Size and measured rate of its pictures, for people.
    pub(crate) fn facts(&self) -> String {
        let shown_ms = self.shown_ms.borrow();
        let (width, height) = (self.video.video_width(), self.video.video_height());
        english::source::pictures(width, height, rate_hz(&shown_ms))
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.track.stop();
        // The next session may be showing its own picture by now.
        if self.video.src_object().as_ref() == Some(&self.stream) {
            self.video.set_src_object(None);
        }
    }
}

/// Whether a track still gives something.
pub(crate) fn is_live(track: &MediaStreamTrack) -> bool {
    track.ready_state() == web_sys::MediaStreamTrackState::Live
}

/// Events a second, from the times of the last ones; `None` before the second.
pub(crate) fn rate_hz(shown_ms: &VecDeque<f64>) -> Option<f64> {
    let span_ms = shown_ms.back()? - shown_ms.front()?;
    (span_ms > 0.0).then(|| (shown_ms.len() - 1) as f64 * 1000.0 / span_ms)
}

/// What `requestVideoFrameCallback` calls: with the time of showing a picture, and what is known of it.
type FrameCallback = Closure<dyn FnMut(f64, JsValue)>;

/// Calls by `requestVideoFrameCallback`: one a picture, with the time at which it was captured.
struct Frames {
    stopped: Rc<Cell<bool>>,
}

impl Frames {
    /// Nothing where the browser does not know it.
    fn watch(video: &HtmlVideoElement, mut hear: impl FnMut(f64) + 'static) -> Option<Self> {
        let request = picture_request(video)?;
        let stopped = Rc::new(Cell::new(false));
        let stop = Rc::clone(&stopped);
        let (again, target) = (request.clone(), video.clone());
        let own: Rc<RefCell<Option<FrameCallback>>> = Rc::default();
        let held = Rc::clone(&own);
        *own.borrow_mut() = Some(Closure::new(move |shown_ms: f64, metadata: JsValue| {
            if stop.get() {
                // The function lets go of itself; nobody calls it again.
                let own = Rc::clone(&held);
                wasm_bindgen_futures::spawn_local(async move { drop(own.take()) });
                return;
            }
            let captured = Reflect::get(&metadata, &"captureTime".into()).ok();
            hear(captured.and_then(|t| t.as_f64()).unwrap_or(shown_ms));
            if let Some(closure) = held.borrow().as_ref() {
                let _ = again.apply(&target, &Array::of1(closure.as_ref()));
            }
        }));
        if let Some(closure) = own.borrow().as_ref() {
            request.apply(video, &Array::of1(closure.as_ref())).ok()?;
        }
        Some(Self { stopped })
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.stopped.set(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_gaps() {
        let times = |times: &[f64]| times.iter().copied().collect::<VecDeque<f64>>();
        assert_eq!(rate_hz(&times(&[])), None);
        assert_eq!(rate_hz(&times(&[5.0])), None);
        assert_eq!(rate_hz(&times(&[0.0, 50.0, 100.0])), Some(20.0));
    }
}
