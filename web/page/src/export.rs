//! What the last result was computed from, for whoever wants to check it: `window.mesmLast` holds the result and
//! `await window.mesmExport()` the window as files that `mesm infer FOLDER` reads.

use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use js_sys::{JSON, Object, Promise, Reflect};
use mesm_protocol::{Outcome, SAMPLE_RATE_HZ};
use serde_json::json;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::future_to_promise;
use web_sys::Element;

use crate::browser::{by_id, window};
use crate::capture::{Picture, WindowInput};
use crate::english;
use crate::error::PageError;

/// Puts the result where scripts and tests find it.
pub(crate) fn publish(outcome: &Outcome) -> Result<(), PageError> {
    let json =
        serde_json::to_string(outcome).map_err(|error| PageError::Input(error.to_string()))?;
    by_id::<Element>("last-result")?.set_text_content(Some(&json));
    let failed = PageError::browser(english::failed::PUBLISHING);
    let value = JSON::parse(&json).map_err(&failed)?;
    Reflect::set(&window()?.into(), &"mesmLast".into(), &value).map_err(&failed)?;
    Ok(())
}

/// Makes `window.mesmExport` answer with what `last` gives.
pub(crate) fn offer(last: impl Fn() -> Option<WindowInput> + 'static) -> Result<(), PageError> {
    let export = Closure::<dyn Fn() -> Promise>::new(move || {
        let input = last();
        future_to_promise(async move {
            let input = input.ok_or_else(|| JsValue::from_str(english::failed::NO_WINDOW))?;
            files(&input)
                .map(JsValue::from)
                .map_err(|error| JsValue::from_str(&error.to_string()))
        })
    });
    Reflect::set(
        &window()?.into(),
        &"mesmExport".into(),
        export.as_ref().unchecked_ref(),
    )
    .map_err(PageError::browser(english::failed::OFFERING_EXPORT))?;
    export.forget();
    Ok(())
}

/// File names and their contents in base64.
fn files(input: &WindowInput) -> Result<Object, PageError> {
    let files = Object::new();
    let put = |name: &str, bytes: &[u8]| {
        Reflect::set(&files, &name.into(), &STANDARD.encode(bytes).into())
            .map(drop)
            .map_err(PageError::browser(english::failed::EXPORTING_WINDOW))
    };
    let mut frames = Vec::new();
    for (index, picture) in input.pictures.iter().enumerate() {
        let name = format!("frame_{index:03}.png");
        put(&name, &png(picture)?)?;
        let t_s = (picture.t_ms - input.start_ms).max(0.0) / 1000.0;
        frames.push(json!({ "file": name, "t_s": t_s }));
    }
    if let Some(samples) = input.samples.as_ref().filter(|s| s.length() > 0) {
        put("audio.wav", &wav(&samples.to_vec())?)?;
    }
    let mut manifest = json!({ "frames": frames, "sample_rate_hz": SAMPLE_RATE_HZ });
    if !input.text.is_empty() {
        manifest["text"] = input.text.clone().into();
    }
    put("window.json", manifest.to_string().as_bytes())?;
    Ok(files)
}

/// The browser's own lossless encoder; all pixels are opaque, so nothing is lost.
fn png(picture: &Picture) -> Result<Vec<u8>, PageError> {
    let failed = PageError::browser(english::failed::EXPORTING_PICTURE);
    let canvas = picture.canvas()?;
    let url = canvas.to_data_url_with_type("image/png").map_err(&failed)?;
    let encoded = url.rsplit(',').next().unwrap_or_default();
    STANDARD
        .decode(encoded)
        .map_err(|error| PageError::Input(error.to_string()))
}

fn wav(samples: &[f32]) -> Result<Vec<u8>, PageError> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE_HZ,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let failed = |error: hound::Error| PageError::Input(error.to_string());
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).map_err(failed)?;
    for sample in samples {
        writer.write_sample(*sample).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    Ok(bytes.into_inner())
}
