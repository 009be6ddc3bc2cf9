//! What a modality says of the classes, and what becomes of it.

use cubecl::prelude::*;

/// Units of a row of a cube, which share the sum of a value.
pub(in crate::gpu) const SHARE: u32 = 16;

/// Rows of units of a cube.
pub(in crate::gpu) const VALUES: u32 = 8;

/// Logits of one class of one row a row of units: `rows` times `weights`, plus the bias, times `present`. Their share is what
/// the modality's place in `fusion` says of them, and `total` that of all modalities up to this one.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn judge(
    rows: &Tensor<f32>,
    weights: &Tensor<f32>,
    bias: &Tensor<f32>,
    fusion: &Tensor<f32>,
    before: &Tensor<f32>,
    logits: &mut Tensor<f32>,
    share: &mut Tensor<f32>,
    total: &mut Tensor<f32>,
    count: u32,
    channels: u32,
    columns: u32,
    place: u32,
    present: f32,
    #[comptime] weighed: bool,
    #[comptime] first: bool,
) {
    let mut partial = Shared::<[f32]>::new_slice(comptime!((SHARE * VALUES) as usize));
    let value = CUBE_POS as u32 * VALUES + UNIT_POS_Y;
    let row = value / columns;
    let column = value % columns;
    let end = select(row < count, channels, 0);
    let mut sum = 0.0;
    for channel in range_stepped(UNIT_POS_X, end, SHARE) {
        let weight = weights[(channel * columns + column) as usize];
        sum += rows[(row * channels + channel) as usize] * weight;
    }
    partial[UNIT_POS as usize] = sum;
    sync_cube();
    if UNIT_POS_X == 0 && row < count {
        let mut sum = bias[column as usize];
        for unit in 0..SHARE {
            sum += partial[(UNIT_POS_Y * SHARE + unit) as usize];
        }
        let own = sum * present;
        let mut part = own;
        if weighed {
            part *= fusion[place as usize];
        }
        logits[value as usize] = own;
        share[value as usize] = part;
        if !first {
            part += before[value as usize];
        }
        total[value as usize] = part;
    }
}
