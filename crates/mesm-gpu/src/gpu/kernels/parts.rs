//! Sums that units share.
//!
//! A card waits hundreds of cycles for what a unit reads, and hides that by turning to other units. Where a call has few of
//! them, several add up parts of the same sums: a cube has as many rows of units as sums have parts.

use cubecl::prelude::*;

/// Units of a cube that shares sums.
pub(in crate::gpu) const SHARERS: u32 = 128;

/// Which sums a unit works at: its number among those of all cubes, without the units that it shares them with.
#[cube]
pub(super) fn position(#[comptime] parts: u32) -> u32 {
    let mut unit = ABSOLUTE_POS as u32;
    if comptime!(parts > 1) {
        unit = CUBE_POS as u32 * CUBE_DIM_X + UNIT_POS_X;
    }
    unit
}

/// Which part of them it adds up.
#[cube]
pub(super) fn part(#[comptime] parts: u32) -> u32 {
    let mut part = 0u32;
    if comptime!(parts > 1) {
        part = UNIT_POS_Y;
    }
    part
}

/// Adds up the parts of four sums; each is then known to the unit of which [`finishes`] says so. All units of a cube come
/// here.
#[cube]
pub(super) fn add_parts<N: Size>(sums: &mut Array<Vector<f32, N>>, #[comptime] parts: u32) {
    let mut all = Shared::<[Vector<f32, N>]>::new_slice(comptime!(4 * SHARERS as usize));
    #[unroll]
    for i in 0..4usize {
        all[i * SHARERS as usize + UNIT_POS as usize] = sums[i];
    }
    sync_cube();
    #[unroll]
    for i in 0..4usize {
        if finishes(i as u32, parts) {
            let mut sum = Vector::<f32, N>::new(0.0);
            for part in 0..parts {
                sum += all[(i as u32 * SHARERS + part * CUBE_DIM_X + UNIT_POS_X) as usize];
            }
            sums[i] = sum;
        }
    }
}

/// Whether this unit goes on with that one of four sums.
#[cube]
pub(super) fn finishes(sum: u32, #[comptime] parts: u32) -> bool {
    let mut mine = true;
    if comptime!(parts > 1) {
        mine = sum % parts == UNIT_POS_Y;
    }
    mine
}
