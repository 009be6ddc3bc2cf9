//! How layers select, and what they say of it.

use burn::tensor::Tensor;

use crate::config::{AttentionMode, PointOrder, SparsePath};
use crate::output::ForwardError;

/// How one call of the sparse network is to be carried out.
#[derive(Debug, Clone, Copy)]
pub struct SparseOptions {
    /// Share of the attention mass that is kept, `(0, 1]`.
    pub top_p: f32,
    /// Amplitude of the [dither](super::dither) of the scores; 0 for none.
    pub dither: f32,
    /// See [`PointOrder`].
    pub point_order: PointOrder,
    /// See [`AttentionMode`].
    pub attention: AttentionMode,
    /// See [`SparsePath`].
    pub path: SparsePath,
}

impl SparseOptions {
    /// Whether the attention over these features is being trained.
    pub(super) fn trains_attention<const D: usize>(self, features: &Tensor<D>) -> bool {
        self.attention == AttentionMode::StraightThrough && features.device().is_autodiff()
    }
}

/// What one attention layer decided for every frame.
#[derive(Debug, Clone)]
pub struct AttentionLayer {
    /// Height of the map.
    pub height: usize,
    /// Width of the map.
    pub width: usize,
    /// Weights and kept points.
    pub selection: Selection,
    /// How far the weights are from even ones, see [`concentration`](crate::attention::concentration), `[1]`; only
    /// where the attention is being trained.
    pub concentration: Option<Tensor<1>>,
    /// How unevenly the weights are spread over the cells of the pooling that follows, see
    /// [`unevenness`](crate::attention::unevenness), `[1]`; only where the attention is being trained.
    pub unevenness: Option<Tensor<1>>,
}

/// Weights and kept points, where they came to be.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // three of these a call
pub enum Selection {
    /// On the device: `weights` and `mask` `[frames, height * width]`.
    Device {
        /// Softmax weights, 0 at points that were no candidates.
        weights: Tensor<2>,
        /// 1 at kept points, 0 elsewhere.
        mask: Tensor<2>,
    },
    /// On the host, the same two, row-major.
    Host {
        /// Softmax weights, 0 at points that were no candidates.
        weights: Vec<f32>,
        /// Whether each point was kept.
        mask: Vec<bool>,
    },
}

/// The values of a tensor, read without blocking.
pub(super) async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ForwardError> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| ForwardError::Device(format!("{error:?}")))?;
    data.try_to_vec::<f32>()
        .map_err(|error| ForwardError::Device(format!("{error:?}")))
}
