//! Nucleus (top-p) selection: the smallest set of points, taken in falling order of weight, whose
//! weights add up to at least p.
//!
//! A point is kept exactly when the mass ranked *before* it is below p. Stated so, no sort is
//! needed: on a device every pair of points is compared, on the host a sorted running sum does.
//! Equal weights rank by position. If the weights of a map add up to less than p every point is
//! kept, where the authors' code raises an error.

use burn::tensor::{Bool, Tensor};
use mesm_kernels::parallel::for_each_part;

/// Maps compared at once: bounds the memory of the pairwise comparison.
const MAPS_AT_ONCE: usize = 8;

/// Weights are split at multiples of 2^-12 before they are summed; see [`mass_before`].
const SPLIT: f32 = 4096.0;

/// The nucleus of each map, without sort or read-back.
///
/// `weights` `[maps, points]` are at least 0; `allowed` `[maps, points]` is 1 where a point may be
/// kept and 0 elsewhere (weights there must be 0). Returns 1 for kept points and 0 for others.
/// Work and memory grow with the square of `points`, which suits maps of up to about a thousand.
#[must_use]
pub fn nucleus_mask(weights: &Tensor<2>, allowed: Option<&Tensor<2>>, p: f32) -> Tensor<2> {
    let [maps, points] = weights.dims();
    let weights = weights.clone().detach();
    let earlier = earlier_positions(points, &weights);
    let mut kept = Vec::with_capacity(maps.div_ceil(MAPS_AT_ONCE));
    for start in (0..maps).step_by(MAPS_AT_ONCE) {
        let group = weights
            .clone()
            .narrow(0, start, MAPS_AT_ONCE.min(maps - start));
        kept.push(mass_before(group, &earlier).lower_scalar(p).float());
    }
    let kept = Tensor::cat(kept, 0);
    match allowed {
        None => kept,
        Some(allowed) => kept * allowed.clone().detach(),
    }
}

/// The total weight ranked before each point, `[maps, points]`.
///
/// Each weight is split into a multiple of 2^-12, whose sums are exact in `f32`, and a rest below
/// 2^-12: the result is the sum carried out in about 36 bits and rounded once, which is what the
/// reference's double-precision running sum gives. A plain `f32` sum would decide differently
/// near the threshold, and at p = 1 for every point of a long tail.
fn mass_before(weights: Tensor<2>, earlier: &Tensor<3, Bool>) -> Tensor<2> {
    let [maps, points] = weights.dims();
    let this = weights.clone().reshape([maps, points, 1]);
    let other = weights.reshape([maps, 1, points]);
    let before = other
        .clone()
        .greater(this.clone())
        .bool_or(
            other
                .clone()
                .equal(this)
                .bool_and(earlier.clone().expand([maps, points, points])),
        )
        .float();
    let high = (other.clone() * SPLIT).floor() / SPLIT;
    let low = other - high.clone();
    let sum = |part: Tensor<3>| (before.clone() * part).sum_dim(2).reshape([maps, points]);
    sum(high) + sum(low)
}

/// `[1, points, points]`: whether column j comes before row i.
fn earlier_positions(points: usize, like: &Tensor<2>) -> Tensor<3, Bool> {
    let device = like.device();
    #[allow(clippy::cast_possible_wrap)]
    let position = Tensor::<1, burn::tensor::Int>::arange(0..points as i64, &device).float();
    position
        .clone()
        .reshape([1, 1, points])
        .expand([1, points, points])
        .lower(position.reshape([1, points, 1]).expand([1, points, points]))
}

/// The nucleus of one map on the host: positions kept, in rising order.
#[must_use]
pub fn nucleus(weights: &[f32], p: f32) -> Vec<usize> {
    // The bits of numbers that are not negative rise with them: the heaviest first, and of equals the first.
    let mut ranked: Vec<u64> = (0_u64..)
        .zip(weights)
        .map(|(i, weight)| (u64::from(!weight.to_bits()) << 32) | i)
        .collect();
    ranked.sort_unstable();
    let mut before = 0.0_f64;
    let mut kept: Vec<usize> = ranked
        .into_iter()
        .map(|key| (key & u64::from(u32::MAX)) as usize)
        .take_while(|&i| {
            // The running sum is kept in double precision and rounded before it is compared.
            #[allow(clippy::cast_possible_truncation)]
            let below = (before as f32) < p;
            before += f64::from(weights[i]);
            below
        })
        .collect();
    kept.sort_unstable();
    kept
}

/// The nucleus of each of several maps, `counts` points each and one after the other: whether each point is kept.
#[must_use]
pub fn nuclei(weights: &[f32], counts: &[usize], p: f32) -> Vec<bool> {
    let mut kept = vec![false; weights.len()];
    for_each_part(&mut kept, counts, |map, kept| {
        for point in nucleus(&weights[map], p) {
            kept[point] = true;
        }
    });
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_that_crosses_the_threshold_is_kept() {
        assert_eq!(nucleus(&[0.2, 0.5, 0.3], 0.5), [1]);
        assert_eq!(nucleus(&[0.2, 0.5, 0.3], 0.51), [1, 2]);
        assert_eq!(nucleus(&[0.2, 0.5, 0.3], 1.0), [0, 1, 2]);
    }

    #[test]
    fn ties_rank_by_position() {
        assert_eq!(nucleus(&[0.25; 4], 0.5), [0, 1]);
    }

    #[test]
    fn maps_are_selected_from_one_by_one() {
        let weights = [0.2, 0.5, 0.3, 1.0, 0.1, 0.9];
        let kept = [false, true, false, true, false, true];
        assert_eq!(nuclei(&weights, &[3, 0, 1, 2], 0.5), kept);
    }

    #[test]
    fn a_map_lighter_than_p_is_kept_whole() {
        assert_eq!(nucleus(&[0.1, 0.2], 0.9), [0, 1]);
    }
}
