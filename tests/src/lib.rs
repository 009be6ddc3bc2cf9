//! What the tests that cross rooms share: golden vectors and how to compare with them.

#![forbid(unsafe_code)]
// Everything here runs inside tests: what is not as expected ends the test.
#![allow(clippy::expect_used, clippy::missing_panics_doc)]

#[cfg(not(target_arch = "wasm32"))]
pub mod corpora;
pub mod golden;
#[cfg(not(target_arch = "wasm32"))]
pub mod gradients;
pub mod small;
