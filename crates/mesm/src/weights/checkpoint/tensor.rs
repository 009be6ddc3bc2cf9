//! A strided view of a storage, and its conversion to `f32`.

use half::{bf16, f16};

use crate::weights::WeightsError;

/// Most dimensions a tensor may have.
pub(super) const MAX_RANK: usize = 8;

/// The type of a storage's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element<'a> {
    F64,
    F32,
    F16,
    Bf16,
    /// An integer, boolean, complex or unknown type, by the name of its storage class.
    Other(&'a str),
}

impl<'a> Element<'a> {
    /// By the class name of a typed storage, for example `FloatStorage`.
    pub(super) fn of_storage(class: &'a str) -> Self {
        match class {
            "DoubleStorage" => Self::F64,
            "FloatStorage" => Self::F32,
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::Bf16,
            other => Self::Other(other),
        }
    }

    /// Bytes per element; at least 1 where the type is not known.
    fn width(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other(_) => 1,
        }
    }

    fn to_f32(self, bytes: &[u8]) -> Option<f32> {
        Some(match (self, bytes) {
            (Self::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (Self::Bf16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
            _ => return None,
        })
    }
}

/// Which elements of the storage a tensor consists of, counted in elements.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// A tensor whose every element lies inside its storage.
#[derive(Debug, Clone)]
pub(super) struct StoredTensor<'a> {
    storage: &'a [u8],
    element: Element<'a>,
    layout: Layout,
    count: usize,
}

impl<'a> StoredTensor<'a> {
    pub(super) fn new(
        storage: &'a [u8],
        element: Element<'a>,
        layout: Layout,
    ) -> Result<Self, String> {
        let Layout {
            offset,
            shape,
            strides,
        } = &layout;
        if shape.len() != strides.len() {
            return Err(format!("shape {shape:?} has strides {strides:?}"));
        }
        let available = storage.len() / element.width();
        let outside = || {
            format!(
                "shape {shape:?}, strides {strides:?} at {offset} do not fit into a storage of \
                 {available} elements"
            )
        };
        // A view that repeats elements (stride 0) could be of any size: as many elements as the
        // storage has is all that a parameter can have.
        let count = shape
            .iter()
            .try_fold(1_usize, |count, size| count.checked_mul(*size))
            .filter(|count| *count <= available)
            .ok_or_else(outside)?;
        if count > 0 {
            let last = shape
                .iter()
                .zip(strides)
                .try_fold(*offset, |last, (size, stride)| {
                    last.checked_add((size - 1).checked_mul(*stride)?)
                });
            if last.is_none_or(|last| last >= available) {
                return Err(outside());
            }
        }
        Ok(Self {
            storage,
            element,
            layout,
            count,
        })
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    pub(super) fn is_float(&self) -> bool {
        !matches!(self.element, Element::Other(_))
    }

    /// The values in row-major order.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let not_a_float = || WeightsError::Dtype {
            name: name.to_owned(),
            dtype: match self.element {
                Element::Other(class) => class.to_owned(),
                known => format!("{known:?}"),
            },
        };
        if !self.is_float() {
            return Err(not_a_float());
        }
        let width = self.element.width();
        let mut values = Vec::with_capacity(self.count);
        let mut position = vec![0_usize; self.layout.shape.len()];
        let mut index = self.layout.offset;
        for _ in 0..self.count {
            let start = index * width;
            let value = self
                .storage
                .get(start..start + width)
                .and_then(|bytes| self.element.to_f32(bytes))
                .ok_or_else(not_a_float)?;
            values.push(value);
            index = self.advance(&mut position, index);
        }
        Ok(values)
    }

    /// Moves `position` to the next element in row-major order and returns its storage index.
    fn advance(&self, position: &mut [usize], mut index: usize) -> usize {
        let Layout { shape, strides, .. } = &self.layout;
        for axis in (0..position.len()).rev() {
            position[axis] += 1;
            if position[axis] < shape[axis] {
                return index + strides[axis];
            }
            position[axis] = 0;
            index -= (shape[axis] - 1) * strides[axis];
        }
        index
    }
}
