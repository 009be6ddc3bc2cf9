//! What Burn's own operations do not give: convolutions that multiply only what was selected, with everything that
//! follows a convolution at inference folded into it.
//!
//! Each function of [`flex`] takes tensors and answers `None` where it has no kernel for them: another device than the
//! processor, a device that records gradients, another type than `f32`. The caller then composes Burn's operations, which
//! are the oracle that the kernels are tested against. [`cpu`] is the same on plain slices.

#![forbid(unsafe_code)]

pub mod cpu;
pub mod flex;
