//! A layer of the masked-dense path: attention, selection, and a block of the whole map times masks.

use burn::tensor::Tensor;

use super::conv::SparseBlock;
use super::dither;
use super::gathered::SparseRows;
use super::gathered_layer::scramble;
use super::masked::{self, MaskedMap};
use super::selection::{AttentionLayer, Selection, SparseOptions, read};
use super::sites::Sites;
use crate::attention::{
    CrossModalAttention, concentration, masked_softmax, straight_through, unevenness,
};
use crate::dense::rows_of;
use crate::nucleus::nucleus_mask;
use crate::output::ForwardError;

/// Maps between layers.
pub(super) struct Maps {
    /// `[frames, channels, height, width]`, 0 at inactive sites.
    pub(super) features: Tensor<4>,
    /// `[frames, 1, height, width]`, 1 at active sites; none where all are.
    pub(super) active: Option<Tensor<4>>,
}

/// Attention with one projected query a frame `[frames, k]`, selection and a block; what they decided. `scrambled`: the rows
/// that were kept change places, as [`PointOrder::AsPublished`](crate::config::PointOrder::AsPublished) says.
pub(super) async fn advance(
    maps: Maps,
    attention: &CrossModalAttention,
    block: &SparseBlock,
    query: Tensor<2>,
    options: SparseOptions,
    scrambled: bool,
) -> Result<(Maps, AttentionLayer), ForwardError> {
    let Maps {
        mut features,
        active,
    } = maps;
    let [n, c, h, w] = features.dims();
    let candidates = active.map(|mask| mask.reshape([n, h * w]));
    let (points, _) = rows_of(features.clone());
    let mut scores = attention.scores_of_maps(points.reshape([n, h * w, c]), query);
    if options.dither > 0.0 {
        let shape = [n, 1, h, w];
        let everywhere = || Tensor::ones([n, h * w], &scores.device());
        let mask = candidates.clone().unwrap_or_else(everywhere).reshape(shape);
        let maps = dither::of_maps(scores.reshape(shape), &mask, options.dither);
        scores = maps.reshape([n, h * w]);
    }
    let weights = masked_softmax(scores, candidates.as_ref());
    let mask = nucleus_mask(&weights, candidates.as_ref(), options.top_p);
    let (mut spread, mut between_cells) = (None, None);
    if options.trains_attention(&features) {
        let candidates = candidates.unwrap_or_else(|| Tensor::ones([n, h * w], &features.device()));
        let counts = candidates.clone().sum_dim(1).reshape([n]);
        spread = Some(concentration(weights.clone().reshape([n * h * w]), counts));
        between_cells = Some(unevenness(
            weights.clone().reshape([n, h, w]),
            candidates.reshape([n, h, w]),
        ));
        let factor = straight_through(weights.clone());
        features = features * factor.reshape([n, 1, h, w]);
    }
    let mut map = MaskedMap::new(features, mask.clone().reshape([n, 1, h, w]));
    if scrambled {
        let kept = read(mask.clone()).await?;
        let flags: Vec<bool> = kept.iter().map(|&v| v > 0.5).collect();
        let sites = Sites::from_flags(n, h, w, &flags);
        map.features = scramble(SparseRows::from_map(map.features, sites)).into_map();
    }
    let map = masked::block(block, map);
    let maps = Maps {
        features: map.features,
        active: Some(map.mask),
    };
    let layer = AttentionLayer {
        height: h,
        width: w,
        selection: Selection::Device {
            weights: weights.detach(),
            mask,
        },
        concentration: spread,
        unevenness: between_cells,
    };
    Ok((maps, layer))
}
