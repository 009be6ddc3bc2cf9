//! The words: typed, or heard on this device; where they come from is always to be seen.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, HtmlElement, HtmlInputElement, HtmlTextAreaElement};

use crate::browser::{by_id, on};
use crate::capture::speech::{self, Availability};
use crate::english;
use crate::error::PageError;

/// Where the words in the field come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Origin {
    #[default]
    Typed,
    Heard,
}

/// The field of words and the switch beside it.
#[derive(Clone)]
pub(crate) struct Words {
    field: HtmlTextAreaElement,
    listen: HtmlInputElement,
    origin: Element,
    note: HtmlElement,
    from: Rc<Cell<Origin>>,
}

impl Words {
    /// Finds them, and asks the browser what it can hear by itself.
    pub(crate) fn find() -> Result<Self, PageError> {
        let words = Self {
            field: by_id("words")?,
            listen: by_id("listen")?,
            origin: by_id("words-origin")?,
            note: by_id("listen-note")?,
            from: Rc::default(),
        };
        let typed = words.clone();
        on(&words.field, "input", move |_| {
            typed.from.set(Origin::Typed);
            typed.show_origin();
        })?;
        let asked = words.clone();
        on(&words.listen, "change", move |_| asked.prepare())?;
        let offered = words.clone();
        spawn_local(async move { offered.offer(speech::availability().await) });
        words.show_origin();
        Ok(words)
    }

    /// The field, for those who want to hear of a change.
    pub(crate) fn field(&self) -> &HtmlTextAreaElement {
        &self.field
    }

    /// What is to be judged.
    pub(crate) fn value(&self) -> String {
        self.field.value()
    }

    /// Sets them as the address asks.
    pub(crate) fn set(&self, words: &str) {
        self.field.set_value(words);
        self.from.set(Origin::Typed);
        self.show_origin();
    }

    /// Whether words are to be heard.
    pub(crate) fn listens(&self) -> bool {
        self.listen.checked() && !self.listen.disabled()
    }

    /// Lets words be typed, or holds the field while they are heard.
    pub(crate) fn hold(&self, held: bool) {
        self.field.set_read_only(held);
    }

    /// Shows what was heard.
    pub(crate) fn hear(&self, words: &str) {
        if self.field.value() != words {
            self.field.set_value(words);
        }
        self.from.set(Origin::Heard);
        self.show_origin();
    }

    /// Stops listening and says why.
    pub(crate) fn stop_listening(&self, why: &str) {
        self.hold(false);
        self.listen.set_checked(false);
        self.say(&english::words::stopped(why));
    }

    fn offer(&self, availability: Availability) {
        self.listen.set_disabled(availability == Availability::Off);
        self.say(match availability {
            Availability::Ready => english::words::READY,
            Availability::Downloadable => english::words::DOWNLOADABLE,
            Availability::Off => english::words::OFF,
        });
    }

    /// Brings the language, if it must be brought.
    fn prepare(&self) {
        if !self.listen.checked() {
            return;
        }
        let words = self.clone();
        spawn_local(async move {
            if speech::availability().await != Availability::Downloadable {
                return;
            }
            words.listen.set_disabled(true);
            words.say(english::words::BRINGING);
            let there = speech::install().await;
            words.listen.set_checked(there);
            words.offer(if there {
                Availability::Ready
            } else {
                Availability::Downloadable
            });
        });
    }

    fn show_origin(&self) {
        let empty = self.field.value().trim().is_empty();
        let text = match self.from.get() {
            _ if empty => english::words::FROM_NOWHERE,
            Origin::Typed => english::words::TYPED,
            Origin::Heard => english::words::HEARD,
        };
        if self.origin.text_content().as_deref() != Some(text) {
            self.origin.set_text_content(Some(text));
        }
    }

    fn say(&self, text: &str) {
        self.note.set_text_content(Some(text));
    }
}
