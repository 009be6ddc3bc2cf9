//! The passes themselves, tile by tile, vector by vector.

use pulp::{Simd, WithSimd};

use super::Tiled;

/// Vectors of some values, and what is left of them, filled up with zeros.
#[inline(always)]
fn vectors<S: Simd>(simd: S, values: &[f32]) -> (&[S::f32s], S::f32s) {
    let (whole, rest) = S::as_simd_f32s(values);
    (whole, simd.partial_load_f32s(rest))
}

/// Adds rows to sums.
pub(super) struct Sums<'a> {
    pub(super) rows: &'a [f32],
    pub(super) sums: &'a mut [f32],
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.sums.len();
        let sums = S::as_mut_simd_f32s(self.sums).0;
        for rows in self.rows.chunks(tile) {
            let (whole, rest) = vectors(simd, rows);
            for (sum, x) in sums.iter_mut().zip(whole) {
                *sum = simd.add_f32s(*sum, *x);
            }
            if let Some(sum) = sums.get_mut(whole.len()) {
                *sum = simd.add_f32s(*sum, rest);
            }
        }
    }
}

/// Adds the squares of what rows are beside the mean to sums.
pub(super) struct Squares<'a> {
    pub(super) rows: &'a [f32],
    pub(super) mean: &'a [f32],
    pub(super) sums: &'a mut [f32],
}

impl WithSimd for Squares<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.sums.len();
        let sums = S::as_mut_simd_f32s(self.sums).0;
        let mean = S::as_simd_f32s(self.mean).0;
        for rows in self.rows.chunks(tile) {
            let (whole, rest) = S::as_simd_f32s(rows);
            for ((sum, x), mean) in sums.iter_mut().zip(whole).zip(mean) {
                let beside = simd.sub_f32s(*x, *mean);
                *sum = simd.mul_add_e_f32s(beside, beside, *sum);
            }
            if !rest.is_empty() {
                // Values that are not there are no distance from the mean.
                let at = whole.len();
                let means = &self.mean[at * S::F32_LANES..][..rest.len()];
                let (x, mean) = (simd.partial_load_f32s(rest), simd.partial_load_f32s(means));
                let beside = simd.sub_f32s(x, mean);
                sums[at] = simd.mul_add_e_f32s(beside, beside, sums[at]);
            }
        }
    }
}

/// Normalises rows.
pub(super) struct Forward<'a> {
    pub(super) rows: &'a [f32],
    pub(super) by: &'a Tiled,
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.by.mean.len();
        let by = Vectors::new(simd, self.by);
        let zero = simd.splat_f32s(0.0);
        for (rows, out) in self.rows.chunks(tile).zip(self.out.chunks_mut(tile)) {
            let (rows, row) = vectors(simd, rows);
            let (out, out_rest) = S::as_mut_simd_f32s(out);
            for (i, (out, x)) in out.iter_mut().zip(rows).enumerate() {
                *out = simd.max_f32s(by.value(*x, i).1, zero);
            }
            if !out_rest.is_empty() {
                let value = simd.max_f32s(by.value(row, rows.len()).1, zero);
                simd.partial_store_f32s(out_rest, value);
            }
        }
    }
}

/// Adds what reaches bias and weight of each column to sums.
pub(super) struct BackSums<'a> {
    pub(super) rows: &'a [f32],
    pub(super) gradients: &'a [f32],
    pub(super) by: &'a Tiled,
    pub(super) biases: &'a mut [f32],
    pub(super) weights: &'a mut [f32],
}

impl WithSimd for BackSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.biases.len();
        let by = Vectors::new(simd, self.by);
        let biases = S::as_mut_simd_f32s(self.biases).0;
        let weights = S::as_mut_simd_f32s(self.weights).0;
        for (rows, gradients) in self.rows.chunks(tile).zip(self.gradients.chunks(tile)) {
            let (rows, row) = vectors(simd, rows);
            let (gradients, gradient) = vectors(simd, gradients);
            for (i, (bias, weight)) in biases.iter_mut().zip(weights.iter_mut()).enumerate() {
                // Behind the last row no gradient arrives.
                let (x, gradient) = match rows.get(i).zip(gradients.get(i)) {
                    Some((x, gradient)) => (*x, *gradient),
                    None if i == rows.len() => (row, gradient),
                    None => break,
                };
                let (standard, gradient) = by.standard_and_gradient(x, gradient, i);
                *bias = simd.add_f32s(*bias, gradient);
                *weight = simd.mul_add_e_f32s(gradient, standard, *weight);
            }
        }
    }
}

/// The gradients of rows; `means` are those of the gradients of bias and weight, a tile long.
pub(super) struct Back<'a> {
    pub(super) rows: &'a [f32],
    pub(super) gradients: &'a [f32],
    pub(super) by: &'a Tiled,
    pub(super) means: [&'a [f32]; 2],
    pub(super) out: &'a mut [f32],
}

impl WithSimd for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tile = self.by.mean.len();
        let by = Vectors::new(simd, self.by);
        let means = self.means.map(|values| S::as_simd_f32s(values).0);
        let sources = self.rows.chunks(tile).zip(self.gradients.chunks(tile));
        for (out, (rows, gradients)) in self.out.chunks_mut(tile).zip(sources) {
            let (rows, row) = vectors(simd, rows);
            let (gradients, gradient) = vectors(simd, gradients);
            let (out, out_rest) = S::as_mut_simd_f32s(out);
            let both = rows.iter().zip(gradients);
            for (i, (out, (x, gradient))) in out.iter_mut().zip(both).enumerate() {
                *out = by.gradient(*x, *gradient, means, i);
            }
            if !out_rest.is_empty() {
                let found = by.gradient(row, gradient, means, rows.len());
                simd.partial_store_f32s(out_rest, found);
            }
        }
    }
}

/// A normalisation of vectors, by their place in a tile.
struct Vectors<'a, S: Simd> {
    simd: S,
    mean: &'a [S::f32s],
    inverse_deviation: &'a [S::f32s],
    scale: &'a [S::f32s],
    bias: &'a [S::f32s],
}

impl<'a, S: Simd> Vectors<'a, S> {
    #[inline(always)]
    fn new(simd: S, by: &'a Tiled) -> Self {
        Self {
            simd,
            mean: S::as_simd_f32s(&by.mean).0,
            inverse_deviation: S::as_simd_f32s(&by.inverse_deviation).0,
            scale: S::as_simd_f32s(&by.scale).0,
            bias: S::as_simd_f32s(&by.bias).0,
        }
    }

    /// How far values are from the mean, and the normalised values before ReLU.
    #[inline(always)]
    fn value(&self, x: S::f32s, i: usize) -> (S::f32s, S::f32s) {
        let beside = self.simd.sub_f32s(x, self.mean[i]);
        let value = self
            .simd
            .mul_add_e_f32s(beside, self.scale[i], self.bias[i]);
        (beside, value)
    }

    /// The normalised values before weight and bias, and the gradients where ReLU let the values through.
    #[inline(always)]
    fn standard_and_gradient(&self, x: S::f32s, gradient: S::f32s, i: usize) -> (S::f32s, S::f32s) {
        let simd = self.simd;
        let (beside, value) = self.value(x, i);
        let zero = simd.splat_f32s(0.0);
        let passed = simd.greater_than_f32s(value, zero);
        let gradient = simd.select_f32s(passed, gradient, zero);
        (simd.mul_f32s(beside, self.inverse_deviation[i]), gradient)
    }

    /// The gradients of values; `means` are those of the gradients of bias and weight.
    #[inline(always)]
    fn gradient(
        &self,
        x: S::f32s,
        gradient: S::f32s,
        [bias, weight]: [&[S::f32s]; 2],
        i: usize,
    ) -> S::f32s {
        let simd = self.simd;
        let (standard, gradient) = self.standard_and_gradient(x, gradient, i);
        let centred = simd.sub_f32s(gradient, bias[i]);
        let centred = simd.sub_f32s(centred, simd.mul_f32s(standard, weight[i]));
        simd.mul_f32s(self.scale[i], centred)
    }
}
