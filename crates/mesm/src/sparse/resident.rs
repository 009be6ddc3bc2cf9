//! The gathered path on graphics devices: maps stay whole and where they are, and only what is chosen is computed.
//!
//! The host need not know which points are kept: a kernel lists them for the kernels after it, whose units find out on the
//! device that there is nothing left to do. So a call is a row of dispatches that the device works through without waiting,
//! where a selection on the host would be read and written back six times.

use burn::tensor::Tensor;
use mesm_gpu as gpu;

use super::conv::SparseBlock;
use super::selection::{AttentionLayer, Selection, SparseOptions};
use crate::attention::CrossModalAttention;
use crate::dense::{halved, map_of, rows_of};
use crate::stage::{Probe, Stage};

/// Maps on the device, channels last.
pub(super) struct ResidentMaps {
    /// Features of all points `[frames * height * width, channels]`, 0 where none is active.
    rows: Tensor<2>,
    /// 1 at active points, 0 elsewhere, `[frames, height * width]`; none where all are.
    active: Option<Tensor<2>>,
    /// Frames, height, width.
    size: [usize; 3],
}

impl ResidentMaps {
    /// Maps `[frames, channels, height, width]`, every point active, where there are kernels for them.
    pub(super) fn new(map: &Tensor<4>) -> Option<Self> {
        if !gpu::takes(map) {
            return None;
        }
        let (rows, size) = rows_of(map.clone());
        Some(Self {
            rows,
            active: None,
            size,
        })
    }

    /// Attention with projected queries, of which the columns from that one on belong to this layer, selection and a block;
    /// what they decided.
    ///
    /// `None` where a kernel does not take the sizes, and in training.
    pub(super) fn advance(
        &mut self,
        attention: &CrossModalAttention,
        block: &SparseBlock,
        queries: (&Tensor<2>, usize),
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Option<AttentionLayer> {
        let [frames, height, width] = self.size;
        let active = self.active.as_ref();
        let scores = attention.scores_on_gpu(&self.rows, queries, active, frames)?;
        probe.done(Stage::Attention);
        let map = [height, width];
        let chosen = gpu::choose(&scores, active, map, options.top_p, options.dither)?;
        probe.done(Stage::Selection);
        let rows = block.gpu_rows(&self.rows, Some(&chosen), self.size)?;
        probe.done(Stage::Product);
        let (rows, active) = gpu::halve_chosen(&rows, &chosen.mask, self.size)?;
        probe.done(Stage::Pool);
        self.rows = rows;
        self.active = Some(active);
        self.size = halved(self.size);
        Some(AttentionLayer {
            height,
            width,
            selection: Selection::Device {
                weights: chosen.weights,
                mask: chosen.mask,
            },
            concentration: None,
            unevenness: None,
        })
    }

    /// The maps `[frames, channels, height, width]`.
    pub(super) fn into_map(self) -> Tensor<4> {
        map_of(self.rows, self.size)
    }
}
