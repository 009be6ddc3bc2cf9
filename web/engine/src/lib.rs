//! The engine: owns the device, the models and the features; takes windows of pictures, sound and words and gives
//! back what the model says. It runs in a Web Worker and knows no document.
//!
//! [`brain`] and what it needs run everywhere; `worker` is the part that only makes sense in a browser.

#![forbid(unsafe_code)]

pub mod brain;
mod deadline;
mod device;
mod error;
mod evidence;
mod fetch;
mod host;
mod inbox;
pub mod manifest;
mod outcome;
pub mod self_test;
mod start;
mod worker;

pub use brain::{Brain, Files};
pub use device::{Choice, adapter_of_browser, open_webgpu};
pub use error::EngineError;
pub use worker::run;
