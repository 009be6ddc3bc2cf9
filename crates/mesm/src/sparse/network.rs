//! The sparse network as a module, and the choice between its two paths.

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use super::conv::SparseBlock;
use super::dither;
use super::gathered::{self, SparseRows};
use super::masked::{self, MaskedMap};
use super::resident::ResidentMaps;
use super::sites::{Sites, index_tensor};
use crate::attention::{
    CrossModalAttention, concentration, masked_softmax, softmax_on_host, straight_through,
    unevenness,
};
use crate::config::{AttentionMode, PointOrder, SparsePath};
use crate::dense::{LowLevel, halve_positive};
use crate::norm::BatchNorm;
use crate::nucleus::{nuclei, nucleus_mask};
use crate::output::ForwardError;
use crate::stage::{Probe, Stage};
use mesm_kernels::{flex, recording};

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

/// Low-level layers, then three times attention, nucleus selection and a sparse block.
#[derive(Module, Debug)]
pub struct SparseCnn {
    low_level: LowLevel,
    sparse_layers: Vec<SparseBlock>,
    attn_layers: Vec<CrossModalAttention>,
}

impl SparseCnn {
    /// A network over maps of `channels_in` channels, queried by vectors of size `query_dim`.
    pub(crate) fn new(
        channels_in: usize,
        widths: [usize; 4],
        query_dim: usize,
        attention: AttentionMode,
        dither: f32,
        shares: usize,
        device: &Device,
    ) -> Self {
        let layer = |width: usize| {
            let layer = CrossModalAttention::new(width, query_dim, width, attention, device);
            match attention {
                AttentionMode::StraightThrough if dither > 0.0 => layer.beginning_even(),
                _ => layer,
            }
        };
        Self {
            low_level: LowLevel::new(channels_in, widths[0], device),
            sparse_layers: (0..3)
                .map(|i| SparseBlock::calibrated(widths[i], widths[i + 1], shares, device))
                .collect(),
            attn_layers: widths[..3].iter().copied().map(layer).collect(),
        }
    }

    /// The normalisations whose statistics depend on how many points are kept.
    pub(crate) fn norms_mut(&mut self) -> impl Iterator<Item = &mut BatchNorm> {
        let blocks = self.sparse_layers.iter_mut();
        blocks.flat_map(|block| [&mut block.norm1, &mut block.norm2])
    }

    /// The low-level features `[frames, width, height / 2, width / 2]`.
    #[must_use]
    pub fn low_level(&self, x: Tensor<4>) -> Tensor<4> {
        self.low_level.forward(x)
    }

    /// `[frames, in, height, width]` with one query an utterance `[utterances, query_dim]` and the
    /// utterance of each frame, to `[frames, out, height / 16, width / 16]` and what each of the
    /// three attention layers decided. With [`SparsePath::EveryPoint`] nothing is queried and decided.
    ///
    /// # Errors
    /// When there is no query, or the device cannot be read (gathered path and published point order only).
    pub async fn forward(
        &self,
        x: Tensor<4>,
        query: Option<Tensor<2>>,
        utterance_of_frame: &[usize],
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Result<(Tensor<4>, Vec<AttentionLayer>), ForwardError> {
        let device = x.device();
        let features = self.low_level(x);
        if options.path != SparsePath::EveryPoint {
            probe.done(Stage::LowLevel);
        }
        if options.path == SparsePath::EveryPoint {
            return Ok((self.every_point(features), Vec::new()));
        }
        let query = query.ok_or(ForwardError::TextNeeded)?;
        let owner = utterance_of_frame.iter().map(|&u| u as i64);
        let owner = index_tensor(owner, &device);
        let layers = self.attn_layers.iter();
        let queries: Vec<Tensor<2>> = layers
            .map(|layer| layer.project_query(query.clone()))
            .collect();
        if options.path == SparsePath::Gathered
            && let Some(found) = self.resident(&features, &queries, &owner, options, probe)
        {
            return Ok(found);
        }
        let queries = of_frames(&queries, &owner);
        if options.path == SparsePath::MaskedDense {
            self.forward_masked(features, queries, options).await
        } else {
            self.forward_gathered(features, queries, options, probe)
                .await
        }
    }

    /// The three blocks of the dense twin.
    fn every_point(&self, x: Tensor<4>) -> Tensor<4> {
        self.sparse_layers
            .iter()
            .fold(x, |x, block| halve_positive(block.forward_map(x)))
    }

    async fn forward_masked(
        &self,
        x: Tensor<4>,
        queries: Vec<Tensor<2>>,
        options: SparseOptions,
    ) -> Result<(Tensor<4>, Vec<AttentionLayer>), ForwardError> {
        let mut layers = Vec::with_capacity(3);
        let mut features = x;
        let mut active: Option<Tensor<4>> = None;
        for (i, query) in queries.into_iter().enumerate() {
            let [n, c, h, w] = features.dims();
            let candidates = active.take().map(|mask| mask.reshape([n, h * w]));
            let points = points_of(features.clone()).reshape([n, h * w, c]);
            let mut scores = self.attn_layers[i].scores_of_maps(points, query);
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
            if trains_attention(options, &features) {
                let candidates =
                    candidates.unwrap_or_else(|| Tensor::ones([n, h * w], &features.device()));
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
            if i == 0 && options.point_order == PointOrder::AsPublished {
                let kept = read(mask.clone()).await?;
                let flags: Vec<bool> = kept.iter().map(|&v| v > 0.5).collect();
                let sites = Sites::from_flags(n, h, w, &flags);
                let rows = scramble(SparseRows::from_map(map.features, sites));
                map.features = rows.into_map();
            }
            layers.push(AttentionLayer {
                height: h,
                width: w,
                selection: Selection::Device {
                    weights: weights.detach(),
                    mask,
                },
                concentration: spread,
                unevenness: between_cells,
            });
            let map = masked::block(&self.sparse_layers[i], map);
            features = map.features;
            active = Some(map.mask);
        }
        Ok((features, layers))
    }

    async fn forward_gathered(
        &self,
        x: Tensor<4>,
        queries: Vec<Tensor<2>>,
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Result<(Tensor<4>, Vec<AttentionLayer>), ForwardError> {
        let [n, c, h, w] = x.dims();
        let mut layers = Vec::with_capacity(3);
        let mut rows = SparseRows {
            features: points_of(x).reshape([n * h * w, c]),
            sites: Sites::all(n, h, w),
        };
        for (i, query) in queries.into_iter().enumerate() {
            let (next, layer) = self.select(i, rows, query, options, probe).await?;
            layers.push(layer);
            let next = if i == 0 && options.point_order == PointOrder::AsPublished {
                scramble(next)
            } else {
                next
            };
            rows = gathered::probed_block(&self.sparse_layers[i], next, probe);
        }
        let map = rows.into_map();
        probe.done(Stage::Gather);
        Ok((map, layers))
    }

    /// The gathered path without a look at the host, on devices that have kernels for it. A projected query of each
    /// utterance a layer, and the utterance of each frame.
    fn resident(
        &self,
        x: &Tensor<4>,
        queries: &[Tensor<2>],
        owner: &Tensor<1, Int>,
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Option<(Tensor<4>, Vec<AttentionLayer>)> {
        if options.point_order == PointOrder::AsPublished {
            return None;
        }
        let mut maps = ResidentMaps::new(x)?;
        let one = queries.iter().all(|query| query.dims()[0] == 1);
        let queries = if one {
            queries.to_vec()
        } else {
            of_frames(queries, owner)
        };
        let mut layers = Vec::with_capacity(3);
        let parts = self.attn_layers.iter().zip(&self.sparse_layers);
        for ((attention, block), query) in parts.zip(&queries) {
            let layer = maps.advance(attention, block, query, options, probe)?;
            layers.push(layer);
        }
        Some((maps.into_map(), layers))
    }

    /// Attention and selection of layer `i` among `rows`.
    async fn select(
        &self,
        i: usize,
        rows: SparseRows,
        query: Tensor<2>,
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Result<(SparseRows, AttentionLayer), ForwardError> {
        let device = rows.features.device();
        let counts = rows.sites.per_frame();
        let attention = &self.attn_layers[i];
        let learns = trains_attention(options, &rows.features);
        let amplitude = Some(options.dither).filter(|amplitude| *amplitude > 0.0);
        let (weights, on_host) = if learns {
            let weights = weights_of_rows(attention, &rows, query, amplitude, &counts);
            (Some(weights.clone()), read(weights).await?)
        } else {
            // Whatever computed the scores, their softmax is little work and is needed on the host.
            let on_host = attention.scores_on_host(&rows.features, &query, &counts);
            let mut scores = if let Some(scores) = on_host {
                scores
            } else {
                let frames = counts.iter().enumerate();
                let frames = frames.flat_map(|(frame, &n)| std::iter::repeat_n(frame as i64, n));
                let frames = index_tensor(frames, &device);
                let queries = query.select(0, frames);
                read(attention.scores_of_rows(rows.features.clone(), queries)).await?
            };
            if let Some(amplitude) = amplitude {
                scores = dither::on_host(&scores, &rows.sites, amplitude);
            }
            (None, softmax_on_host(scores, &counts))
        };
        probe.done(Stage::Attention);
        let kept = nuclei(&on_host, &counts, options.top_p);
        let mut features = rows.features;
        let (mut spread, mut between_cells) = (None, None);
        if let Some(weights) = weights {
            let counts: Vec<f32> = counts.iter().map(|&count| count as f32).collect();
            let counts = Tensor::from_floats(counts.as_slice(), &device);
            spread = Some(concentration(weights.clone(), counts));
            between_cells = Some(rows.sites.unevenness(weights.clone()));
            features = features * straight_through(weights).unsqueeze_dim::<2>(1);
        }
        let sites = rows.sites.keep(&kept);
        let kept_rows: Vec<u32> = (0..)
            .zip(&kept)
            .filter(|(_, kept)| **kept)
            .map(|(row, _)| row)
            .collect();
        let (_, height, width) = sites.size();
        let mut full = vec![0.0; sites.flags().len()];
        for (&site, weight) in rows.sites.flat().iter().zip(on_host) {
            full[site as usize] = weight;
        }
        let layer = AttentionLayer {
            height,
            width,
            selection: Selection::Host {
                weights: full,
                mask: sites.flags(),
            },
            concentration: spread,
            unevenness: between_cells,
        };
        probe.done(Stage::Selection);
        let kept_rows = Arc::new(kept_rows);
        let selected = flex::select_rows(&features, &kept_rows)
            .or_else(|| recording::select_rows(features.clone(), Arc::clone(&kept_rows)));
        let features = selected.unwrap_or_else(|| {
            features.select(
                0,
                index_tensor(kept_rows.iter().map(|&row| i64::from(row)), &device),
            )
        });
        probe.done(Stage::Gather);
        Ok((SparseRows { features, sites }, layer))
    }
}

/// Weights `[rows]` of rows that lie one frame after the other, computed on the device, with a dither of this amplitude.
fn weights_of_rows(
    attention: &CrossModalAttention,
    rows: &SparseRows,
    query: Tensor<2>,
    dither: Option<f32>,
    counts: &[usize],
) -> Tensor<1> {
    let features = &rows.features;
    let recorded = attention.recorded_scores(features, &query, counts);
    let ragged = Ragged::new(counts, &features.device());
    let scores = recorded.unwrap_or_else(|| {
        attention.scores_of_rows(features.clone(), query.select(0, ragged.frame_of_row))
    });
    let scores = match dither {
        Some(amplitude) => dither::of_rows(scores, &rows.sites, amplitude),
        None => scores,
    };
    let weights = masked_softmax(
        scores
            .select(0, ragged.row_of_slot)
            .reshape([counts.len(), ragged.longest]),
        ragged.filled.as_ref(),
    );
    // Back to one weight a row; padding slots drop out.
    weights
        .reshape([counts.len() * ragged.longest])
        .select(0, ragged.slot_of_row)
}

/// Index tables between rows that lie one frame after the other, and a padded table
/// `[frames, longest]` of slots.
struct Ragged {
    longest: usize,
    frame_of_row: Tensor<1, Int>,
    row_of_slot: Tensor<1, Int>,
    slot_of_row: Tensor<1, Int>,
    /// 1 where a slot holds a row; none when all do.
    filled: Option<Tensor<2>>,
}

impl Ragged {
    fn new(counts: &[usize], device: &Device) -> Self {
        let longest = counts.iter().copied().max().unwrap_or(0);
        let mut frame_of_row = Vec::new();
        let mut row_of_slot = Vec::new();
        let mut slot_of_row = Vec::new();
        let mut filled = Vec::new();
        for (frame, &count) in counts.iter().enumerate() {
            for slot in 0..longest {
                let holds = slot < count;
                // Padding points at row 0 and gets weight 0.
                row_of_slot.push(if holds { frame_of_row.len() as i64 } else { 0 });
                filled.push(f32::from(u8::from(holds)));
                if holds {
                    slot_of_row.push((frame * longest + slot) as i64);
                    frame_of_row.push(frame as i64);
                }
            }
        }
        let padded = filled.contains(&0.0);
        Self {
            longest,
            frame_of_row: index_tensor(frame_of_row, device),
            row_of_slot: index_tensor(row_of_slot, device),
            slot_of_row: index_tensor(slot_of_row, device),
            filled: padded.then(|| {
                Tensor::<1>::from_floats(filled.as_slice(), device).reshape([counts.len(), longest])
            }),
        }
    }
}

/// For each frame the query of its utterance, `[utterances, k]` to `[frames, k]`.
fn of_frames(queries: &[Tensor<2>], owner: &Tensor<1, Int>) -> Vec<Tensor<2>> {
    let queries = queries.iter();
    queries
        .map(|query| query.clone().select(0, owner.clone()))
        .collect()
}

/// `[frames, channels, height, width]` to points `[frames, height, width, channels]`.
fn points_of(map: Tensor<4>) -> Tensor<4> {
    map.permute([0, 2, 3, 1])
}

fn scramble(rows: SparseRows) -> SparseRows {
    let device = rows.features.device();
    let source = index_tensor(
        rows.sites.as_published().into_iter().map(i64::from),
        &device,
    );
    SparseRows {
        features: rows.features.select(0, source),
        sites: rows.sites,
    }
}

fn trains_attention<const D: usize>(options: SparseOptions, features: &Tensor<D>) -> bool {
    options.attention == AttentionMode::StraightThrough && features.device().is_autodiff()
}

/// The values of a tensor, read without blocking.
async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ForwardError> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| ForwardError::Device(format!("{error:?}")))?;
    data.try_to_vec::<f32>()
        .map_err(|error| ForwardError::Device(format!("{error:?}")))
}
