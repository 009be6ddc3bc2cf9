//! What the tests that cross rooms share: golden vectors and how to compare with them.

#![forbid(unsafe_code)]

pub mod golden;
pub mod gradients;
