//! Measures the models inside a browser, on the processor or on WebGPU, as `mesm bench` does natively.

use std::cell::RefCell;
use std::rc::Rc;

use burn::tensor::Device;
use js_sys::{Function, Reflect};
use mesm::{Batch, Model, ModelKind};
use mesm_bench::{Measurement, Roofline, Size, StageTime, Work};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsError, JsValue};

/// What is to be measured.
#[derive(Debug, Deserialize)]
struct Request {
    /// Whether on the graphics adapter.
    webgpu: bool,
    size: Size,
    work: Work,
    /// MESM once for each.
    top_p: Vec<f32>,
    rounds: usize,
    /// Side of the matrices whose product is the peak.
    side: usize,
}

/// What was measured: FE2E first, then MESM at each p.
#[derive(Debug, Serialize)]
struct Answer {
    models: Vec<Measurement>,
    /// On the processor only: a graphics device cannot be waited for within a stage.
    stages: Vec<Vec<StageTime>>,
    roofline: Roofline,
}

/// Measures as the JSON object `request` says and gives a JSON object.
///
/// # Errors
/// When the request does not read, there is no such device, or it fails.
#[wasm_bindgen]
pub async fn bench(request: String) -> Result<String, JsError> {
    console_error_panic_hook::set_once();
    let request: Request = serde_json::from_str(&request)?;
    let device = if request.webgpu {
        open_webgpu().await?
    } else {
        Device::flex()
    };
    let batch = request.work.batch(request.size, &device);
    let mut models = vec![mesm_bench::model(
        request.size,
        ModelKind::Fe2e,
        0.5,
        &device,
    )?];
    for p in request.top_p {
        models.push(mesm_bench::model(
            request.size,
            ModelKind::Mesm,
            p,
            &device,
        )?);
    }
    let all: Vec<_> = models.iter().collect();
    let measured = mesm_bench::compare(&all, &batch, request.rounds, seconds).await?;
    let mut stages = Vec::new();
    if !request.webgpu {
        for model in &models {
            stages.push(mesm_bench::stages(model, &batch, request.rounds, &device, seconds).await?);
        }
    }
    let answer = Answer {
        models: measured,
        stages,
        roofline: mesm_bench::roofline(&device, request.side, 3, seconds).await?,
    };
    Ok(serde_json::to_string(&answer)?)
}

thread_local! {
    static PREPARED: RefCell<Option<Rc<(Model, Batch)>>> = const { RefCell::new(None) };
}

/// Makes MESM at the first p of `request` and its inputs, for [`call`].
///
/// # Errors
/// As [`bench()`].
#[wasm_bindgen]
pub async fn prepare(request: String) -> Result<(), JsError> {
    console_error_panic_hook::set_once();
    let request: Request = serde_json::from_str(&request)?;
    let device = if request.webgpu {
        open_webgpu().await?
    } else {
        Device::flex()
    };
    let p = request.top_p.first().copied().unwrap_or(0.5);
    let model = mesm_bench::model(request.size, ModelKind::Mesm, p, &device)?;
    let batch = request.work.batch(request.size, &device);
    PREPARED.set(Some(Rc::new((model, batch))));
    Ok(())
}

/// One inference of what [`prepare`] made.
///
/// # Errors
/// When nothing was prepared, or the device fails.
#[wasm_bindgen]
pub async fn call() -> Result<(), JsError> {
    let prepared = PREPARED.with_borrow(Clone::clone);
    let prepared = prepared.ok_or_else(|| JsError::new("nothing was prepared"))?;
    let (model, batch) = &*prepared;
    let output = model.forward_async(batch).await?;
    let read = output.logits.into_data_async().await;
    read.map(drop)
        .map_err(|error| JsError::new(&format!("{error:?}")))
}

#[cfg(target_arch = "wasm32")]
async fn open_webgpu() -> Result<Device, JsError> {
    // Once a page.
    thread_local! {
        static OPEN: RefCell<Option<Device>> = const { RefCell::new(None) };
    }
    if let Some(device) = OPEN.with_borrow(Clone::clone) {
        return Ok(device);
    }
    // As the page's engine opens it.
    mesm_gpu::construct();
    let opening = Device::wgpu_options().tasks_max(32).init_async();
    let device = opening
        .await
        .map_err(|error| JsError::new(&error.to_string()))?;
    OPEN.set(Some(device.clone()));
    Ok(device)
}

#[cfg(not(target_arch = "wasm32"))]
#[allow(clippy::unused_async, reason = "the same signature as in the browser")]
async fn open_webgpu() -> Result<Device, JsError> {
    Err(JsError::new("this is no browser"))
}

/// `performance.now()` of a page, a worker or Node.
fn seconds() -> f64 {
    let global = js_sys::global();
    let property = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).ok();
    property(&global, "performance")
        .and_then(|performance| {
            let now = property(&performance, "now")?.dyn_into::<Function>().ok()?;
            now.call0(&performance).ok()?.as_f64()
        })
        .map_or(f64::NAN, |ms| ms / 1000.0)
}
