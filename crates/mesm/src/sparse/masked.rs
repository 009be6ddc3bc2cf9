//! The masked-dense path: dense arithmetic, masks for the rest. The oracle of the gathered path.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;

use super::conv::{SparseBlock, SubmanifoldConv};
use crate::dense::halve;
use crate::norm::BatchNorm;

/// A dense map and where it is active.
#[derive(Debug, Clone)]
pub struct MaskedMap {
    /// `[frames, channels, height, width]`, 0 at inactive sites.
    pub features: Tensor<4>,
    /// `[frames, 1, height, width]`, 1 at active sites and 0 elsewhere.
    pub mask: Tensor<4>,
}

impl MaskedMap {
    /// Clears `features` where `mask` is 0.
    #[must_use]
    pub fn new(features: Tensor<4>, mask: Tensor<4>) -> Self {
        Self {
            features: features * mask.clone(),
            mask,
        }
    }

    fn with(self, features: Tensor<4>) -> Self {
        Self::new(features, self.mask)
    }
}

/// Convolution at active sites; inactive neighbours count as 0.
#[must_use]
pub fn convolve(conv: &SubmanifoldConv, x: MaskedMap) -> MaskedMap {
    let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    let y = conv2d(x.features.clone(), conv.dense_kernel(), None, options);
    x.with(y)
}

/// Batch normalisation with the statistics of active sites, and ReLU.
#[must_use]
pub fn normalise(norm: &BatchNorm, x: MaskedMap) -> MaskedMap {
    let y = relu(norm.forward_masked(x.features.clone(), &x.mask));
    x.with(y)
}

/// 2x2 max-pool: a site is active if any of its four is, and starts from 0 as the sparse library's
/// does, so that negative maxima become 0.
#[must_use]
pub fn pool(x: MaskedMap) -> MaskedMap {
    MaskedMap {
        // Inactive sites hold 0, and so take part as the library's starting value does; windows
        // that are active throughout need the floor.
        features: halve(x.features).clamp_min(0.0),
        mask: halve(x.mask),
    }
}

/// A whole block.
#[must_use]
pub fn block(block: &SparseBlock, x: MaskedMap) -> MaskedMap {
    let x = normalise(&block.norm1, convolve(&block.conv1, x));
    let x = normalise(&block.norm2, convolve(&block.conv2, x));
    pool(x)
}
