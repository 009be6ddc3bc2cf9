//! Multiply-accumulates of a branch, counted from the real masks of a call.
//!
//! Two ways of counting a sparse convolution are in use. The sparse library counts *pairs* of an
//! active site and an active neighbour; the paper's formula charges every active site for all
//! nine neighbours. Batch normalisation, activations, pools and softmax are not counted, nor are
//! the text encoder and the sequence encoders.

use serde::{Deserialize, Serialize};

use crate::config::ModelKind;
use crate::sparse::Sites;

/// Multiply-accumulates of one branch over all its frames or chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Dense convolutions: the low-level part for MESM, everything for FE2E.
    pub dense_macs: u64,
    /// Linear maps of the attention layers, the query's included.
    pub attention_macs: u64,
    /// Sparse convolutions, counting pairs of active sites.
    pub sparse_macs_pairs: u64,
    /// Sparse convolutions, charging every active site for nine neighbours.
    pub sparse_macs_sites: u64,
    /// The two linear layers after the convolutions.
    pub flatten_macs: u64,
    /// What FE2E's convolutions cost on the same input.
    pub fe2e_macs: u64,
}

impl Cost {
    /// Convolutions and attention, counting pairs of active sites.
    #[must_use]
    pub fn cnn_macs_pairs(&self) -> u64 {
        self.dense_macs + self.attention_macs + self.sparse_macs_pairs
    }

    /// Convolutions and attention, charging every active site for nine neighbours.
    #[must_use]
    pub fn cnn_macs_sites(&self) -> u64 {
        self.dense_macs + self.attention_macs + self.sparse_macs_sites
    }
}

/// Sizes that fix the cost of a branch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BranchSizes {
    pub kind: ModelKind,
    pub channels_in: usize,
    /// Height and width of an input map.
    pub input: (usize, usize),
    pub widths: [usize; 4],
    /// Widths of the two linear layers after the convolutions.
    pub flatten: [usize; 2],
    pub query_dim: usize,
}

impl BranchSizes {
    /// The cost of `frames` maps of `utterances` utterances, with the sites kept by each of the
    /// three attention layers (none for FE2E).
    pub(crate) fn cost(&self, frames: usize, utterances: usize, kept: &[Sites]) -> Cost {
        // In 64 bits from the start: a window's dense cost exceeds 2^32, and wasm32's `usize`.
        let wide = |n: usize| n as u64;
        let points = wide(self.input.0) * wide(self.input.1);
        let [w0, w1, w2, w3] = self.widths.map(wide);
        let flatten_dims = self.flatten.map(wide);
        let (frames, utterances) = (wide(frames), wide(utterances));
        let block = |points: u64, from: u64, to: u64| points * 9 * (from * to + to * to);
        let low_level = points * 25 * wide(self.channels_in) * w0 + 2 * block(points / 4, w0, w0);
        let rest =
            block(points / 4, w0, w1) + block(points / 16, w1, w2) + block(points / 64, w2, w3);
        let flatten = (points / 256) * w3 * flatten_dims[0] + flatten_dims[0] * flatten_dims[1];
        let mut cost = Cost {
            dense_macs: frames * low_level,
            flatten_macs: frames * flatten,
            fe2e_macs: frames * (low_level + rest),
            ..Cost::default()
        };
        if self.kind == ModelKind::Fe2e {
            cost.dense_macs = cost.fe2e_macs;
            return cost;
        }
        let mut candidates = frames * points / 4;
        for (i, sites) in kept.iter().enumerate() {
            let (from, to) = (wide(self.widths[i]), wide(self.widths[i + 1]));
            cost.attention_macs +=
                candidates * (from * from + from) + utterances * wide(self.query_dim) * from;
            let weights = from * to + to * to;
            cost.sparse_macs_pairs += wide(sites.pairs()) * weights;
            cost.sparse_macs_sites += wide(sites.len()) * 9 * weights;
            candidates = wide(sites.pooled().0.len());
        }
        cost
    }
}
