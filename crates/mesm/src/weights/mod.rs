//! Weights in and out of *bytes*: never files, never a device before every check has passed.
//!
//! The names and shapes on the outside are those of the PyTorch state dict of the authors' code
//! (or of Hugging Face, or of facenet-pytorch), so that one file serves PyTorch, the native
//! program and the browser. Inside, modules carry readable Rust names; `keys` is the one place
//! that knows how the two relate.

#[cfg(feature = "checkpoint")]
mod checkpoint;
mod export;
mod formula;
mod keys;
mod load;
mod quantised;
mod safetensors_source;
mod source;

/// Entry of a weights file's header with the model's settings, [`ModelConfig`](crate::ModelConfig) as JSON.
pub const CONFIG: &str = "config";
/// Entry of a weights file's header with the spectrogram's settings as JSON; absent where they are the default.
pub const MEL: &str = "mel";

#[cfg(feature = "checkpoint")]
pub use checkpoint::Checkpoint;
pub use export::{FloatFormat, export_safetensors, read_params, read_params_async};
pub use formula::Formula;
pub use load::{load_params, param_specs};
pub use safetensors_source::{Limits, SafetensorsSource};
pub use source::{NamedTensors, ParamSource, ParamSpec, WeightsError};
