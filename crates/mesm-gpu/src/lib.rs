//! The models' kernels for graphics devices: the browser's, Vulkan's and CUDA's.
//!
//! Each function takes tensors and answers `None` where it has no kernel for them: another device, a device that records
//! gradients, another type than `f32`, or a program without the feature `gpu`. The caller then composes Burn's operations,
//! which are the oracle that the kernels are tested against.
//!
//! A crate of its own, as it writes kernels at run time: a browser's engine has it built for size, and what computes on the
//! processor ([`mesm_kernels`]) for speed.

#![deny(unsafe_code)]

#[cfg_attr(not(feature = "gpu"), path = "absent.rs")]
mod gpu;

pub use gpu::*;
