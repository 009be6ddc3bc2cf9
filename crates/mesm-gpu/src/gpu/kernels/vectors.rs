//! Vectors of four.

use cubecl::prelude::*;

/// Four values times the four rows of weights that belong to them.
#[cube]
pub(super) fn times<N: Size>(
    w0: Vector<f32, N>,
    w1: Vector<f32, N>,
    w2: Vector<f32, N>,
    w3: Vector<f32, N>,
    values: Vector<f32, N>,
) -> Vector<f32, N> {
    w0 * Vector::new(values.extract(0usize))
        + w1 * Vector::new(values.extract(1usize))
        + w2 * Vector::new(values.extract(2usize))
        + w3 * Vector::new(values.extract(3usize))
}

/// Four rows of weights, one after the other.
#[allow(clippy::type_complexity)]
#[cube]
pub(super) fn four_rows<N: Size>(
    weights: &Tensor<Vector<f32, N>>,
    first: u32,
    columns: u32,
) -> (
    Vector<f32, N>,
    Vector<f32, N>,
    Vector<f32, N>,
    Vector<f32, N>,
) {
    (
        weights[first as usize],
        weights[(first + columns) as usize],
        weights[(first + 2 * columns) as usize],
        weights[(first + 3 * columns) as usize],
    )
}

/// The sum of four values.
#[cube]
pub(super) fn total<N: Size>(values: Vector<f32, N>) -> f32 {
    values.extract(0usize)
        + values.extract(1usize)
        + values.extract(2usize)
        + values.extract(3usize)
}
