//! The two-phase models as a trainer and a reader of their logits meet them: they learn, their gradients are those of their
//! losses, padding and company change nothing, weights go out and come back, mistakes are named.

#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed expectation is a failed test

#[path = "two_phase/emotions.rs"]
mod emotions;
#[path = "two_phase/inputs.rs"]
mod inputs;
#[path = "two_phase/learning.rs"]
mod learning;
#[path = "two_phase/mult_by_hand.rs"]
mod mult_by_hand;
#[path = "two_phase/padding.rs"]
mod padding;
#[path = "two_phase/small.rs"]
mod small;
