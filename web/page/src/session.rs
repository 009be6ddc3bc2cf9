//! A running source: frames every half second, and the newest three seconds to the engine whenever it is free.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::Float32Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Blob, HtmlVideoElement, MediaStream, MediaStreamTrack};

use crate::app::App;
use crate::browser::{now_ms, sleep};
use crate::capture::{
    Clip, FRAME_STEP_MS, FrameGrabber, Microphone, Picture, WINDOW_MS, WindowInput, open_camera,
    step_starts,
};
use crate::error::PageError;
use crate::ui::SourceKind;

/// Sound shorter than this makes no mel chunk worth judging.
const MIN_SOUND_MS: f64 = 500.0;
const POLL_MS: f64 = 50.0;

/// A handle on the running source.
pub(crate) struct Session {
    stopped: Rc<Cell<bool>>,
}

impl Session {
    /// Ends it at its next step.
    pub(crate) fn stop(&self) {
        self.stopped.set(true);
    }
}

/// Starts the source that the controls name.
pub(crate) fn begin(app: Rc<App>) -> Session {
    let stopped = Rc::new(Cell::new(false));
    let seen = Rc::clone(&stopped);
    spawn_local(async move {
        let stage = app.ui.stage.class_list();
        // A mirror is a matter of taste; nothing depends on it.
        let _ = stage.toggle_with_force("mirrored", app.ui.source() == SourceKind::Camera);
        let outcome = run(&app, &seen).await;
        if seen.get() {
            return;
        }
        match outcome {
            Ok(text) => app.end(&text),
            Err(error) => app.end(&error.to_string()),
        }
    });
    Session { stopped }
}

async fn run(app: &Rc<App>, stopped: &Cell<bool>) -> Result<String, PageError> {
    let assets = app
        .assets
        .borrow()
        .clone()
        .ok_or(PageError::Missing("sample"))?;
    match app.ui.source() {
        SourceKind::Sample => run_clip(app, &assets.sample, stopped).await,
        SourceKind::File => {
            let file = app.ui.file.files().and_then(|files| files.get(0));
            let file = file.ok_or_else(|| PageError::Input("Choose a file first.".to_owned()))?;
            run_clip(app, &file, stopped).await
        }
        SourceKind::Camera => run_camera(app, &assets.worklet_url, stopped).await,
    }
}

async fn run_clip(app: &Rc<App>, file: &Blob, stopped: &Cell<bool>) -> Result<String, PageError> {
    app.ui.say("Opening the file …");
    let clip = Clip::open(&app.ui.preview, file).await?;
    let notes = clip.notes().join("; ");
    if app.ui.steps() {
        step(app, &clip, stopped).await?;
    } else {
        app.ui.preview.set_muted(false);
        clip.play().await?;
        let mut feed = Feed::new(app)?;
        while !stopped.get() {
            let end_ms = clip.position_ms();
            feed.tick(app, end_ms)?;
            if clip.ended() {
                break;
            }
            if app.engine_is_free() && end_ms >= MIN_SOUND_MS {
                feed.send(app, end_ms, clip.sound_before(end_ms))?;
            }
            sleep(POLL_MS).await?;
        }
        // The end is judged in any case, so that a short clip is judged whole.
        while !app.engine_is_free() && !stopped.get() {
            sleep(POLL_MS).await?;
        }
        if !stopped.get() {
            let end_ms = clip.position_ms();
            let done = feed.send(app, end_ms, clip.sound_before(end_ms))?;
            if let Some(done) = done {
                // An engine that is started anew drops the sender; the session is then over as well.
                let _ = done.await;
            }
        }
    }
    let end = "Done: the result of the last window is shown.";
    Ok(if notes.is_empty() {
        end.to_owned()
    } else {
        format!("{end} Note: {notes}.")
    })
}

/// Judges a file window by window: the pictures at fixed times, found by seeking, and exactly their sound.
async fn step(app: &Rc<App>, clip: &Clip, stopped: &Cell<bool>) -> Result<(), PageError> {
    let grabber = FrameGrabber::new(app.query.max_side)?;
    let duration_ms = clip.duration_ms();
    for start_ms in step_starts(duration_ms) {
        let end_ms = (start_ms + WINDOW_MS).min(duration_ms);
        let mut pictures = Vec::new();
        let mut t_ms = start_ms;
        while t_ms < end_ms && !stopped.get() {
            clip.seek(t_ms).await?;
            if let Some(picture) = grabber.grab(&app.ui.preview, t_ms)? {
                pictures.push(Rc::new(picture));
            }
            t_ms += FRAME_STEP_MS;
        }
        if stopped.get() {
            break;
        }
        let input = WindowInput {
            start_ms,
            text: app.ui.words.value(),
            pictures,
            samples: clip.sound_between(start_ms, end_ms),
        };
        if input.is_empty() {
            continue;
        }
        if app.send(input)?.await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn run_camera(
    app: &Rc<App>,
    worklet_url: &str,
    stopped: &Cell<bool>,
) -> Result<String, PageError> {
    app.ui.say("Waiting for camera and microphone …");
    let camera = Camera::open(&app.ui.preview).await?;
    let microphone = Microphone::open(&camera.stream, worklet_url).await?;
    let mut feed = Feed::new(app)?;
    let start_ms = now_ms();
    while !stopped.get() {
        let end_ms = now_ms();
        feed.tick(app, end_ms)?;
        // The first window waits for three full seconds, so that every window is of the same length.
        if app.engine_is_free() && end_ms - start_ms >= WINDOW_MS {
            let samples = match &microphone {
                Some(microphone) => Some(microphone.last().await?),
                None => None,
            };
            feed.send(app, end_ms, samples)?;
        }
        sleep(POLL_MS).await?;
    }
    Ok("Stopped.".to_owned())
}

/// The camera, shown in the preview until it is dropped.
struct Camera {
    stream: MediaStream,
    video: HtmlVideoElement,
}

impl Camera {
    async fn open(video: &HtmlVideoElement) -> Result<Self, PageError> {
        let camera = Self {
            stream: open_camera().await?,
            video: video.clone(),
        };
        video.set_muted(true);
        video
            .remove_attribute("src")
            .map_err(PageError::browser("the preview failed"))?;
        video.set_src_object(Some(&camera.stream));
        let what = "the camera's picture does not play";
        let playing = video.play().map_err(PageError::browser(what))?;
        crate::browser::wait_for(playing, what).await?;
        Ok(camera)
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        for track in self.stream.get_tracks() {
            track.unchecked_into::<MediaStreamTrack>().stop();
        }
        self.video.set_src_object(None);
    }
}

/// The frames of the last window's length.
struct Feed {
    grabber: FrameGrabber,
    pictures: VecDeque<Rc<Picture>>,
    next_ms: f64,
}

impl Feed {
    fn new(app: &App) -> Result<Self, PageError> {
        Ok(Self {
            grabber: FrameGrabber::new(app.query.max_side)?,
            pictures: VecDeque::new(),
            next_ms: f64::NEG_INFINITY,
        })
    }

    /// Takes a frame when it is time for one.
    fn tick(&mut self, app: &App, t_ms: f64) -> Result<(), PageError> {
        if t_ms >= self.next_ms
            && let Some(picture) = self.grabber.grab(&app.ui.preview, t_ms)?
        {
            self.pictures.push_back(Rc::new(picture));
            self.next_ms = t_ms + FRAME_STEP_MS;
        }
        while self
            .pictures
            .front()
            .is_some_and(|picture| picture.t_ms < t_ms - WINDOW_MS)
        {
            self.pictures.pop_front();
        }
        Ok(())
    }

    /// Sends what there is of the window that ends at `end_ms`; `None` where there is nothing.
    fn send(
        &self,
        app: &App,
        end_ms: f64,
        samples: Option<Float32Array>,
    ) -> Result<Option<futures_channel::oneshot::Receiver<()>>, PageError> {
        let pictures: Vec<_> = self.pictures.iter().cloned().collect();
        let first_ms = pictures.first().map_or(end_ms, |picture| picture.t_ms);
        let input = WindowInput {
            start_ms: first_ms.min((end_ms - WINDOW_MS).max(0.0)),
            text: app.ui.words.value(),
            pictures,
            samples,
        };
        if input.is_empty() {
            return Ok(None);
        }
        app.send(input).map(Some)
    }
}
