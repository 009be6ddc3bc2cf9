//! Nothing is waited for without end: a panic inside an asynchronous call of the browser, or a lost device, leaves a
//! promise open for ever.

use std::pin::pin;

use futures_util::future::{Either, select};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use crate::error::EngineError;
use crate::host;

/// What a future gives, if it does so in time.
pub(crate) async fn within<T>(
    limit_ms: f64,
    what: &'static str,
    future: impl Future<Output = T>,
) -> Result<T, EngineError> {
    let mut timer = JsValue::NULL;
    let alarm = Promise::new(&mut |resolve, _| timer = host::set_timeout(&resolve, limit_ms));
    let (future, alarm) = (pin!(future), pin!(JsFuture::from(alarm)));
    let outcome = select(future, alarm).await;
    host::clear_timeout(&timer);
    match outcome {
        Either::Left((value, _)) => Ok(value),
        Either::Right(_) => Err(EngineError::Late {
            what,
            limit_s: limit_ms / 1000.0,
        }),
    }
}

/// Waits for a future, and calls `tell` every `step_ms` until it is there.
pub(crate) async fn meanwhile<T>(
    step_ms: f64,
    tell: impl Fn(),
    future: impl Future<Output = T>,
) -> T {
    let mut future = pin!(future);
    loop {
        match select(future, pin!(timer(step_ms))).await {
            Either::Left((value, _)) => return value,
            Either::Right((_, unfinished)) => future = unfinished,
        }
        tell();
    }
}

/// Lets messages in that wait at the worker's door.
pub(crate) async fn let_messages_in() {
    // A timer's promise is never rejected.
    let _ = timer(0.0).await;
}

/// Is there after so long.
fn timer(ms: f64) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, _| {
        host::set_timeout(&resolve, ms);
    }))
}
