//! The few browser calls that need more than one line from Rust: elements by name, listeners, waiting.

use js_sys::{Array, Promise};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Element, Event, EventTarget, Window};

use crate::english;
use crate::error::PageError;

/// The browser's window.
pub(crate) fn window() -> Result<Window, PageError> {
    web_sys::window().ok_or(PageError::Missing("window"))
}

/// The document.
pub(crate) fn document() -> Result<Document, PageError> {
    window()?.document().ok_or(PageError::Missing("document"))
}

/// The element with this id.
pub(crate) fn by_id<T: JsCast>(id: &'static str) -> Result<T, PageError> {
    document()?
        .get_element_by_id(id)
        .and_then(|element| element.dyn_into().ok())
        .ok_or(PageError::Missing(id))
}

/// A new element with a class.
pub(crate) fn make<T: JsCast>(tag: &'static str, class: &str) -> Result<T, PageError> {
    let element = document()?
        .create_element(tag)
        .map_err(PageError::browser(english::failed::NEW_ELEMENT))?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    element.dyn_into().map_err(|_| PageError::Missing(tag))
}

/// A new element with a class and a text, put at the end of `parent`.
pub(crate) fn add(
    parent: &Element,
    tag: &'static str,
    class: &str,
    text: &str,
) -> Result<Element, PageError> {
    let element: Element = make(tag, class)?;
    if !text.is_empty() {
        element.set_text_content(Some(text));
    }
    append(parent, &element)?;
    Ok(element)
}

/// Puts an element at the end of another.
pub(crate) fn append(parent: &Element, child: &Element) -> Result<(), PageError> {
    parent
        .append_child(child)
        .map(drop)
        .map_err(PageError::browser(english::failed::NEW_ELEMENT))
}

/// Calls `act` on every event of this name, for as long as the page lives.
pub(crate) fn on(
    target: &EventTarget,
    event: &str,
    act: impl FnMut(web_sys::Event) + 'static,
) -> Result<(), PageError> {
    let closure = Closure::<dyn FnMut(web_sys::Event)>::new(act);
    target
        .add_event_listener_with_callback(event, closure.as_ref().unchecked_ref())
        .map_err(PageError::browser(english::failed::LISTENING))?;
    closure.forget();
    Ok(())
}

/// Waits for a promise.
pub(crate) async fn wait_for(promise: Promise, what: &'static str) -> Result<JsValue, PageError> {
    JsFuture::from(promise)
        .await
        .map_err(PageError::browser(what))
}

/// Waits for some time.
pub(crate) async fn sleep(ms: f64) -> Result<(), PageError> {
    wait_for(timer(ms as i32)?, english::failed::TIMER)
        .await
        .map(drop)
}

/// Is kept after so many milliseconds.
fn timer(ms: i32) -> Result<Promise, PageError> {
    let window = window()?;
    Ok(Promise::new(&mut |resolve, _| {
        // Where no timer can be set the promise stays open, as it does when the page is closed.
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
    }))
}

/// Waits for a promise, whatever becomes of it, at most `limit_ms`.
pub(crate) async fn settled_within(promise: &Promise, limit_ms: i32) -> Result<(), PageError> {
    let alarm = timer(limit_ms)?;
    let first = Promise::race(&Array::of2(promise, &alarm));
    // A rejection ends the waiting as well.
    let _ = JsFuture::from(first).await;
    Ok(())
}

/// Waits for one event, at most `limit_ms`. None where it did not come.
pub(crate) async fn event_within(
    target: &EventTarget,
    event: &str,
    limit_ms: i32,
) -> Result<Option<Event>, PageError> {
    let window = window()?;
    let promise = Promise::new(&mut |resolve, _| {
        let options = web_sys::AddEventListenerOptions::new();
        options.set_once(true);
        let _ = target.add_event_listener_with_callback_and_add_event_listener_options(
            event, &resolve, &options,
        );
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, limit_ms);
    });
    let came = wait_for(promise, english::failed::TIMER).await?;
    Ok(came.dyn_into().ok())
}

/// Whether a media query holds; not where it cannot be asked.
pub(crate) fn media_matches(query: &str) -> bool {
    window()
        .ok()
        .and_then(|window| window.match_media(query).ok())
        .flatten()
        .is_some_and(|list| list.matches())
}

/// Milliseconds of a clock that never goes back.
pub(crate) fn now_ms() -> f64 {
    web_sys::window()
        .and_then(|window| window.performance())
        .map_or_else(js_sys::Date::now, |clock| clock.now())
}
