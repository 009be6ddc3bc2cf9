//! The sparse network as a module, and the choice between its paths.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use mesm_gpu as gpu;
use mesm_kernels::ChannelScale;

use super::conv::SparseBlock;
use super::resident::ResidentMaps;
use super::selection::{AttentionLayer, SparseOptions};
use super::sites::index_tensor;
use super::{gathered_layer, masked_layer};
use crate::attention::CrossModalAttention;
use crate::config::{AttentionMode, PointOrder, SparsePath};
use crate::dense::{LowLevel, halve_positive};
use crate::norm::BatchNorm;
use crate::output::ForwardError;
use crate::stage::{Probe, Stage};

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

    /// The low-level features `[frames, width, height / 2, width / 2]` of maps that may have a scale.
    #[must_use]
    pub fn low_level(&self, x: Tensor<4>, scale: Option<&ChannelScale>) -> Tensor<4> {
        self.low_level.forward(x, scale)
    }

    /// `[frames, in, height, width]`, which may have a scale, with one query an utterance
    /// `[utterances, query_dim]` and the number of frames of each, to
    /// `[frames, out, height / 16, width / 16]` and what each of the three attention layers decided. With [`SparsePath::EveryPoint`] nothing is queried and decided.
    ///
    /// # Errors
    /// When there is no query, or the device cannot be read (gathered path and published point order only).
    pub async fn forward(
        &self,
        x: Tensor<4>,
        scale: Option<&ChannelScale>,
        query: Option<Tensor<2>>,
        lens: &[usize],
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Result<(Tensor<4>, Vec<AttentionLayer>), ForwardError> {
        let device = x.device();
        let features = self.low_level(x, scale);
        if options.path != SparsePath::EveryPoint {
            probe.done(Stage::LowLevel);
        }
        if options.path == SparsePath::EveryPoint {
            return Ok((self.every_point(features), Vec::new()));
        }
        let query = query.ok_or(ForwardError::TextNeeded)?;
        if options.path == SparsePath::Gathered
            && let Some(found) = self.resident(&features, &query, lens, options, probe)
        {
            return Ok(found);
        }
        let owner = owner_of_frames(lens, &device);
        let layers = self.attn_layers.iter();
        let queries = layers
            .map(|layer| layer.project_query(query.clone()).select(0, owner.clone()))
            .collect();
        if options.path == SparsePath::MaskedDense {
            self.masked(features, queries, options).await
        } else {
            self.gathered(features, queries, options, probe).await
        }
    }

    /// The three blocks of the dense twin.
    fn every_point(&self, x: Tensor<4>) -> Tensor<4> {
        self.sparse_layers
            .iter()
            .fold(x, |x, block| halve_positive(block.forward_map(x)))
    }

    /// The masked path, with a projected query of each frame a layer.
    async fn masked(
        &self,
        x: Tensor<4>,
        queries: Vec<Tensor<2>>,
        options: SparseOptions,
    ) -> Result<(Tensor<4>, Vec<AttentionLayer>), ForwardError> {
        let mut layers = Vec::with_capacity(3);
        let mut maps = masked_layer::Maps {
            features: x,
            active: None,
        };
        for ((attention, block), query) in self.layers().zip(queries) {
            let scrambled = scrambled(options, &layers);
            let next = masked_layer::advance(maps, attention, block, query, options, scrambled);
            // On the heap: a future is as large as all that it may wait for.
            let (next, layer) = Box::pin(next).await?;
            maps = next;
            layers.push(layer);
        }
        Ok((maps.features, layers))
    }

    /// The gathered path, with the same.
    async fn gathered(
        &self,
        x: Tensor<4>,
        queries: Vec<Tensor<2>>,
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Result<(Tensor<4>, Vec<AttentionLayer>), ForwardError> {
        let mut layers = Vec::with_capacity(3);
        let mut rows = gathered_layer::all_of(x);
        for ((attention, block), query) in self.layers().zip(queries) {
            let turn = scrambled(options, &layers);
            let next = gathered_layer::advance(rows, attention, block, query, options, turn, probe);
            // On the heap: a future is as large as all that it may wait for.
            let (next, layer) = Box::pin(next).await?;
            rows = next;
            layers.push(layer);
        }
        let map = rows.into_map();
        probe.done(Stage::Gather);
        Ok((map, layers))
    }

    /// The gathered path without a look at the host, on devices that have kernels for it.
    fn resident(
        &self,
        x: &Tensor<4>,
        query: &Tensor<2>,
        lens: &[usize],
        options: SparseOptions,
        probe: Probe<'_>,
    ) -> Option<(Tensor<4>, Vec<AttentionLayer>)> {
        if options.point_order == PointOrder::AsPublished {
            return None;
        }
        let mut maps = ResidentMaps::new(x)?;
        let queries = self.queries_side_by_side(query, lens)?;
        let mut layers = Vec::with_capacity(3);
        let mut column = 0;
        for (attention, block) in self.layers() {
            let layer = maps.advance(attention, block, (&queries, column), options, probe)?;
            column += attention.of_query().dims()[1];
            layers.push(layer);
        }
        Some((maps.into_map(), layers))
    }

    /// The projected queries of all layers side by side: of each utterance where all have as many frames, of each frame
    /// otherwise.
    fn queries_side_by_side(&self, query: &Tensor<2>, lens: &[usize]) -> Option<Tensor<2>> {
        let layers = self.attn_layers.iter();
        let weights: Vec<Tensor<2>> = layers.map(CrossModalAttention::of_query).collect();
        let queries = gpu::linear(query, &gpu::side_by_side(&weights)?, None, false)?;
        if lens.windows(2).all(|pair| pair[0] == pair[1]) {
            return Some(queries);
        }
        let owner = owner_of_frames(lens, &query.device());
        Some(queries.select(0, owner))
    }

    /// An attention and the block behind it, three times.
    fn layers(&self) -> impl Iterator<Item = (&CrossModalAttention, &SparseBlock)> {
        self.attn_layers.iter().zip(&self.sparse_layers)
    }
}

/// Whether the next layer is one whose rows change places: the first, in the authors' code.
fn scrambled(options: SparseOptions, done: &[AttentionLayer]) -> bool {
    done.is_empty() && options.point_order == PointOrder::AsPublished
}

/// The utterance of each frame, for utterances of so many.
fn owner_of_frames(lens: &[usize], device: &Device) -> Tensor<1, Int> {
    let owners = lens
        .iter()
        .enumerate()
        .flat_map(|(utterance, &len)| std::iter::repeat_n(utterance as i64, len));
    index_tensor(owners, device)
}
