//! Draws in the ranges of settings. None of them can fail, whatever the range.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, StandardNormal};

/// Evenly from `low` to `high`.
pub(super) fn between<R: Rng + ?Sized>(low: f32, high: f32, rng: &mut R) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// Evenly from `-limit` to `limit`; exactly 0, and nothing is drawn, where the limit is 0.
pub(super) fn around<R: Rng + ?Sized>(limit: f32, rng: &mut R) -> f32 {
    if limit == 0.0 {
        0.0
    } else {
        between(-limit, limit, rng)
    }
}

/// True with this probability; nothing is drawn where it is 0.
pub(super) fn chance<R: Rng + ?Sized>(probability: f32, rng: &mut R) -> bool {
    probability > 0.0 && rng.random::<f32>() < probability
}

/// From the normal distribution with mean 0 and standard deviation 1.
pub(super) fn normal<R: Rng + ?Sized>(rng: &mut R) -> f32 {
    StandardNormal.sample(rng)
}

/// Evenly from the whole numbers 0 to `last`.
pub(super) fn up_to<R: Rng + ?Sized>(last: usize, rng: &mut R) -> usize {
    rng.random_range(0..=last as u64) as usize
}
