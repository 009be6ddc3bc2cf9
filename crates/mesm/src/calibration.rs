//! One file of weights for every share of the attention mass.
//!
//! What a submanifold convolution gives grows with how many of a point's neighbours are kept, so the statistics that batch
//! normalisation gathered at one `p` are wrong at another, and most of what a model loses away from the `p` it learnt at, it
//! loses there. Slimmable networks (Yu and Huang, 2019) meet the same with their width and measure the statistics again for
//! each. Here they are measured at some `p` ([`ModelConfig::calibrated_at`]), kept as tables of `[shares, channels]`, and
//! interpolated in between. The low-level layers see every point whatever `p` is and have one set.

use burn::tensor::Tensor;

use crate::config::{ConfigError, ModelConfig, SparsePath};
use crate::model::Model;

/// Mean and variance `[channels]` of a layer.
pub type LayerStatistics = [Tensor<1>; 2];

impl Model {
    /// The running statistics of each layer that sees only kept points, in the order of the branches and layers; empty for
    /// FE2E.
    pub fn sparse_statistics(&mut self) -> Vec<LayerStatistics> {
        self.sparse_norms_mut()
            .map(|norm| norm.statistics())
            .collect()
    }

    /// From now until [`calibrated`](Self::calibrated), those layers normalise each batch by its own statistics, and keep the
    /// mean of these: the next batch counts as much as each of the `seen` ones before it. At 0, what was known is forgotten.
    /// No gradients are needed, and none of the other layers changes.
    pub fn measure_statistics_from(&mut self, seen: usize) {
        self.sparse_norms_mut()
            .for_each(|norm| norm.measure_from(seen));
    }

    /// The model with the statistics that were measured at `shares`, ascending: `measured[share]` is what
    /// [`sparse_statistics`](Self::sparse_statistics) gave there.
    ///
    /// # Errors
    /// When a share is not in `(0, 1]`, they do not ascend, or another number of them or of layers was measured.
    pub fn calibrated(
        mut self,
        shares: Vec<f32>,
        measured: &[Vec<LayerStatistics>],
    ) -> Result<Self, ConfigError> {
        ModelConfig {
            calibrated_at: shares.clone(),
            ..self.config().clone()
        }
        .check()?;
        let layers = self.sparse_norms_mut().count();
        if measured.len() != shares.len() || measured.iter().any(|at| at.len() != layers) {
            return Err(ConfigError::Range {
                name: "calibrated_at",
                expected: "one measurement of every sparse layer for each share",
                found: format!("{} for {} shares", measured.len(), shares.len()),
            });
        }
        for (layer, norm) in self.sparse_norms_mut().enumerate() {
            let of_layer: Vec<LayerStatistics> =
                measured.iter().map(|at| at[layer].clone()).collect();
            norm.calibrate(&of_layer);
        }
        self.set_calibrated_at(shares);
        self.settle();
        Ok(self)
    }

    /// Takes the statistics that belong to the share that is kept now.
    pub(crate) fn settle(&mut self) {
        let config = self.config();
        let p = match config.sparse_path {
            SparsePath::EveryPoint => 1.0,
            SparsePath::Gathered | SparsePath::MaskedDense => config.top_p,
        };
        let place = place(&config.calibrated_at, p);
        if let Some((row, above)) = place
            && self.settles_at(p)
        {
            self.sparse_norms_mut()
                .for_each(|norm| norm.settle(row, above));
        }
    }
}

/// Where `p` lies among ascending `shares`: the row below it, and how far it is towards the next one, in `[0, 1)`. Beyond the
/// ends, those.
fn place(shares: &[f32], p: f32) -> Option<(usize, f32)> {
    let last = shares.len().checked_sub(1)?;
    let row = shares
        .partition_point(|share| *share <= p)
        .saturating_sub(1);
    if row == last {
        return Some((last, 0.0));
    }
    let above = (p - shares[row]) / (shares[row + 1] - shares[row]);
    Some((row, above.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn shares_lie_between_their_neighbours() {
        let shares = [0.25, 0.5, 1.0];
        for (p, expected) in [
            (0.125, (0, 0.0)),
            (0.25, (0, 0.0)),
            (0.375, (0, 0.5)),
            (0.5, (1, 0.0)),
            (0.875, (1, 0.75)),
            (1.0, (2, 0.0)),
        ] {
            assert_eq!(place(&shares, p), Some(expected), "{p}");
        }
        assert_eq!(place(&[0.5], 0.7), Some((0, 0.0)));
        assert_eq!(place(&[], 0.7), None);
    }
}
