//! MESM, the sparse end-to-end model of multimodal emotion recognition (Dai et al., NAACL 2021),
//! and its dense twin FE2E, as Burn modules; and the baselines they are compared with, in [`two_phase`].
//!
//! The crate knows models and nothing else: no files, no threads, no clocks, no browser. The same
//! code trains natively and runs in a Web Worker; which device does the arithmetic is decided by
//! whoever calls it.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use burn::tensor::{Device, Tensor};
//! use mesm::{Batch, ModelConfig};
//! use mesm::weights::{Formula, load_params};
//!
//! # let device = Device::default();
//! let config = ModelConfig::default();
//! let model = load_params(config.init(&device)?, &mut Formula::new("example", ""))?;
//! let output = model.forward(&Batch {
//!     text: Some(Tensor::zeros([1, 768], &device)),
//!     faces: Some(Tensor::zeros([5, 3, 48, 48], &device)),
//!     face_lens: vec![5],
//!     ..Batch::default()
//! })?;
//! println!("{:?}", output.logits.dims());
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod attention;
pub mod calibration;
mod config;
mod cost;
mod dense;
mod judge;
mod linear;
mod model;
mod norm;
pub mod nucleus;
mod output;
pub mod sequence;
pub mod sparse;
mod stage;
mod tanh;
pub mod text;
pub mod two_phase;
pub mod weights;

pub use config::{
    Activation, AttentionMode, ConfigError, Modalities, Modality, ModelConfig, ModelKind,
    PointOrder, SparsePath,
};
pub use cost::Cost;
pub use dense::{DenseCnn, LowLevel, VggBlock};
pub use model::{Batch, Model};
pub use norm::BatchNorm;
pub use output::{AttentionMaps, ForwardError, ModalityOutput, Output, Prediction};
pub use stage::{Probe, Stage};
pub use two_phase::{
    FeatureBatch, Feedback, LatchTrace, Padding, Sequence, TwoPhaseConfig, TwoPhaseKind,
    TwoPhaseModel, TwoPhaseOutput,
};

/// Waits for a future that only waits for a device.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}
