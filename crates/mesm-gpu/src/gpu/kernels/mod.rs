//! The kernels themselves.

// Written by the macro for each kernel.
#![allow(missing_docs, unsafe_code, clippy::pedantic)]
// An `if` on what is known when a kernel is compiled keeps what is in it out of the kernel.
#![allow(clippy::collapsible_if)]
// Kernels have no such method.
#![allow(clippy::manual_is_multiple_of)]

pub(super) mod choose;
pub(super) mod conv;
pub(super) mod encoder;
pub(super) mod head;
pub(super) mod parts;
pub(super) mod pool;
pub(super) mod score;
pub(super) mod sequence;
mod vectors;
