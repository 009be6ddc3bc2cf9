//! Speech to words by the browser, on this device or not at all.
//!
//! Browsers have long offered `SpeechRecognition` by sending the sound to a server. Only those that promise to process
//! it locally (`processLocally`) are used here; the promise is asked for before the microphone is given away.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{EventTarget, MediaStreamTrack};

use super::window::WINDOW_MS;
use crate::browser::{now_ms, window};
use crate::english;
use crate::error::{PageError, reason};

/// The language of the text encoder.
const LANGUAGE: &str = "en-US";
/// Starts without a word in between after which it is given up.
const MOST_STARTS: u32 = 5;

/// Whether words can be heard on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Availability {
    Ready,
    /// After the browser has brought the language, once.
    Downloadable,
    /// Only by a server, or not at all.
    Off,
}

/// What the browser says about local recognition.
pub(crate) async fn availability() -> Availability {
    let state = async {
        let class = class()?;
        let asked: Promise = call(&class, "available", &[options()?])
            .ok()?
            .dyn_into()
            .ok()?;
        JsFuture::from(asked).await.ok()?.as_string()
    };
    match state.await.as_deref() {
        Some("available") => Availability::Ready,
        Some("downloadable" | "downloading") => Availability::Downloadable,
        _ => Availability::Off,
    }
}

/// Lets the browser bring the language. Whether it is there then.
pub(crate) async fn install() -> bool {
    let installed = async {
        let class = class()?;
        let asked: Promise = call(&class, "install", &[options()?])
            .ok()?
            .dyn_into()
            .ok()?;
        JsFuture::from(asked).await.ok()?.as_bool()
    };
    installed.await == Some(true)
}

/// Running recognition.
pub(crate) struct Speech {
    recognition: JsValue,
    heard: Rc<RefCell<Heard>>,
    stopped: Rc<Cell<bool>>,
}

impl Speech {
    /// Listens to the microphone's track.
    pub(crate) fn start(track: &MediaStreamTrack) -> Result<Self, PageError> {
        let failed = PageError::browser(english::failed::HEARING_WORDS);
        let class: Function = class()
            .and_then(|class| class.dyn_into().ok())
            .ok_or(PageError::Missing(english::missing::SPEECH))?;
        let recognition = Reflect::construct(&class, &Array::new()).map_err(&failed)?;
        for (name, value) in [
            ("lang", JsValue::from_str(LANGUAGE)),
            ("continuous", JsValue::TRUE),
            ("interimResults", JsValue::TRUE),
            ("processLocally", JsValue::TRUE),
        ] {
            Reflect::set(&recognition, &name.into(), &value).map_err(&failed)?;
        }
        let local = Reflect::get(&recognition, &"processLocally".into()).map_err(&failed)?;
        if local != JsValue::TRUE {
            return Err(PageError::Missing(english::missing::LOCAL_SPEECH));
        }
        let speech = Self {
            recognition,
            heard: Rc::default(),
            stopped: Rc::default(),
        };
        speech.listen(track)?;
        call(&speech.recognition, "start", &[track.into()]).map_err(&failed)?;
        Ok(speech)
    }

    fn listen(&self, track: &MediaStreamTrack) -> Result<(), PageError> {
        let heard = Rc::clone(&self.heard);
        self.on("result", move |event| {
            heard.borrow_mut().take(&event, now_ms());
        })?;
        let heard = Rc::clone(&self.heard);
        self.on("error", move |event| {
            let error = Reflect::get(&event, &"error".into()).ok();
            let error = error.and_then(|error| error.as_string());
            // Silence is no fault.
            if let Some(error) = error.filter(|error| error != "no-speech" && error != "aborted") {
                heard.borrow_mut().fault = Some(error);
            }
        })?;
        // It ends by itself after a pause.
        let (heard, stopped) = (Rc::clone(&self.heard), Rc::clone(&self.stopped));
        let (recognition, track) = (self.recognition.clone(), track.clone());
        self.on("end", move |_| {
            let mut heard = heard.borrow_mut();
            heard.starts += 1;
            if stopped.get() || heard.fault.is_some() || heard.starts > MOST_STARTS {
                return;
            }
            if let Err(cause) = call(&recognition, "start", &[(&track).into()]) {
                heard.fault = Some(reason(&cause));
            }
        })
    }

    fn on(&self, event: &str, act: impl FnMut(JsValue) + 'static) -> Result<(), PageError> {
        let closure = Closure::<dyn FnMut(JsValue)>::new(act);
        self.recognition
            .unchecked_ref::<EventTarget>()
            .add_event_listener_with_callback(event, closure.as_ref().unchecked_ref())
            .map_err(PageError::browser(english::failed::HEARING_WORDS))?;
        closure.forget();
        Ok(())
    }

    /// What was said in the window that ends now.
    pub(crate) fn words(&self, now_ms: f64) -> String {
        self.heard.borrow_mut().words(now_ms)
    }

    /// Why it ended, if it did.
    pub(crate) fn fault(&self) -> Option<String> {
        self.heard.borrow().fault.clone()
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.stopped.set(true);
        // One that has ended already cannot be ended.
        let _ = call(&self.recognition, "abort", &[]);
    }
}

/// Sentences with the time at which they were last added to.
#[derive(Debug, Default)]
struct Heard {
    finished: VecDeque<(f64, String)>,
    unfinished: Option<(f64, String)>,
    fault: Option<String>,
    starts: u32,
}

impl Heard {
    /// Takes the results that an event brings.
    fn take(&mut self, event: &JsValue, now_ms: f64) {
        let number = |of: &JsValue, name: &str| {
            let value = Reflect::get(of, &name.into()).ok()?.as_f64()?;
            Some(value.clamp(0.0, 1e6) as u32)
        };
        let Ok(results) = Reflect::get(event, &"results".into()) else {
            return;
        };
        let first = number(event, "resultIndex").unwrap_or(0);
        for index in first..number(&results, "length").unwrap_or(0) {
            let said = (|| {
                let result = Reflect::get_u32(&results, index).ok()?;
                let best = Reflect::get_u32(&result, 0).ok()?;
                let words = Reflect::get(&best, &"transcript".into())
                    .ok()?
                    .as_string()?;
                let finished = Reflect::get(&result, &"isFinal".into()).ok()?.is_truthy();
                Some((words, finished))
            })();
            if let Some((words, finished)) = said {
                self.add(words.trim(), finished, now_ms);
            }
        }
    }

    fn add(&mut self, words: &str, finished: bool, now_ms: f64) {
        self.starts = 0;
        let sentence = (now_ms, words.to_owned());
        if finished {
            self.finished.push_back(sentence);
            self.unfinished = None;
        } else {
            self.unfinished = Some(sentence);
        }
    }

    fn words(&mut self, now_ms: f64) -> String {
        // A sentence is told some time after it was said.
        let recent = |(t_ms, _): &(f64, String)| now_ms - t_ms <= WINDOW_MS;
        while self.finished.front().is_some_and(|said| !recent(said)) {
            self.finished.pop_front();
        }
        let unfinished = self.unfinished.iter().filter(|said| recent(said));
        let words: Vec<&str> = self
            .finished
            .iter()
            .chain(unfinished)
            .map(|(_, words)| words.as_str())
            .collect();
        words.join(" ")
    }
}

/// The browser's recognition, where it can promise to stay on the device.
fn class() -> Option<JsValue> {
    let window = window().ok()?;
    let class = Reflect::get(&window, &"SpeechRecognition".into()).ok()?;
    let promises = Reflect::get(&class, &"available".into()).ok()?;
    promises.is_function().then_some(class)
}

fn options() -> Option<JsValue> {
    let options = Object::new();
    let languages = Array::of1(&LANGUAGE.into());
    Reflect::set(&options, &"langs".into(), &languages).ok()?;
    Reflect::set(&options, &"processLocally".into(), &JsValue::TRUE).ok()?;
    Some(options.into())
}

fn call(of: &JsValue, name: &str, arguments: &[JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(of, &name.into())?.dyn_into()?;
    function.apply(of, &arguments.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_last_a_window() {
        let mut heard = Heard::default();
        heard.add("I am", false, 100.0);
        assert_eq!(heard.words(200.0), "I am");
        heard.add("I am so happy", true, 500.0);
        heard.add("to see", false, 900.0);
        assert_eq!(heard.words(1000.0), "I am so happy to see");
        assert_eq!(heard.words(3600.0), "to see");
        assert_eq!(heard.words(9000.0), "");
    }
}
