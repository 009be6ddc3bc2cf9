//! A chosen part of the golden vectors (G1 to G5, G7) inside the browser, in a Web Worker like the
//! page's, on the processor and on WebGPU.
//!
//! WebGPU must be there: without an adapter these tests fail and say so.

#![cfg(target_arch = "wasm32")]
#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

#[path = "golden/attention.rs"]
mod attention;
#[path = "golden/devices.rs"]
mod devices;
#[path = "golden/faces.rs"]
mod faces;
#[path = "golden/loud.rs"]
mod loud;
#[path = "golden/mel.rs"]
mod mel;
#[path = "golden/models.rs"]
mod models;
#[path = "golden/nucleus.rs"]
mod nucleus;
#[path = "golden/resident.rs"]
mod resident;
#[path = "golden/sequences.rs"]
mod sequences;
#[path = "golden/sparse_conv.rs"]
mod sparse_conv;
#[path = "golden/text.rs"]
mod text;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_dedicated_worker);
