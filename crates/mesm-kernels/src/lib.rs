//! What Burn's own operations do not give: convolutions that multiply only what was selected, with everything that
//! follows a convolution at inference folded into it.
//!
//! Each function of [`flex`] takes tensors and answers `None` where it has no kernel for them: another device than the
//! processor, a device that records gradients, another type than `f32`. The caller then composes Burn's operations, which
//! are the oracle that the kernels are tested against. `recording` (feature `autodiff`) is for devices that record
//! gradients; graphics devices have a crate of their own, `mesm-gpu`. [`cpu`] is the same as `flex` on plain slices,
//! [`parallel`] shares work between threads.

#![deny(unsafe_code)]

pub mod cpu;
pub mod flex;
pub mod parallel;
mod params;
#[cfg_attr(not(feature = "autodiff"), path = "not_recording.rs")]
pub mod recording;

pub use params::{
    AdditiveParams, BatchNormParams, ChannelScale, Chosen, EncoderLayerParams, EncoderParams,
    Judged, LayerNormParams, LinearParams,
};
