//! Max-pools of whole maps and of chosen points.

use burn::backend::Cube;
use burn::tensor::{DType, Tensor};

use super::kernels::pool::halve as halve_kernel;
use super::{LANES, empty, launch, values};

/// The largest of each 2x2 window of maps, at least 0, `rows` `[frames * height * width, channels]` to
/// `[frames * (height / 2) * (width / 2), channels]`.
#[must_use]
pub fn halve_maps(rows: &Tensor<2>, size: [usize; 3]) -> Option<Tensor<2>> {
    halve(rows, None, size).map(|(rows, _)| rows)
}

/// The same of chosen points, 1 in `mask` `[frames, height * width]` and 0 elsewhere, and which windows hold one,
/// `[frames, (height / 2) * (width / 2)]`.
#[must_use]
pub fn halve_chosen(
    rows: &Tensor<2>,
    mask: &Tensor<2>,
    size: [usize; 3],
) -> Option<(Tensor<2>, Tensor<2>)> {
    halve(rows, Some(mask), size)
}

/// See [`halve_chosen`]; the mask has no meaning without one.
fn halve(
    rows: &Tensor<2>,
    mask: Option<&Tensor<2>>,
    [frames, height, width]: [usize; 3],
) -> Option<(Tensor<2>, Tensor<2>)> {
    let [_, channels] = rows.dims();
    let points = (height / 2) * (width / 2);
    if !channels.is_multiple_of(LANES) || frames * points == 0 {
        return None;
    }
    let rows = values(rows)?;
    let mask_values = match mask {
        Some(mask) => values(mask)?,
        // Not read.
        None => rows.clone(),
    };
    let client = rows.client.clone();
    let out = empty(&rows, [frames * points, channels].into(), DType::F32);
    let written = if mask.is_some() { frames } else { 1 };
    let mask_out = empty(&rows, [written, points].into(), DType::F32);
    // In bounds: a unit beyond the last window stops, and windows are whole.
    launch!(
        halve_kernel,
        &client,
        frames * points * (channels / LANES),
        LANES,
        rows.into_tensor_arg(),
        mask_values.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        mask_out.clone().into_tensor_arg(),
        frames as u32,
        height as u32,
        width as u32,
        (channels / LANES) as u32,
        mask.is_some(),
    );
    Some((
        Tensor::from_primitive::<Cube>(out),
        Tensor::from_primitive::<Cube>(mask_out),
    ))
}
