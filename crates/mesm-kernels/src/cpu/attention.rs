//! Scores of additive attention.

use pulp::{Arch, Simd, WithSimd};

use super::{Finish, Kernel, Order, Taps, column_sums, outer, product};
use crate::parallel::for_each_chunk;

/// An additive attention: `w tanh(W m + b + q) + c`.
#[derive(Debug, Clone, Copy)]
pub struct Additive<'a> {
    /// `W`, from channels to width.
    pub points: &'a Kernel,
    /// `b`, `[width]`.
    pub shift: &'a [f32],
    /// `w`, `[width]`.
    pub scores: &'a [f32],
    /// `c`.
    pub score_shift: f32,
}

impl Additive<'_> {
    /// `tanh(W m + b + q)` of every row, `[rows, width]`.
    fn hidden(&self, features: &[f32], queries: &[f32], counts: &[usize]) -> Vec<f32> {
        let width = self.shift.len();
        assert_eq!(self.scores.len(), width, "scores");
        assert_eq!(queries.len(), counts.len() * width, "queries");
        let mut ends = Vec::with_capacity(counts.len());
        let mut end = 0;
        for count in counts {
            end += count;
            ends.push(end);
        }
        let finish = Finish {
            shift: Some(self.shift),
            relu: false,
        };
        let mut hidden = product(features, &Taps::identity(end), self.points, finish);
        tanh_of_rows(&mut hidden, queries, &ends, width);
        hidden
    }
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
    let hidden = attention.hidden(features, queries, counts);
    let mut out = vec![0.0; hidden.len() / width];
    for_each_chunk(&mut out, ROWS_AT_ONCE, |task, out| {
        let hidden = &hidden[task * ROWS_AT_ONCE * width..];
        Arch::new().dispatch(Weigh {
            rows: &hidden[..out.len() * width],
            weights: attention.scores,
            shift: attention.score_shift,
            out,
        });
    });
    out
}

/// The gradients of everything that scores are made of.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreGradients {
    /// Of the features, `[rows, channels]`.
    pub features: Vec<f32>,
    /// Of `W`, `[channels, width]`.
    pub points: Vec<f32>,
    /// Of `b`, `[width]`.
    pub shift: Vec<f32>,
    /// Of `w`, `[width]`.
    pub scores: Vec<f32>,
    /// Of `c`.
    pub score_shift: f32,
    /// Of the queries, `[frames, width]`.
    pub queries: Vec<f32>,
}

/// The way back through [`scores`], from the `gradients` `[rows]` of the scores; `points` is `W` once more,
/// `[channels, width]`.
///
/// # Panics
/// When the lengths do not fit each other.
#[must_use]
pub fn scores_back(
    features: &[f32],
    attention: Additive<'_>,
    points: &[f32],
    queries: &[f32],
    counts: &[usize],
    gradients: &[f32],
) -> ScoreGradients {
    let width = attention.shift.len();
    let channels = points.len() / width;
    let mut hidden = attention.hidden(features, queries, counts);
    assert_eq!(gradients.len(), hidden.len() / width, "gradients");
    let identity = Taps::identity(gradients.len());
    let scores = outer(gradients, &hidden, &identity, [1, width], Order::InOut);
    // From here on what arrives before the hyperbolic tangent.
    for_each_chunk(&mut hidden, ROWS_AT_ONCE * width, |task, hidden| {
        let gradients = &gradients[task * ROWS_AT_ONCE..];
        for (row, gradient) in hidden.chunks_exact_mut(width).zip(gradients) {
            for (value, weight) in row.iter_mut().zip(attention.scores) {
                *value = gradient * weight * (1.0 - *value * *value);
            }
        }
    });
    let mut by_frame = Vec::with_capacity(counts.len() * width);
    let mut rest = hidden.as_slice();
    for count in counts {
        let (frame, later) = rest.split_at(count * width);
        rest = later;
        by_frame.extend(column_sums(frame, width).into_iter().map(|sum| sum as f32));
    }
    let sizes = [1, channels, width];
    let back = Kernel::transposed(points, Order::InOut, sizes);
    ScoreGradients {
        features: product(&hidden, &identity, &back, Finish::default()),
        points: outer(
            features,
            &hidden,
            &identity,
            [channels, width],
            Order::InOut,
        ),
        shift: column_sums(&hidden, width)
            .into_iter()
            .map(|sum| sum as f32)
            .collect(),
        scores,
        score_shift: gradients.iter().map(|g| f64::from(*g)).sum::<f64>() as f32,
        queries: by_frame,
    }
}

/// Rows that a task goes through.
const ROWS_AT_ONCE: usize = 512;

/// Replaces each of `rows` `[rows, width]` by the hyperbolic tangent of itself and its frame's query; a frame ends with the
/// row before its number in `ends`.
fn tanh_of_rows(rows: &mut [f32], queries: &[f32], ends: &[usize], width: usize) {
    for_each_chunk(rows, ROWS_AT_ONCE * width, |task, rows| {
        let mut row = task * ROWS_AT_ONCE;
        let mut rows = &mut *rows;
        while !rows.is_empty() {
            let frame = ends.partition_point(|&end| end <= row);
            let count = (rows.len() / width).min(ends[frame] - row);
            let (now, later) = rows.split_at_mut(count * width);
            Arch::new().dispatch(Tanh {
                rows: now,
                query: &queries[frame * width..(frame + 1) * width],
            });
            row += count;
            rows = later;
        }
    });
}

/// Rows of one frame.
struct Tanh<'a> {
    rows: &'a mut [f32],
    query: &'a [f32],
}

impl WithSimd for Tanh<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (query, query_rest) = S::as_simd_f32s(self.query);
        for row in self.rows.chunks_exact_mut(self.query.len()) {
            let (row, rest) = S::as_mut_simd_f32s(row);
            for (value, query) in row.iter_mut().zip(query) {
                *value = tanh(simd, simd.add_f32s(*value, *query));
            }
            if !rest.is_empty() {
                let query = simd.partial_load_f32s(query_rest);
                let value = simd.add_f32s(simd.partial_load_f32s(rest), query);
                simd.partial_store_f32s(rest, tanh(simd, value));
            }
        }
    }
}

/// One weighted sum a row.
struct Weigh<'a> {
    rows: &'a [f32],
    weights: &'a [f32],
    shift: f32,
    out: &'a mut [f32],
}

impl WithSimd for Weigh<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (weights, weights_rest) = S::as_simd_f32s(self.weights);
        let rows = self.rows.chunks_exact(self.weights.len());
        for (out, row) in self.out.iter_mut().zip(rows) {
            let (row, rest) = S::as_simd_f32s(row);
            let mut sum = simd.splat_f32s(0.0);
            for (value, weight) in row.iter().zip(weights) {
                sum = simd.mul_add_e_f32s(*value, *weight, sum);
            }
            if !rest.is_empty() {
                let weight = simd.partial_load_f32s(weights_rest);
                sum = simd.mul_add_e_f32s(simd.partial_load_f32s(rest), weight, sum);
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
            points: &Kernel::new(&points, Order::InOut, [1, channels, width], None),
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

    /// Against finite differences of the sum of all scores, each times a weight of its own.
    #[test]
    fn gradients_are_slopes() {
        let (channels, width) = (5, 19);
        let counts = [3, 0, 7];
        let value = |seed: usize, i: usize| ((i * 37 + seed * 101) % 113) as f32 / 80.0 - 0.7;
        let fill = |seed, count| (0..count).map(|i| value(seed, i)).collect::<Vec<f32>>();
        // Features, W, b, w, queries, c.
        let parts = [
            fill(1, 10 * channels),
            fill(2, channels * width),
            fill(3, width),
            fill(4, width),
            fill(5, 3 * width),
            vec![0.25],
        ];
        let pull = fill(6, 10);
        let sizes = [1, channels, width];
        let with = |parts: &[Vec<f32>; 6]| {
            let [_, points, shift, weights, _, score_shift] = parts;
            let attention = Additive {
                points: &Kernel::new(points, Order::InOut, sizes, None),
                shift,
                scores: weights,
                score_shift: score_shift[0],
            };
            let found = scores(&parts[0], attention, &parts[4], &counts);
            found
                .iter()
                .zip(&pull)
                .map(|(a, b)| f64::from(a * b))
                .sum::<f64>()
        };
        let attention = Additive {
            points: &Kernel::new(&parts[1], Order::InOut, sizes, None),
            shift: &parts[2],
            scores: &parts[3],
            score_shift: parts[5][0],
        };
        let found = scores_back(&parts[0], attention, &parts[1], &parts[4], &counts, &pull);
        let found = [
            found.features,
            found.points,
            found.shift,
            found.scores,
            found.queries,
            vec![found.score_shift],
        ];
        for (part, gradients) in found.iter().enumerate() {
            assert_eq!(gradients.len(), parts[part].len());
            for i in (0..gradients.len()).step_by(7) {
                let moved = |by: f32| {
                    let mut parts = parts.clone();
                    parts[part][i] += by;
                    with(&parts)
                };
                let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                let error = (slope - f64::from(gradients[i])).abs();
                assert!(
                    error < 2e-3,
                    "part {part}, {i}: {}, not {slope}",
                    gradients[i]
                );
            }
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
