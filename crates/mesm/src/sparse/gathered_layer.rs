//! A layer of the gathered path: attention, selection, and a block of what was selected.

use std::sync::Arc;

use burn::tensor::Tensor;
use mesm_kernels::{flex, recording};

use super::conv::SparseBlock;
use super::dither;
use super::gathered::{self, SparseRows};
use super::ragged::Ragged;
use super::selection::{AttentionLayer, Selection, SparseOptions, read};
use super::sites::{Sites, index_tensor};
use crate::attention::{
    CrossModalAttention, concentration, masked_softmax, softmax_on_host, straight_through,
};
use crate::dense::rows_of;
use crate::nucleus::nuclei;
use crate::output::ForwardError;
use crate::stage::{Probe, Stage};

/// Every point of maps `[frames, channels, height, width]`.
pub(super) fn all_of(map: Tensor<4>) -> SparseRows {
    let (features, [frames, height, width]) = rows_of(map);
    SparseRows {
        features,
        sites: Sites::all(frames, height, width),
    }
}

/// Attention with one projected query a frame `[frames, k]`, selection and a block; what they decided. `scrambled`: the rows
/// that were kept change places, as [`PointOrder::AsPublished`](crate::config::PointOrder::AsPublished) says.
pub(super) async fn advance(
    rows: SparseRows,
    attention: &CrossModalAttention,
    block: &SparseBlock,
    query: Tensor<2>,
    options: SparseOptions,
    scrambled: bool,
    probe: Probe<'_>,
) -> Result<(SparseRows, AttentionLayer), ForwardError> {
    let (mut rows, layer) = select(rows, attention, query, options, probe).await?;
    if scrambled {
        rows = scramble(rows);
    }
    Ok((gathered::probed_block(block, rows, probe), layer))
}

/// Rows in the order in which the authors' code reads them back.
pub(super) fn scramble(rows: SparseRows) -> SparseRows {
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

/// Attention among `rows`, and those that it keeps.
async fn select(
    rows: SparseRows,
    attention: &CrossModalAttention,
    query: Tensor<2>,
    options: SparseOptions,
    probe: Probe<'_>,
) -> Result<(SparseRows, AttentionLayer), ForwardError> {
    let device = rows.features.device();
    let counts = rows.sites.per_frame();
    let learns = options.trains_attention(&rows.features);
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
