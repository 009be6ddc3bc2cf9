//! The page: captures pictures, sound and words, sends windows of them to the engine worker and draws what comes
//! back. It computes nothing itself, so it never blocks.

#![forbid(unsafe_code)]

mod app;
mod browser;
mod capture;
mod engine_link;
mod english;
mod error;
mod export;
mod history;
mod memory;
mod offline;
mod pickers;
mod query;
mod save;
mod session;
mod ui;
mod view;
mod words;

use wasm_bindgen::prelude::wasm_bindgen;

/// Starts the page. Called by the browser when the program is loaded.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
    if let Err(error) = app::App::start() {
        ui::say_failure(&error.to_string());
    }
}
