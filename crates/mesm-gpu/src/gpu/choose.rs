//! Attention of a query over points, and which of them it keeps.

use burn::backend::Cube;
use burn::tensor::{DType, Tensor};
use cubecl::prelude::{CubeCount, CubeDim};

use super::kernels::choose::{MOST_POINTS, choose as choose_kernel};
use super::kernels::parts::SHARERS;
use super::kernels::score::score;
use super::{LANES, constant, cubes, empty, is_card, launch, values};
use mesm_kernels::{AdditiveParams, Chosen};

/// Units that choose the points of a map: as many as every device has in a cube.
const CHOOSERS: u32 = 256;

/// Scores `[frames, points]` of the points of maps, `rows` `[frames * points, channels]`. Each of the queries, of which the
/// columns from that one on belong to this attention, is that of as many frames as every other. Where `mask`
/// `[frames, points]` is 0 the result has no meaning.
///
/// `None` also where a width is no multiple of four.
#[must_use]
pub fn scores(
    rows: &Tensor<2>,
    attention: &AdditiveParams,
    (queries, first_column): (&Tensor<2>, usize),
    mask: Option<&Tensor<2>>,
    frames: usize,
) -> Option<Tensor<2>> {
    let [count, channels] = rows.dims();
    let [_, width] = attention.points.dims();
    let [queries_given, all_columns] = queries.dims();
    let widths = [channels, width, first_column, all_columns];
    if widths.iter().any(|width| !width.is_multiple_of(LANES)) || count == 0 {
        return None;
    }
    let points = count / frames;
    let rows = values(rows)?;
    let score_shift = values(&attention.score_shift)?;
    let mask_values = match mask {
        Some(mask) => values(mask)?,
        // Not read.
        None => score_shift.clone(),
    };
    let client = rows.client.clone();
    let out = empty(&rows, [frames, points].into(), DType::F32);
    // No more units in a row of a cube than there is hidden width for.
    let across = (width / LANES).ilog2().min(5);
    let cube = CubeDim::new_2d(1 << across, SHARERS >> across);
    let shape = cubes(&client, count.div_ceil(LANES) << across, cube);
    // In bounds: rows beyond the last point are read as the last, and not written.
    launch!(
        score,
        &client;
        shape;
        LANES,
        rows.into_tensor_arg(),
        constant(&attention.points)?.into_tensor_arg(),
        values(&attention.shift)?.into_tensor_arg(),
        values(&attention.scores)?.into_tensor_arg(),
        score_shift.into_tensor_arg(),
        values(queries)?.into_tensor_arg(),
        mask_values.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        count as u32,
        (count / queries_given) as u32,
        (channels / LANES) as u32,
        (width / LANES) as u32,
        (first_column / LANES) as u32,
        (all_columns / LANES) as u32,
        mask.is_some(),
    );
    Some(Tensor::from_primitive::<Cube>(out))
}

/// The nucleus of each of several maps, `scores` `[frames, height * width]`, for a share `top_p` of their softmax weights:
/// everything between scores and convolutions, without a look at the host. Points where `candidates` (as many) is 0 have no
/// weight and are not kept. With an `amplitude` above 0 the scores are evened out and dithered first, as `mesm` describes it.
///
/// `None` also where a map has more points than a unit of the device has room for.
#[must_use]
pub fn choose(
    scores: &Tensor<2>,
    candidates: Option<&Tensor<2>>,
    [height, width]: [usize; 2],
    top_p: f32,
    amplitude: f32,
) -> Option<Chosen> {
    let [frames, points] = scores.dims();
    let scores = values(scores)?;
    let client = scores.client.clone();
    let most_units = client.properties().hardware.max_units_per_cube;
    if frames == 0 || points > MOST_POINTS || most_units < CHOOSERS {
        return None;
    }
    // As many as points, where a card has them.
    let units = if is_card(&client) && most_units >= 4 * CHOOSERS && points > CHOOSERS as usize {
        4 * CHOOSERS
    } else {
        CHOOSERS
    };
    let candidates_values = match candidates {
        Some(candidates) => values(candidates)?,
        // Not read.
        None => scores.clone(),
    };
    let weights = empty(&scores, [frames, points].into(), DType::F32);
    let mask = empty(&scores, [frames, points].into(), DType::F32);
    let list = empty(&scores, [frames, points + 1].into(), DType::I32);
    // In bounds: a map has a cube, and units share its points.
    let maps = (
        CubeCount::Static(frames as u32, 1, 1),
        CubeDim::new_1d(units),
    );
    launch!(
        choose_kernel,
        &client;
        maps;
        scores.into_tensor_arg(),
        candidates_values.into_tensor_arg(),
        weights.clone().into_tensor_arg(),
        mask.clone().into_tensor_arg(),
        list.clone().into_tensor_arg(),
        height as u32,
        width as u32,
        top_p,
        amplitude,
        candidates.is_some(),
        amplitude > 0.0,
        units,
    );
    Some(Chosen {
        weights: Tensor::from_primitive::<Cube>(weights),
        mask: Tensor::from_primitive::<Cube>(mask),
        list: Tensor::from_primitive::<Cube>(list),
    })
}
