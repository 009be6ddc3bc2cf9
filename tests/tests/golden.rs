//! The models against recorded outputs of the authors' code: G0 to G5, the gradients of G5b, the
//! sequence encoder of G9 and the costs of G11. All on the CPU.

#[path = "golden/attention.rs"]
mod attention;
#[path = "golden/cost.rs"]
mod cost;
#[path = "golden/formula.rs"]
mod formula;
#[path = "golden/gradients.rs"]
mod gradients;
#[path = "golden/models.rs"]
mod models;
#[path = "golden/nucleus.rs"]
mod nucleus;
#[path = "golden/sequence.rs"]
mod sequence;
#[path = "golden/sparse_conv.rs"]
mod sparse_conv;
