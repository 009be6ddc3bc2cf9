//! The gathered path: the neighbourhoods of active sites become the rows of one matrix, and a
//! convolution is one matrix product. Inactive sites cost nothing.

use std::sync::Arc;

use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use super::conv::{SparseBlock, SubmanifoldConv};
use super::sites::{Sites, index_tensor};
use mesm_kernels::cpu::Taps;
use mesm_kernels::{flex, recording};

use crate::dense::rows_of;
use crate::norm::BatchNorm;
use crate::stage::{Probe, Stage};

/// Features of active sites.
#[derive(Debug, Clone)]
pub struct SparseRows {
    /// `[sites, channels]`, in the order of `sites`.
    pub features: Tensor<2>,
    /// Where the rows are.
    pub sites: Sites,
}

impl SparseRows {
    /// The rows of a dense map `[frames, channels, height, width]` at `sites`.
    #[must_use]
    pub fn from_map(map: Tensor<4>, sites: Sites) -> Self {
        let device = map.device();
        let (points, _) = rows_of(map);
        Self {
            features: points.select(0, sites.index(&device)),
            sites,
        }
    }

    /// The dense map `[frames, channels, height, width]`, 0 at absent sites.
    #[must_use]
    pub fn into_map(self) -> Tensor<4> {
        let device = self.features.device();
        let (frames, height, width) = self.sites.size();
        let [_, channels] = self.features.dims();
        let mut row = vec![self.sites.len() as i64; frames * height * width];
        for (rank, &site) in self.sites.flat().iter().enumerate() {
            row[site as usize] = rank as i64;
        }
        with_zero_row(self.features)
            .select(0, index_tensor(row, &device))
            .reshape([frames, height, width, channels])
            .permute([0, 3, 1, 2])
    }
}

/// Convolution at active sites, from the neighbour table of those sites.
#[must_use]
pub fn convolve(conv: &SubmanifoldConv, features: Tensor<2>, neighbours: &[u32]) -> Tensor<2> {
    let device = features.device();
    let [rows, channels] = features.dims();
    let index = index_tensor(neighbours.iter().map(|&row| i64::from(row)), &device);
    with_zero_row(features)
        .select(0, index)
        .reshape([rows, 9 * channels])
        .matmul(conv.matrix())
}

/// Batch normalisation with the statistics of the rows, and ReLU.
#[must_use]
pub fn normalise(norm: &BatchNorm, features: Tensor<2>) -> Tensor<2> {
    relu(norm.forward_rows(features))
}

/// 2x2 max-pool over active sites, from 0 upwards.
#[must_use]
pub fn pool(x: SparseRows) -> SparseRows {
    let device = x.features.device();
    let [_, channels] = x.features.dims();
    let (sites, rows) = x.sites.pooled();
    let index = index_tensor(rows.into_iter().map(i64::from), &device);
    let features = with_zero_row(x.features)
        .select(0, index)
        .reshape([sites.len(), 4, channels])
        .max_dim(1)
        .reshape([sites.len(), channels])
        .clamp_min(0.0);
    SparseRows { features, sites }
}

/// A whole block.
#[must_use]
pub fn block(block: &SparseBlock, x: SparseRows) -> SparseRows {
    probed_block(block, x, Probe::default())
}

/// The same, telling of its stages.
pub(super) fn probed_block(block: &SparseBlock, x: SparseRows, probe: Probe<'_>) -> SparseRows {
    if let Some(y) = fused(block, &x, probe) {
        return y;
    }
    let neighbours = x.sites.neighbours();
    probe.done(Stage::Gather);
    let y = normalise(
        &block.norm1,
        convolve(&block.conv1, x.features, &neighbours),
    );
    let y = normalise(&block.norm2, convolve(&block.conv2, y, &neighbours));
    probe.done(Stage::Product);
    let y = pool(SparseRows {
        features: y,
        sites: x.sites,
    });
    probe.done(Stage::Pool);
    y
}

/// The same where there are kernels for it.
fn fused(block: &SparseBlock, x: &SparseRows, probe: Probe<'_>) -> Option<SparseRows> {
    let plain = flex::takes(&x.features);
    if !plain && !recording::takes(&x.features) {
        return None;
    }
    let taps = Taps::from_table(&x.sites.neighbours(), 9, x.sites.len());
    probe.done(Stage::Gather);
    let y = if plain {
        block.fused_rows(&x.features, &taps)?
    } else {
        block.recorded_rows(x.features.clone(), &Arc::new(taps))?
    };
    probe.done(Stage::Product);
    let (sites, table) = x.sites.pooled();
    let features = if plain {
        flex::pool_rows(&y, &table)?
    } else {
        recording::pool_rows(y, Arc::new(table))?
    };
    probe.done(Stage::Pool);
    Some(SparseRows { features, sites })
}

/// The rows followed by one row of zeros, which absent neighbours point at.
fn with_zero_row(rows: Tensor<2>) -> Tensor<2> {
    let device = rows.device();
    let [_, channels] = rows.dims();
    Tensor::cat(vec![rows, Tensor::zeros([1, channels], &device)], 0)
}
