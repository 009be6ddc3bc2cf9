//! Max-pools.

use cubecl::prelude::*;

/// One vector of channels of one 2x2 window a unit. Where points were `chosen` the others count as zeros, and `mask_out` says
/// which windows hold one.
#[cube(launch_unchecked)]
pub(in crate::gpu) fn halve<N: Size>(
    rows: &Tensor<Vector<f32, N>>,
    mask: &Tensor<f32>,
    out: &mut Tensor<Vector<f32, N>>,
    mask_out: &mut Tensor<f32>,
    frames: u32,
    height: u32,
    width: u32,
    channels: u32,
    #[comptime] chosen: bool,
) {
    let unit = ABSOLUTE_POS as u32;
    let channel = unit % channels;
    let window = unit / channels;
    let (across, down) = (width / 2, height / 2);
    if window >= frames * down * across {
        terminate!();
    }
    let x = window % across * 2;
    let y = window / across % down * 2;
    let frame = window / (across * down);
    let mut found = Vector::<f32, N>::new(0.0);
    let mut any = 0.0;
    for i in 0..4u32 {
        let source = (frame * height + y + i / 2) * width + x + i % 2;
        let mut present = 1.0;
        if chosen {
            present = mask[source as usize];
        }
        if present > 0.0 {
            found = max(found, rows[(source * channels + channel) as usize]);
            any = 1.0;
        }
    }
    out[unit as usize] = found;
    if chosen {
        if channel == 0 {
            mask_out[window as usize] = any;
        }
    }
}
