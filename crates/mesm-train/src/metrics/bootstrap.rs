//! How far a figure may be off, because another sample of the same kind would have given another one.

use mesm_data::seed::rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// What the numbers are drawn for.
const RESAMPLE: u64 = 0x626f_6f74;

/// Settings of the percentile bootstrap (Efron 1979).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bootstrap {
    /// Of the random numbers.
    pub seed: u64,
    /// How often a sample is drawn.
    pub resamples: usize,
    /// Share of them between the ends of an interval, in 0..1.
    pub level: f64,
}

impl Default for Bootstrap {
    /// 1000 resamples, 95 % intervals, seed 0.
    fn default() -> Self {
        Self {
            seed: 0,
            resamples: 1000,
            level: 0.95,
        }
    }
}

/// The ends of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Bootstrap {
    /// Intervals of `figures`, which makes its `N` figures from the places of the items in a sample.
    ///
    /// Items that are not independent of each other, as the utterances of one speaker, carry the same number in
    /// `groups` (one number an item) and are drawn together: as many groups as there are, with replacement. Every draw
    /// depends on the seed and its own number alone.
    ///
    /// `None` where there are fewer than two groups, for one alone says nothing about others, and where nothing is to be
    /// drawn.
    pub fn intervals<const N: usize>(
        &self,
        groups: &[usize],
        figures: impl Fn(&[usize]) -> [f64; N],
    ) -> Option<[Interval; N]> {
        let members = members(groups);
        if members.len() < 2 || self.resamples == 0 {
            return None;
        }
        let mut drawn: [Vec<f64>; N] = std::array::from_fn(|_| Vec::with_capacity(self.resamples));
        let mut sample = Vec::with_capacity(groups.len());
        for resample in 0..self.resamples {
            let mut rng = rng(self.seed, &[RESAMPLE, resample as u64]);
            sample.clear();
            for _ in 0..members.len() {
                sample.extend_from_slice(&members[rng.random_range(0..members.len())]);
            }
            for (values, value) in drawn.iter_mut().zip(figures(&sample)) {
                values.push(value);
            }
        }
        Some(drawn.map(|mut values| {
            values.sort_unstable_by(f64::total_cmp);
            self.between(&values)
        }))
    }

    /// Between which values the level's share of `sorted` lies, as much left out below as above. `sorted` is not empty.
    pub(super) fn between(&self, sorted: &[f64]) -> Interval {
        let outside = (1.0 - self.level.clamp(0.0, 1.0)) / 2.0;
        Interval {
            low: quantile(sorted, outside),
            high: quantile(sorted, 1.0 - outside),
        }
    }
}

/// The items of each group, groups by their first item.
fn members(groups: &[usize]) -> Vec<Vec<usize>> {
    let mut places = std::collections::HashMap::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (item, group) in groups.iter().enumerate() {
        let place = *places.entry(group).or_insert_with(|| {
            members.push(Vec::new());
            members.len() - 1
        });
        members[place].push(item);
    }
    members
}

/// The value below which a `share` of `sorted` lies, in between by a straight line. `sorted` is not empty.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: these values are agreed, or exact in binary
mod tests {
    use super::*;

    fn mean(values: &[f64]) -> impl Fn(&[usize]) -> [f64; 1] {
        move |sample| {
            let sum: f64 = sample.iter().map(|item| values[*item]).sum();
            [sum / sample.len() as f64]
        }
    }

    #[test]
    fn quantiles_lie_between() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.0), 1.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 1.0), 4.0);
    }

    /// The interval of a share of 400 is that of the normal distribution, nearly.
    #[test]
    fn the_interval_of_a_share() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
        let each: Vec<usize> = (0..400).collect();
        let [found] = Bootstrap::default()
            .intervals(&each, mean(&values))
            .unwrap();
        let half = 1.96 * (0.25_f64 * 0.75 / 400.0).sqrt();
        assert!((found.low - (0.25 - half)).abs() < 0.008, "{found:?}");
        assert!((found.high - (0.25 + half)).abs() < 0.008, "{found:?}");
    }

    /// Utterances that are all alike within their group say no more than one each.
    #[test]
    fn groups_widen_the_interval() {
        let values: Vec<f64> = (0..400)
            .map(|i| f64::from(u8::from(i / 40 % 2 == 0)))
            .collect();
        let each: Vec<usize> = (0..400).collect();
        let by_forties: Vec<usize> = (0..400).map(|i| i / 40).collect();
        let bootstrap = Bootstrap::default();
        let width = |groups: &[usize]| {
            let [found] = bootstrap.intervals(groups, mean(&values)).unwrap();
            found.high - found.low
        };
        assert!(width(&by_forties) > 4.0 * width(&each));
    }

    #[test]
    fn the_seed_decides() {
        let values: Vec<f64> = (0..50).map(f64::from).collect();
        let each: Vec<usize> = (0..50).collect();
        let with = |seed| {
            let bootstrap = Bootstrap {
                seed,
                ..Bootstrap::default()
            };
            bootstrap.intervals(&each, mean(&values)).unwrap()
        };
        assert_eq!(with(1), with(1));
        assert_ne!(with(1), with(2));
    }

    #[test]
    fn one_group_says_nothing_about_others() {
        let values = [1.0, 2.0];
        assert_eq!(Bootstrap::default().intervals(&[5, 5], mean(&values)), None);
        assert_eq!(Bootstrap::default().intervals(&[], mean(&[])), None);
    }
}
