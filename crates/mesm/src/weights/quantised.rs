//! Matrices in few bits: whole numbers, and a scale for each group of them.
//!
//! Beside a matrix `name` `[rows, columns]` lies `name.scale` `[rows, groups]`; each scale belongs to
//! `columns / groups` values of its row, and a value is its whole number times its scale. `I8` holds one number a byte,
//! -127 to 127. `U8` holds two, the first in the low half, each 8 above its value (-7 to 7), so that the stored shape is
//! `[rows, columns / 2]`. The rounding error of a value is at most half its scale.

use half::f16;
use safetensors::tensor::{Dtype, TensorView};

use super::source::WeightsError;

/// What follows a matrix's name in that of its scales.
pub(super) const SCALE: &str = ".scale";
/// Values of a row that share a scale in 4 bits.
const GROUP: usize = 32;
/// Added to a 4-bit number, so that none is negative.
const OFFSET: f32 = 8.0;

/// How many bits a whole number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bits {
    Eight,
    Four,
}

/// A tensor as it is stored.
pub(super) struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

impl Bits {
    /// The bits in which a tensor of this shape can be stored: none where it is no matrix, eight where its rows do not
    /// divide into groups.
    pub(super) fn for_shape(self, shape: &[usize]) -> Option<Self> {
        match *shape {
            [_, columns] if columns > 0 => Some(match columns % GROUP {
                0 => self,
                _ => Self::Eight,
            }),
            _ => None,
        }
    }

    fn of(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::I8 => Some(Self::Eight),
            Dtype::U8 => Some(Self::Four),
            _ => None,
        }
    }

    fn largest(self) -> f32 {
        match self {
            Self::Eight => 127.0,
            Self::Four => 7.0,
        }
    }
}

/// Whether tensors of this type are the whole numbers of a matrix.
pub(super) fn is_quantised(dtype: Dtype) -> bool {
    Bits::of(dtype).is_some()
}

/// The shape of the values behind a stored shape.
pub(super) fn shape(dtype: Dtype, stored: &[usize]) -> Vec<usize> {
    let mut shape = stored.to_vec();
    if Bits::of(dtype) == Some(Bits::Four)
        && let Some(last) = shape.last_mut()
    {
        *last = last.saturating_mul(2);
    }
    shape
}

/// The whole numbers and the scales of a matrix `[rows, columns]` of finite values; `bits` is what [`Bits::for_shape`] gave for that shape.
pub(super) fn store(values: &[f32], shape: &[usize], bits: Bits) -> [Stored; 2] {
    let (rows, columns) = (shape[0], shape[1]);
    let group = match bits {
        Bits::Eight => columns,
        Bits::Four => GROUP,
    };
    let mut scales = Vec::with_capacity(values.len() / group);
    let mut numbers = Vec::with_capacity(values.len());
    for values in values.chunks_exact(group) {
        let peak = values.iter().fold(0.0_f32, |peak, v| peak.max(v.abs()));
        let scale = match bits {
            Bits::Eight => peak / bits.largest(),
            // The numbers are made for the scale that is kept.
            Bits::Four => f16::from_f32(peak / bits.largest()).to_f32(),
        };
        scales.push(scale);
        numbers.extend(values.iter().map(|value| {
            if scale > 0.0 {
                (value / scale)
                    .round()
                    .clamp(-bits.largest(), bits.largest())
            } else {
                0.0
            }
        }));
    }
    let (dtype, stored_shape, bytes) = match bits {
        Bits::Eight => {
            let bytes = numbers.iter().map(|n| (*n as i8).to_le_bytes()[0]);
            (Dtype::I8, shape.to_vec(), bytes.collect())
        }
        Bits::Four => {
            let pairs = numbers.as_chunks::<2>().0.iter();
            let bytes =
                pairs.map(|[low, high]| (low + OFFSET) as u8 | (((high + OFFSET) as u8) << 4));
            (Dtype::U8, vec![rows, columns / 2], bytes.collect())
        }
    };
    let (scale_dtype, scale_bytes) = match bits {
        Bits::Eight => {
            let bytes = scales.iter().flat_map(|s| s.to_le_bytes());
            (Dtype::F32, bytes.collect())
        }
        Bits::Four => {
            let bytes = scales.iter().flat_map(|s| f16::from_f32(*s).to_le_bytes());
            (Dtype::F16, bytes.collect())
        }
    };
    [
        Stored {
            dtype,
            shape: stored_shape,
            bytes,
        },
        Stored {
            dtype: scale_dtype,
            shape: vec![rows, columns / group],
            bytes: scale_bytes,
        },
    ]
}

/// The values of a stored matrix; `scales` are those of the tensor `name.scale` with shape `scale_shape`.
///
/// # Errors
/// When the scales do not divide the matrix evenly.
pub(super) fn read(
    name: &str,
    numbers: &TensorView<'_>,
    scales: &[f32],
    scale_shape: &[usize],
) -> Result<Vec<f32>, WeightsError> {
    let values: Vec<f32> = match Bits::of(numbers.dtype()) {
        Some(Bits::Four) => numbers
            .data()
            .iter()
            .flat_map(|byte| [byte & 15, byte >> 4])
            .map(|number| f32::from(number) - OFFSET)
            .collect(),
        _ => numbers
            .data()
            .iter()
            .map(|byte| f32::from(i8::from_le_bytes([*byte])))
            .collect(),
    };
    let fits = match (
        shape(numbers.dtype(), numbers.shape()).as_slice(),
        scale_shape,
    ) {
        (&[rows, columns], &[scale_rows, groups]) => {
            rows == scale_rows && groups > 0 && columns % groups == 0
        }
        _ => false,
    };
    if !fits || scales.is_empty() {
        return Err(WeightsError::Scale {
            name: name.to_owned(),
            shape: numbers.shape().to_vec(),
            scale: scale_shape.to_vec(),
        });
    }
    let group = values.len() / scales.len();
    Ok(values
        .chunks_exact(group.max(1))
        .zip(scales)
        .flat_map(|(values, scale)| values.iter().map(move |value| value * scale))
        .collect())
}
