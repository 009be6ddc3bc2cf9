//! Scores of additive attention.

use pulp::{Arch, Simd, WithSimd};

use super::{Finish, Kernel, Order, Taps, product};

/// An additive attention: `w tanh(W m + b + q) + c`.
#[derive(Debug, Clone, Copy)]
pub struct Additive<'a> {
    /// `W`, `[channels, width]`.
    pub points: &'a [f32],
    /// `b`, `[width]`.
    pub shift: &'a [f32],
    /// `w`, `[width]`.
    pub scores: &'a [f32],
    /// `c`.
    pub score_shift: f32,
}

/// The scores `[rows]` of rows of `features` `[rows, channels]`. The first `counts[0]` rows belong to the first of
/// `queries` `[frames, width]`, the next to the second, and so on.
///
/// # Panics
/// When the lengths do not fit each other.
#[must_use]
pub fn scores(
    features: &[f32],
    attention: Additive<'_>,
    queries: &[f32],
    counts: &[usize],
) -> Vec<f32> {
    let width = attention.shift.len();
    let rows: usize = counts.iter().sum();
    assert_eq!(attention.scores.len(), width, "scores");
    assert_eq!(queries.len(), counts.len() * width, "queries");
    let channels = attention.points.len() / width;
    assert_eq!(features.len(), rows * channels, "features");
    let kernel = Kernel::new(attention.points, Order::InOut, [1, channels, width], None);
    let finish = Finish {
        shift: Some(attention.shift),
        relu: false,
    };
    let hidden = product(features, &Taps::identity(rows), &kernel, finish);
    let mut out = vec![0.0; rows];
    let mut ends = Vec::with_capacity(counts.len());
    let mut end = 0;
    for count in counts {
        end += count;
        ends.push(end);
    }
    let size = 512;
    super::for_each_chunk(&mut out, size, |task, out| {
        let mut row = task * size;
        let mut out = &mut *out;
        while !out.is_empty() {
            let frame = ends.partition_point(|&end| end <= row);
            let (now, later) = out.split_at_mut(out.len().min(ends[frame] - row));
            let hidden = &hidden[row * width..(row + now.len()) * width];
            row += now.len();
            Arch::new().dispatch(Rows {
                hidden,
                query: &queries[frame * width..(frame + 1) * width],
                weights: attention.scores,
                shift: attention.score_shift,
                out: now,
            });
            out = later;
        }
    });
    out
}

/// Rows of one frame.
struct Rows<'a> {
    hidden: &'a [f32],
    query: &'a [f32],
    weights: &'a [f32],
    shift: f32,
    out: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let width = self.query.len();
        let (query, query_rest) = S::as_simd_f32s(self.query);
        let (weights, weights_rest) = S::as_simd_f32s(self.weights);
        for (out, hidden) in self.out.iter_mut().zip(self.hidden.chunks_exact(width)) {
            let (hidden, rest) = S::as_simd_f32s(hidden);
            let mut sum = simd.splat_f32s(0.0);
            for ((hidden, query), weight) in hidden.iter().zip(query).zip(weights) {
                let value = tanh(simd, simd.add_f32s(*hidden, *query));
                sum = simd.mul_add_e_f32s(value, *weight, sum);
            }
            if !rest.is_empty() {
                let load = |values| simd.partial_load_f32s(values);
                let value = tanh(simd, simd.add_f32s(load(rest), load(query_rest)));
                sum = simd.mul_add_e_f32s(value, load(weights_rest), sum);
            }
            *out = simd.reduce_sum_f32s(sum) + self.shift;
        }
    }
}

/// From here on the hyperbolic tangent is 1 in `f32`.
const SATURATED: f32 = 9.02;

/// Coefficients of x P(x^2) / Q(x^2), the rational function closest to tanh x up to [`SATURATED`] (relative error 4e-11,
/// found by iteratively reweighted least squares).
const P: [f32; 6] = [
    1.0,
    1.409_921_7e-1,
    4.425_958_9e-3,
    4.227_398_5e-5,
    1.111_774_2e-7,
    3.674_516e-11,
];
const Q: [f32; 6] = [
    1.0,
    4.743_255e-1,
    2.920_112_8e-2,
    5.008_360_5e-4,
    2.603_877_1e-6,
    2.951_225_3e-9,
];

/// The hyperbolic tangent, within 4e-7.
#[inline(always)]
fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.min_f32s(x, simd.splat_f32s(SATURATED));
    let x = simd.max_f32s(x, simd.splat_f32s(-SATURATED));
    let square = simd.mul_f32s(x, x);
    let polynomial = |coefficients: [f32; 6]| {
        let [.., last] = coefficients;
        let mut sum = simd.splat_f32s(last);
        for c in coefficients.into_iter().rev().skip(1) {
            sum = simd.mul_add_e_f32s(sum, square, simd.splat_f32s(c));
        }
        sum
    };
    simd.div_f32s(simd.mul_f32s(x, polynomial(P)), polynomial(Q))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_formula() {
        let (channels, width) = (5, 19);
        let value = |seed: usize, i: usize| ((i * 37 + seed * 101) % 113) as f32 / 40.0 - 1.4;
        let counts = [3, 0, 700, 1];
        let rows: usize = counts.iter().sum();
        let fill = |seed, count| (0..count).map(|i| value(seed, i)).collect::<Vec<f32>>();
        let features = fill(1, rows * channels);
        let (points, shift, weights) = (fill(2, channels * width), fill(3, width), fill(4, width));
        let queries = fill(5, counts.len() * width);
        let attention = Additive {
            points: &points,
            shift: &shift,
            scores: &weights,
            score_shift: 0.25,
        };
        let found = scores(&features, attention, &queries, &counts);
        let frames = counts
            .iter()
            .enumerate()
            .flat_map(|(frame, &count)| std::iter::repeat_n(frame, count));
        for (row, (frame, found)) in frames.zip(found).enumerate() {
            let mut expected = 0.25_f64;
            for k in 0..width {
                let mut sum = f64::from(shift[k] + queries[frame * width + k]);
                for c in 0..channels {
                    sum += f64::from(features[row * channels + c] * points[c * width + k]);
                }
                expected += sum.tanh() * f64::from(weights[k]);
            }
            let error = (f64::from(found) - expected).abs();
            assert!(error < 2e-5, "row {row}: {found}, not {expected}");
        }
    }

    #[test]
    fn tanh_is_tanh() {
        struct Values([f32; 64]);
        impl WithSimd for Values {
            type Output = [f32; 64];

            fn with_simd<S: Simd>(mut self, simd: S) -> [f32; 64] {
                for x in S::as_mut_simd_f32s(&mut self.0).0 {
                    *x = tanh(simd, *x);
                }
                self.0
            }
        }
        for scale in [1e-6_f32, 1e-3, 0.02, 0.1, 0.3, 1.0, 1e30] {
            let values = std::array::from_fn(|i| (i as f32 - 31.5) * scale);
            let found = Arch::new().dispatch(Values(values));
            for (x, found) in values.iter().zip(found) {
                let error = (f64::from(found) - f64::from(*x).tanh()).abs();
                assert!(error < 4e-7, "tanh {x} is {found}");
            }
        }
    }
}
