//! A kernel's weights, laid out as the product reads them.

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

impl Kernel {
    /// Lays out `weights` of `taps` taps from `depth` to `columns` channels, each column times its `scale`.
    ///
    /// # Panics
    /// When a length is not what the sizes say.
    #[must_use]
    pub fn new(
        weights: &[f32],
        order: Order,
        [taps, depth, columns]: [usize; 3],
        scale: Option<&[f32]>,
    ) -> Self {
        assert_eq!(weights.len(), taps * depth * columns, "weights");
        assert!(scale.is_none_or(|scale| scale.len() == columns), "scale");
        let width = super::panel_width();
        let inner = taps * depth;
        let mut panels = vec![0.0; columns.div_ceil(width) * inner * width];
        let fill = |panel: usize, out: &mut [f32]| {
            let first = panel * width;
            let count = width.min(columns - first);
            match order {
                Order::InOut => {
                    for (row, out) in weights
                        .chunks_exact(columns)
                        .zip(out.chunks_exact_mut(width))
                    {
                        out[..count].copy_from_slice(&row[first..first + count]);
                    }
                }
                Order::OutIn => {
                    // In blocks that stay in the first cache, whichever way they are gone through.
                    for start in (0..depth).step_by(CHANNELS_AT_ONCE) {
                        let channels = start..(start + CHANNELS_AT_ONCE).min(depth);
                        for tap in 0..taps {
                            let out = &mut out[(tap * depth + start) * width..];
                            for column in 0..count {
                                let row = &weights[(first + column) * inner..][..inner];
                                let row = &row[channels.start * taps..channels.end * taps];
                                let values = row[tap..].iter().step_by(taps);
                                for (value, out) in
                                    values.zip(out[column..].iter_mut().step_by(width))
                                {
                                    *out = *value;
                                }
                            }
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
        super::for_each_chunk(&mut panels, inner * width, fill);
        Self {
            depth,
            taps,
            columns,
            width,
            panels,
        }
    }
}
