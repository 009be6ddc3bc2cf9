//! The browser's functions that the worker calls, declared by hand: web-sys would have to be compiled with more
//! features, and Burn with it a second time.

use js_sys::{Array, Function};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

/// Bytes of the program's memory; it never shrinks.
pub(crate) fn memory_bytes() -> u64 {
    let memory = wasm_bindgen::memory();
    let buffer = memory
        .dyn_ref::<js_sys::WebAssembly::Memory>()
        .map(|memory| memory.buffer().unchecked_into::<js_sys::ArrayBuffer>());
    buffer.map_or(0, |buffer| u64::from(buffer.byte_length()))
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = self, js_name = postMessage, catch)]
    pub(crate) fn post_message(message: &JsValue, transfer: &Array) -> Result<(), JsValue>;

    #[wasm_bindgen(js_namespace = self, js_name = addEventListener)]
    pub(crate) fn add_event_listener(event: &str, listener: &Function);

    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(act: &Function, ms: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timer: &JsValue);

    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn now_ms() -> f64;

    #[wasm_bindgen(js_namespace = console, js_name = error)]
    pub(crate) fn console_error(text: &str);

    pub(crate) type MessageEvent;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &MessageEvent) -> JsValue;

    #[wasm_bindgen(js_name = fetch, catch)]
    pub(crate) async fn fetch(url: &str, options: &JsValue) -> Result<JsValue, JsValue>;

    pub(crate) type Response;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn ok(this: &Response) -> bool;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn status(this: &Response) -> u16;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Response) -> Option<ReadableStream>;

    pub(crate) type ReadableStream;
    #[wasm_bindgen(method, js_name = getReader)]
    pub(crate) fn get_reader(this: &ReadableStream) -> Reader;

    pub(crate) type Reader;
    #[wasm_bindgen(method, catch)]
    pub(crate) async fn read(this: &Reader) -> Result<JsValue, JsValue>;

    pub(crate) type Chunk;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn value(this: &Chunk) -> js_sys::Uint8Array;

    pub(crate) type Gpu;
    #[wasm_bindgen(method, js_name = requestAdapter, catch)]
    pub(crate) async fn request_adapter(this: &Gpu, options: &JsValue) -> Result<JsValue, JsValue>;
}

/// A property of the worker's global object; `None` where there is none.
pub(crate) fn global(name: &str) -> Option<JsValue> {
    property(&js_sys::global(), name)
}

/// A property of an object; `None` where there is none.
pub(crate) fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    let value = js_sys::Reflect::get(object, &JsValue::from_str(name)).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}

/// A property that is a text.
pub(crate) fn text(object: &JsValue, name: &str) -> String {
    property(object, name)
        .and_then(|value| value.as_string())
        .unwrap_or_default()
}

/// Kernels that were given to the graphics card's compiler so far. The worker's script counts them.
pub(crate) fn kernels() -> u32 {
    global("mesmKernels")
        .and_then(|count| count.as_f64())
        .map_or(0, |count| count as u32)
}

/// What the browser said about the GPU behind the engine's back, since the last call. The worker's script collects it:
/// a shader that the browser refuses is skipped, and the numbers are silently wrong.
pub(crate) fn take_gpu_errors() -> Vec<String> {
    let Some(list) = global("mesmGpuErrors").and_then(|list| list.dyn_into::<Array>().ok()) else {
        return Vec::new();
    };
    let errors = list.iter().filter_map(|error| error.as_string()).collect();
    list.set_length(0);
    errors
}
