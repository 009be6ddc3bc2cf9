//! Sampling that is denser where the attention is stronger, and regular everywhere.
//!
//! An attention that chooses point by point leaves the convolutions after it with holes that are elsewhere in each frame,
//! and they learn badly with half of their neighbours missing at random: at p = 0.5 that costs far more than half of the
//! points do when they are always the same ones (`docs/training.md` has the figures). So, where
//! [`ModelConfig::dither`](crate::ModelConfig) is above 0,
//!
//! - the scores are first evened out over neighbouring points, twice the mean over the three by three around each, so that
//!   attention belongs to regions rather than to points;
//! - then an ordered dither of two by two points (Bayer, 1973) is added: the setting times 1, -1/3 in even lines and -1, 1/3
//!   in odd ones.
//!
//! Attention that is even then keeps, for each p, points that are spread evenly over the map and always the same, at
//! p = 0.5 the black squares of a chessboard. Attention that has learnt keeps more where it is stronger and fewer where it
//! is weaker, as a printer makes light and dark of dots. The nucleus is taken of the sum: it stays the smallest set of points
//! that holds a share p of the weights.

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Int, Tensor};

use mesm_kernels::parallel::for_each_chunk;

use super::sites::{SITES_AT_ONCE, Sites, index_tensor};

/// What the dither adds to the score of the point at (y, x).
fn level((y, x): (usize, usize), amplitude: f32) -> f32 {
    let level = match (y % 2, x % 2) {
        (0, 0) => 1.0,
        (1, 1) => 1.0 / 3.0,
        (0, _) => -1.0 / 3.0,
        _ => -1.0,
    };
    amplitude * level
}

/// Softmax weights of dithered scores, one row-major map, to those of the scores before the pattern was added.
pub(crate) fn take_back(weights: &mut [f32], width: usize, amplitude: f32) {
    let mut sum = 0.0;
    for (point, weight) in weights.iter_mut().enumerate() {
        *weight /= level((point / width, point % width), amplitude).exp();
        sum += *weight;
    }
    // A frame without candidates has no weights.
    if sum > 0.0 {
        for weight in weights {
            *weight /= sum;
        }
    }
}

/// Dithers `scores`, one of each of the `sites`.
pub(super) fn on_host(scores: &[f32], sites: &Sites, amplitude: f32) -> Vec<f32> {
    let neighbours = sites.neighbours();
    let once = |values: &[f32]| -> Vec<f32> {
        let mut means = vec![0.0; values.len()];
        for_each_chunk(&mut means, SITES_AT_ONCE, |task, means| {
            let around = neighbours.chunks_exact(9).skip(task * SITES_AT_ONCE);
            for (mean, rows) in means.iter_mut().zip(around) {
                let around = rows.iter().filter_map(|&row| values.get(row as usize));
                let (sum, count) =
                    around.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
                *mean = sum / count;
            }
        });
        means
    };
    let smooth = once(&once(scores)).into_iter();
    smooth
        .zip(sites.places())
        .map(|(score, place)| score + level(place, amplitude))
        .collect()
}

/// The same on a device, `[sites]`.
pub(super) fn of_rows(scores: Tensor<1>, sites: &Sites, amplitude: f32) -> Tensor<1> {
    let device = scores.device();
    let means = Means::new(sites, &device);
    let pattern: Vec<f32> = sites
        .places()
        .map(|place| level(place, amplitude))
        .collect();
    means.of(means.of(scores)) + Tensor::from_floats(pattern.as_slice(), &device)
}

/// The same of whole maps, `scores` and `mask` `[frames, 1, height, width]`; the mask is 1 at sites and 0 elsewhere.
pub(super) fn of_maps(scores: Tensor<4>, mask: &Tensor<4>, amplitude: f32) -> Tensor<4> {
    let [_, _, height, width] = scores.dims();
    let device = scores.device();
    let ones = Tensor::ones([1, 1, 3, 3], &device);
    let sum = |map: Tensor<4>| {
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        conv2d(map, ones.clone(), None, options)
    };
    let counts = sum(mask.clone()).clamp_min(1.0);
    let once = |values: Tensor<4>| sum(values * mask.clone()) / counts.clone();
    let pattern: Vec<f32> = (0..height * width)
        .map(|point| level((point / width, point % width), amplitude))
        .collect();
    let pattern = Tensor::<1>::from_floats(pattern.as_slice(), &device);
    once(once(scores)) + pattern.reshape([1, 1, height, width])
}

/// The mean over the active ones of the three by three sites around each.
struct Means {
    /// `[sites * 9]`; the number of sites where there is none.
    neighbours: Tensor<1, Int>,
    /// How many there are, `[sites]`.
    counts: Tensor<1>,
}

impl Means {
    fn new(sites: &Sites, device: &Device) -> Self {
        let neighbours = sites.neighbours();
        let counts: Vec<f32> = neighbours
            .chunks_exact(9)
            .map(|rows| {
                rows.iter()
                    .filter(|&&row| (row as usize) < sites.len())
                    .count() as f32
            })
            .collect();
        Self {
            neighbours: index_tensor(neighbours.into_iter().map(i64::from), device),
            counts: Tensor::from_floats(counts.as_slice(), device),
        }
    }

    fn of(&self, scores: Tensor<1>) -> Tensor<1> {
        let [sites] = scores.dims();
        let absent = Tensor::zeros([1], &scores.device());
        let around = Tensor::cat(vec![scores, absent], 0).select(0, self.neighbours.clone());
        around.reshape([sites, 9]).sum_dim(1).reshape([sites]) / self.counts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two frames of 5x4, some points missing.
    fn sites() -> Sites {
        let flags: Vec<bool> = (0..40).map(|i| i % 7 != 3 && i != 12).collect();
        Sites::from_flags(2, 5, 4, &flags)
    }

    #[test]
    fn all_three_ways_agree() {
        let sites = sites();
        let device = Device::flex();
        let map: Vec<f32> = (0..40)
            .map(|i| ((i * 29) % 17) as f32 / 8.0 - 1.0)
            .collect();
        let scores: Vec<f32> = sites
            .flat()
            .iter()
            .map(|&site| map[site as usize])
            .collect();
        let host = on_host(&scores, &sites, 0.3);
        let rows = of_rows(Tensor::from_floats(&scores[..], &device), &sites, 0.3);
        let rows = rows.into_data().try_to_vec::<f32>().unwrap();
        let shape = [2, 1, 5, 4];
        let whole = |values: &[f32]| Tensor::<1>::from_floats(values, &device).reshape(shape);
        let mask: Vec<f32> = sites
            .flags()
            .iter()
            .map(|&on| f32::from(u8::from(on)))
            .collect();
        let maps = of_maps(whole(&map), &whole(&mask), 0.3);
        let maps = maps.into_data().try_to_vec::<f32>().unwrap();
        for ((&site, host), row) in sites.flat().iter().zip(host).zip(rows) {
            let map = maps[site as usize];
            assert!((host - row).abs() < 1e-6, "{site}: {host}, {row}");
            assert!((host - map).abs() < 1e-6, "{site}: {host}, {map}");
        }
    }

    #[test]
    fn the_pattern_is_taken_back() {
        let scores: Vec<f32> = (0..12).map(|i| (i % 5) as f32 / 10.0).collect();
        let softmax = |scores: &[f32]| -> Vec<f32> {
            let powers: Vec<f32> = scores.iter().map(|score| score.exp()).collect();
            let sum: f32 = powers.iter().sum();
            powers.iter().map(|power| power / sum).collect()
        };
        let dithered = scores.iter().enumerate();
        let dithered: Vec<f32> = dithered
            .map(|(point, score)| score + level((point / 4, point % 4), 0.3))
            .collect();
        let mut weights = softmax(&dithered);
        take_back(&mut weights, 4, 0.3);
        for (weight, expected) in weights.iter().zip(softmax(&scores)) {
            assert!((weight - expected).abs() < 1e-6, "{weight}, {expected}");
        }
        let mut none = [0.0; 4];
        take_back(&mut none, 2, 0.3);
        assert!(
            none.iter().all(|weight| weight.abs() < 1e-9),
            "nothing stays nothing"
        );
    }

    #[test]
    fn even_scores_stay_even() {
        let sites = sites();
        let scores = on_host(&vec![2.0; sites.len()], &sites, 0.3);
        for (score, place) in scores.iter().zip(sites.places()) {
            assert!((score - 2.0 - level(place, 0.3)).abs() < 1e-6);
        }
    }
}
