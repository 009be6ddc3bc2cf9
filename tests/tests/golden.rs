//! Recorded outputs of the reference: models (G0 to G5), gradients (G5b), text encoders (G6), the
//! metrics (G8), the two-phase baselines (G9, G10) and the costs of G11. All on the CPU.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

#[path = "golden/attention.rs"]
mod attention;
#[path = "golden/baselines.rs"]
mod baselines;
#[path = "golden/cost.rs"]
mod cost;
#[path = "golden/formula.rs"]
mod formula;
#[path = "golden/gradients.rs"]
mod gradients;
#[path = "golden/metrics.rs"]
mod metrics;
#[path = "golden/models.rs"]
mod models;
#[path = "golden/nucleus.rs"]
mod nucleus;
#[path = "golden/sequence.rs"]
mod sequence;
#[path = "golden/sparse_conv.rs"]
mod sparse_conv;
#[path = "golden/text.rs"]
mod text;
