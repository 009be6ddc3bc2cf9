//! The sparse convolutional network of a MESM branch: low-level layers, then three times
//! attention, selection, and a block that convolves only what was selected.
//!
//! Two paths compute the same numbers from the same parameters. [`masked`] keeps dense maps and
//! multiplies by masks: it saves nothing, reads nothing back, and is the oracle. [`gathered`]
//! lists the active sites on the host and multiplies only their neighbourhoods; on graphics devices
//! that the kernels are for, the device lists them.

pub mod conv;
pub mod dither;
pub mod gathered;
mod gathered_layer;
pub mod masked;
mod masked_layer;
mod network;
mod ragged;
mod resident;
mod selection;
pub mod sites;

pub use conv::{SparseBlock, SubmanifoldConv};
pub use network::SparseCnn;
pub use selection::{AttentionLayer, Selection, SparseOptions};
pub use sites::Sites;
