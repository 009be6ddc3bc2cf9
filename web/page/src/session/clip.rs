//! A file: played, or gone through window by window.

use std::cell::Cell;
use std::rc::Rc;

use futures_channel::oneshot;
use web_sys::Blob;

use super::POLL_MS;
use crate::app::App;
use crate::browser::sleep;
use crate::capture::{
    Clip, FRAME_STEP_MS, Feed, FrameGrabber, WINDOW_MS, WindowInput, step_starts,
};
use crate::english;
use crate::error::PageError;

/// Sound shorter than this makes no mel chunk worth judging.
const MIN_SOUND_MS: f64 = 500.0;

/// Plays a file, or goes through it window by window, until it ends or `stopped`; gives what is to be said then.
pub(super) async fn run(
    app: &Rc<App>,
    file: &Blob,
    stopped: &Cell<bool>,
) -> Result<String, PageError> {
    app.ui.say(english::status::OPENING_FILE);
    let clip = Clip::open(&app.ui.preview, file).await?;
    if app.ui.steps() {
        let stepped = step(app, &clip, stopped).await;
        app.ui.show_progress(None);
        stepped?;
    } else {
        app.ui.preview.set_muted(false);
        clip.play().await?;
        let mut feed = Feed::new(app.query.max_side)?;
        while !stopped.get() {
            let end_ms = clip.position_ms();
            feed.tick(&app.ui.preview, end_ms)?;
            if clip.ended() {
                break;
            }
            if app.engine_is_free() && end_ms >= MIN_SOUND_MS {
                send(app, &feed, &clip, end_ms)?;
            }
            sleep(POLL_MS).await?;
        }
        // The end is judged in any case, so that a short clip is judged whole.
        while !app.engine_is_free() && !stopped.get() {
            sleep(POLL_MS).await?;
        }
        if !stopped.get() {
            let end_ms = clip.position_ms();
            let done = send(app, &feed, &clip, end_ms)?;
            if let Some(done) = done {
                // An engine that is started anew drops the sender; the session is then over as well.
                let _ = done.await;
            }
        }
    }
    Ok(english::status::file_done(clip.notes()))
}

/// Judges a file window by window: the pictures at fixed times, found by seeking, and exactly their sound.
async fn step(app: &Rc<App>, clip: &Clip, stopped: &Cell<bool>) -> Result<(), PageError> {
    let grabber = FrameGrabber::new(app.query.max_side)?;
    let duration_ms = clip.duration_ms();
    for start_ms in step_starts(duration_ms) {
        app.ui.show_progress(Some(start_ms / duration_ms.max(1.0)));
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

/// Sends what there is of the window that ends at `end_ms`; `None` where there is nothing.
fn send(
    app: &App,
    feed: &Feed,
    clip: &Clip,
    end_ms: f64,
) -> Result<Option<oneshot::Receiver<()>>, PageError> {
    let pictures = feed.window(end_ms);
    let first_ms = pictures.first().map_or(end_ms, |picture| picture.t_ms);
    let input = WindowInput {
        start_ms: first_ms.min((end_ms - WINDOW_MS).max(0.0)),
        text: app.ui.words.value(),
        pictures,
        samples: clip.sound_before(end_ms),
    };
    if input.is_empty() {
        return Ok(None);
    }
    app.send(input).map(Some)
}
