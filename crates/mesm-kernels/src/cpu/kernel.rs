//! A kernel's weights, laid out as the product reads them.

use crate::parallel::for_each_chunk;

/// Channels of all columns of a panel that are transposed at once.
const CHANNELS_AT_ONCE: usize = 16;

/// The weights of a convolution or a linear layer, `[taps * channels in, channels out]`, in panels of a few columns.
#[derive(Debug, Clone)]
pub struct Kernel {
    pub(crate) depth: usize,
    pub(crate) taps: usize,
    pub(crate) columns: usize,
    /// Columns of a panel.
    pub(crate) width: usize,
    /// `[panels, taps * depth, width]`, zeros after the last column.
    pub(crate) panels: Vec<f32>,
}

/// How the weights lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `[taps, in, out]`: sparse convolutions and linear layers.
    InOut,
    /// `[out, in, taps]`: dense convolutions.
    OutIn,
}

impl Order {
    /// Distances between neighbouring taps, input channels and output channels.
    pub(crate) fn strides(self, [taps, channels_in, channels_out]: [usize; 3]) -> [usize; 3] {
        match self {
            Self::InOut => [channels_in * channels_out, channels_out, 1],
            Self::OutIn => [1, taps, channels_in * taps],
        }
    }
}

impl Kernel {
    /// Lays out `weights` of `taps` taps from `depth` to `columns` channels, each column times its `scale`.
    ///
    /// # Panics
    /// When a length is not what the sizes say.
    #[must_use]
    pub fn new(weights: &[f32], order: Order, sizes: [usize; 3], scale: Option<&[f32]>) -> Self {
        assert_eq!(weights.len(), sizes.iter().product::<usize>(), "weights");
        Self::with_strides(weights, order.strides(sizes), sizes, scale)
    }

    /// The same weights the other way, from output channels to input channels: what carries gradients back.
    ///
    /// # Panics
    /// When a length is not what the sizes say.
    #[must_use]
    pub fn transposed(weights: &[f32], order: Order, sizes: [usize; 3]) -> Self {
        assert_eq!(weights.len(), sizes.iter().product::<usize>(), "weights");
        let [taps, channels_in, channels_out] = sizes;
        let [tap, channel_in, channel_out] = order.strides(sizes);
        Self::with_strides(
            weights,
            [tap, channel_out, channel_in],
            [taps, channels_out, channels_in],
            None,
        )
    }

    fn with_strides(
        weights: &[f32],
        [to_tap, to_channel, to_column]: [usize; 3],
        [taps, depth, columns]: [usize; 3],
        scale: Option<&[f32]>,
    ) -> Self {
        assert!(scale.is_none_or(|scale| scale.len() == columns), "scale");
        let width = super::panel_width();
        let inner = taps * depth;
        let mut panels = vec![0.0; columns.div_ceil(width) * inner * width];
        let fill = |panel: usize, out: &mut [f32]| {
            let first = panel * width;
            let count = width.min(columns - first);
            // In blocks that stay in the first cache, whichever way they are gone through.
            for start in (0..depth).step_by(CHANNELS_AT_ONCE) {
                let channels = CHANNELS_AT_ONCE.min(depth - start);
                for tap in 0..taps {
                    let out = &mut out[(tap * depth + start) * width..][..channels * width];
                    let from = tap * to_tap + start * to_channel + first * to_column;
                    if to_column == 1 {
                        for (channel, out) in out.chunks_exact_mut(width).enumerate() {
                            let from = from + channel * to_channel;
                            out[..count].copy_from_slice(&weights[from..from + count]);
                        }
                        continue;
                    }
                    for column in 0..count {
                        let values = weights[from + column * to_column..]
                            .iter()
                            .step_by(to_channel);
                        for (value, out) in values.zip(out[column..].iter_mut().step_by(width)) {
                            *out = *value;
                        }
                    }
                }
            }
            if let Some(scale) = scale {
                let scale = &scale[first..first + count];
                for out in out.chunks_exact_mut(width) {
                    for (value, scale) in out.iter_mut().zip(scale) {
                        *value *= scale;
                    }
                }
            }
        };
        for_each_chunk(&mut panels, inner * width, fill);
        Self {
            depth,
            taps,
            columns,
            width,
            panels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_give_the_same_panels() {
        let sizes = [9, 20, 35];
        let [taps, depth, columns] = sizes;
        let value =
            |tap: usize, k: usize, column: usize| ((tap * depth + k) * columns + column) as f32;
        let mut in_out = Vec::new();
        for tap in 0..taps {
            for k in 0..depth {
                in_out.extend((0..columns).map(|column| value(tap, k, column)));
            }
        }
        let mut out_in = Vec::new();
        for column in 0..columns {
            for k in 0..depth {
                out_in.extend((0..taps).map(|tap| value(tap, k, column)));
            }
        }
        let expected = Kernel::new(&in_out, Order::InOut, sizes, None);
        assert_eq!(
            Kernel::new(&out_in, Order::OutIn, sizes, None).panels,
            expected.panels
        );
        assert_eq!(expected.panels[expected.width + 1..][..1], [value(0, 1, 1)]);
        let back = Kernel::transposed(&in_out, Order::InOut, sizes);
        assert_eq!(back.panels[back.width + 2..][..1], [value(0, 2, 1)]);
        assert_eq!(
            Kernel::transposed(&out_in, Order::OutIn, sizes).panels,
            back.panels
        );
    }
}
