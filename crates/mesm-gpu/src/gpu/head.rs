//! The last layer of a modality, and its share in the answer.

use burn::backend::Cube;
use burn::tensor::{DType, Tensor};
use cubecl::prelude::{CubeCount, CubeDim};

use super::kernels::head::{SHARE, VALUES, judge as judge_kernel};
use super::{constant, empty, launch, values};
use mesm_kernels::{Judged, LinearParams};

/// Logits of `rows` `[utterances, in]`, all of which count as much as `present` says; their share, where there is a
/// fusion layer `[modalities, 1]` and the modality has that place in it; and the sum of that and of what was `before` it.
#[must_use]
pub fn judge(
    rows: &Tensor<2>,
    layer: &LinearParams,
    present: f32,
    fusion: Option<(&Tensor<2>, usize)>,
    before: Option<&Tensor<2>>,
) -> Option<Judged> {
    let [count, channels] = rows.dims();
    let [_, columns] = layer.weight.dims();
    if count * columns == 0 {
        return None;
    }
    let rows = values(rows)?;
    let (fusion_values, place) = match fusion {
        Some((fusion, place)) => (values(fusion)?, place),
        // Not read.
        None => (rows.clone(), 0),
    };
    let before_values = match before {
        Some(before) => values(before)?,
        // Not read.
        None => rows.clone(),
    };
    let client = rows.client.clone();
    let out = || empty(&rows, [count, columns].into(), DType::F32);
    let (logits, share, total) = (out(), out(), out());
    let cubes = (count * columns).div_ceil(VALUES as usize);
    let shape = (
        CubeCount::Static(cubes as u32, 1, 1),
        CubeDim::new_2d(SHARE, VALUES),
    );
    // In bounds: units beyond the last row read nothing and write nothing.
    launch!(
        judge_kernel,
        &client;
        shape;
        rows.into_tensor_arg(),
        constant(&layer.weight)?.into_tensor_arg(),
        values(&layer.bias)?.into_tensor_arg(),
        fusion_values.into_tensor_arg(),
        before_values.into_tensor_arg(),
        logits.clone().into_tensor_arg(),
        share.clone().into_tensor_arg(),
        total.clone().into_tensor_arg(),
        count as u32,
        channels as u32,
        columns as u32,
        place as u32,
        present,
        fusion.is_some(),
        before.is_none(),
    );
    let tensor = Tensor::from_primitive::<Cube>;
    Some(Judged {
        logits: tensor(logits),
        share: tensor(share),
        total: tensor(total),
    })
}
