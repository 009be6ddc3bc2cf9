//! The site kept in the browser by its service worker, before anything large is asked for.

use js_sys::Reflect;
use wasm_bindgen::JsCast;
use web_sys::{MessageEvent, ServiceWorker, ServiceWorkerContainer, ServiceWorkerRegistration};

use crate::browser::{event_within, wait_for, window};
use crate::english;
use crate::error::PageError;

/// Beside the page, under whatever path it is served.
const SCRIPT: &str = "service-worker.js";
/// A worker that takes longer is not waited for: the page works without it.
const LIMIT_MS: i32 = 8000;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// What is asked for from now on is kept.
    Yes,
    /// This browser, or this address, keeps nothing.
    No,
    /// A new deployment has taken over: the page must be opened anew.
    Replaced,
}

/// Lets the browser keep the site, and lets a deployment that waits take over where this is its only page.
pub(crate) async fn keep() -> Result<Kept, PageError> {
    let Some(container) = container()? else {
        return Ok(Kept::No);
    };
    let what = english::failed::KEEPING_PAGE;
    let registered = wait_for(container.register(SCRIPT), what).await;
    let Ok(registration) = registered.map(JsCast::unchecked_into::<ServiceWorkerRegistration>)
    else {
        return Ok(Kept::No);
    };
    if container.controller().is_none() {
        if registration.active().is_some() && registration.installing().is_none() {
            // Somebody asked for the page past everything that is kept.
            return Ok(Kept::No);
        }
        let controlled = event_within(&container, "controllerchange", LIMIT_MS).await?;
        return Ok(if controlled.is_some() {
            Kept::Yes
        } else {
            Kept::No
        });
    }
    if let Some(waiting) = registration.waiting()
        && take_over(&container, &waiting).await?
    {
        return Ok(Kept::Replaced);
    }
    Ok(Kept::Yes)
}

/// Asks a deployment that waits to take over. True where it has: this page is then the only one, and opened anew it comes
/// from the new files.
async fn take_over(
    container: &ServiceWorkerContainer,
    waiting: &ServiceWorker,
) -> Result<bool, PageError> {
    // Messages come from the first setting on.
    container.set_onmessage(None);
    let answer = event_within(container, "message", LIMIT_MS);
    waiting
        .post_message(&"take-over".into())
        .map_err(PageError::browser(english::failed::KEEPING_PAGE))?;
    let answer = answer.await?.and_then(|came| came.dyn_into().ok());
    Ok(answer.is_some_and(|came: MessageEvent| came.data() == "reload"))
}

/// Asks the browser not to throw the kept files away when it runs out of room.
pub(crate) async fn hold_on() {
    let asked = async {
        let storage = window().ok()?.navigator().storage();
        let asked = storage.persist().ok()?;
        wait_for(asked, english::failed::HOLDING_ON).await.ok()
    };
    // It is the browser's to decide, and nothing depends on it.
    let _ = asked.await;
}

/// None where the page is not served safely, or the browser has none.
fn container() -> Result<Option<ServiceWorkerContainer>, PageError> {
    let navigator = window()?.navigator();
    let found = Reflect::get(&navigator, &"serviceWorker".into()).ok();
    Ok(found.and_then(|found| found.dyn_into().ok()))
}
