//! Camera and microphone: whatever of them there is, and the words.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::POLL_MS;
use crate::app::App;
use crate::browser::{document, now_ms, sleep};
use crate::capture::speech::Speech;
use crate::capture::{
    Camera, Cause, Device, Feed, Microphone, Trouble, WINDOW_MS, WindowInput, devices,
};
use crate::english;
use crate::error::PageError;

/// How often what comes in is told.
const FACTS_STEP_MS: f64 = 1000.0;
/// Words that are typed are finished when nothing was typed for so long.
const TYPING_MS: f64 = 700.0;
/// Sound that is later than this does not hold the pictures up.
const MOST_LATE_MS: f64 = 500.0;

/// What is running, and what is not and why.
#[derive(Default)]
struct Sources {
    camera: Option<Camera>,
    microphone: Option<Microphone>,
    speech: Option<Speech>,
    troubles: Vec<Trouble>,
}

/// Judges the newest three seconds, again and again, until `stopped`; gives what is to be said then.
pub(super) async fn run(
    app: &Rc<App>,
    worklet_url: &str,
    stopped: &Cell<bool>,
) -> Result<String, PageError> {
    app.ui.say(english::status::WAITING_FOR_DEVICES);
    let feed = Rc::new(RefCell::new(Feed::new(app.query.max_side)?));
    let mut sources = Sources::open(app, worklet_url, &feed).await?;
    sources.tell(app)?;
    let mut since_ms = now_ms();
    let mut facts_ms = f64::NEG_INFINITY;
    let mut words = Words::default();
    while !stopped.get() {
        let now = now_ms();
        sources.watch(app)?;
        sources.hear(app, now);
        if document()?.hidden() {
            app.ui.say(english::status::PAUSED);
            // Nobody looks: the next window begins when somebody does.
            since_ms = now;
        } else if now - facts_ms >= FACTS_STEP_MS {
            facts_ms = now;
            app.ui.pickers.show_facts(&sources.facts());
        }
        if sources.is_empty() {
            let text = app.ui.words.value();
            if app.engine_is_free() && words.finished(&text, now) {
                drop(app.send(WindowInput::of_words(text, now))?);
            }
        } else if app.engine_is_free() && now - since_ms >= WINDOW_MS {
            // The first window waits for three full seconds, so that every window is of the same length.
            let input = sources.window(app, &feed, now).await?;
            if !input.is_empty() {
                drop(app.send(input)?);
            }
        }
        sleep(POLL_MS).await?;
    }
    Ok(english::status::STOPPED.to_owned())
}

impl Sources {
    async fn open(
        app: &App,
        worklet_url: &str,
        feed: &Rc<RefCell<Feed>>,
    ) -> Result<Self, PageError> {
        let pickers = &app.ui.pickers;
        let [camera, microphone] =
            [Device::Camera, Device::Microphone].map(|device| pickers.wanted(device));
        let opened = devices::open(&camera, &microphone).await;
        let mut sources = Self {
            troubles: opened.troubles,
            ..Self::default()
        };
        if let Some(track) = opened.camera {
            match Camera::open(&app.ui.preview, track, Rc::clone(feed)).await {
                Ok(camera) => {
                    pickers.show_in_use(Device::Camera, camera.track()).await;
                    pickers.show_mirror(!camera.looks_away());
                    sources.camera = Some(camera);
                }
                Err(error) => sources.note(Device::Camera, Cause::Other(error.to_string())),
            }
        }
        if let Some(track) = opened.microphone {
            match Microphone::open(track, worklet_url).await {
                Ok(microphone) => {
                    let track = microphone.track();
                    pickers.show_in_use(Device::Microphone, track).await;
                    if app.ui.words.listens() {
                        match Speech::start(track) {
                            Ok(speech) => {
                                app.ui.words.hold(true);
                                sources.speech = Some(speech);
                            }
                            Err(error) => app.ui.words.stop_listening(&error.to_string()),
                        }
                    }
                    sources.microphone = Some(microphone);
                }
                Err(error) => sources.note(Device::Microphone, Cause::Other(error.to_string())),
            }
        }
        Ok(sources)
    }

    fn note(&mut self, device: Device, cause: Cause) {
        self.troubles.push(Trouble { device, cause });
    }

    fn is_empty(&self) -> bool {
        self.camera.is_none() && self.microphone.is_none()
    }

    /// Lets go of what went away, and says so.
    fn watch(&mut self, app: &App) -> Result<(), PageError> {
        if let Some(camera) = &self.camera {
            camera.poll()?;
        }
        let known = self.troubles.len();
        if self.camera.as_ref().is_some_and(|camera| !camera.is_live()) {
            self.camera = None;
            self.note(Device::Camera, Cause::Unplugged);
        }
        if self.microphone.as_ref().is_some_and(|m| !m.is_live()) {
            self.speech = None;
            self.microphone = None;
            self.note(Device::Microphone, Cause::Unplugged);
        }
        if self.troubles.len() > known {
            self.tell(app)?;
        }
        Ok(())
    }

    /// Writes down what was heard.
    fn hear(&mut self, app: &App, now_ms: f64) {
        let Some(speech) = &self.speech else {
            return;
        };
        if let Some(fault) = speech.fault() {
            app.ui.words.stop_listening(&fault);
            self.speech = None;
        } else {
            app.ui.words.hear(&speech.words(now_ms));
        }
    }

    fn tell(&self, app: &App) -> Result<(), PageError> {
        app.ui.pickers.show_troubles(&self.troubles)?;
        app.ui.pickers.show_facts(&self.facts());
        app.ui.say(match (&self.camera, &self.microphone) {
            (Some(_), Some(_)) => english::status::PICTURE_AND_SOUND,
            (Some(_), None) => english::status::PICTURE_ALONE,
            (None, Some(_)) => english::status::SOUND_ALONE,
            (None, None) => english::status::WORDS_ALONE,
        });
        Ok(())
    }

    fn facts(&self) -> String {
        let camera = self.camera.as_ref().map(Camera::facts);
        let microphone = self.microphone.as_ref().map(Microphone::facts);
        let facts: Vec<String> = camera.into_iter().chain(microphone).collect();
        english::list(&facts)
    }

    /// The newest three seconds, pictures and sound of the same moments.
    async fn window(
        &self,
        app: &App,
        feed: &RefCell<Feed>,
        now_ms: f64,
    ) -> Result<WindowInput, PageError> {
        let mut end_ms = now_ms;
        if let Some(newest_ms) = self.microphone.as_ref().and_then(Microphone::newest_ms) {
            end_ms = newest_ms.clamp(now_ms - MOST_LATE_MS, now_ms);
        }
        let samples = match &self.microphone {
            Some(microphone) => Some(microphone.window(end_ms).await?),
            None => None,
        };
        let pictures = match &self.camera {
            Some(_) => feed.borrow().window(end_ms),
            None => Vec::new(),
        };
        Ok(WindowInput {
            start_ms: end_ms - WINDOW_MS,
            text: app.ui.words.value(),
            pictures,
            samples,
        })
    }
}

/// Words that are being typed.
#[derive(Default)]
struct Words {
    seen: String,
    since_ms: f64,
    sent: String,
}

impl Words {
    /// Whether these words were finished just now and are others than the last ones.
    fn finished(&mut self, text: &str, now_ms: f64) -> bool {
        if text != self.seen {
            text.clone_into(&mut self.seen);
            self.since_ms = now_ms;
        }
        let finished = now_ms - self.since_ms >= TYPING_MS
            && self.seen != self.sent
            && !text.trim().is_empty();
        if finished {
            self.sent.clone_from(&self.seen);
        }
        finished
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_finished_once() {
        let mut words = Words::default();
        assert!(!words.finished("", 5000.0));
        assert!(!words.finished("so", 6000.0));
        assert!(!words.finished("so it", 6600.0));
        assert!(!words.finished("so it", 7000.0));
        assert!(words.finished("so it", 7400.0));
        assert!(!words.finished("so it", 9000.0));
        assert!(!words.finished("so", 9100.0));
        assert!(words.finished("so", 9900.0));
        assert!(!words.finished(" ", 20_000.0));
        assert!(!words.finished(" ", 30_000.0));
    }
}
