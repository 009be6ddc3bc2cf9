//! Whether a selection of points favours a region: its share there, held against that of a selection by chance.

use mesm_data::seed::rng;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::{Bootstrap, Interval};

/// What the numbers of random selections are drawn for.
const SELECTION: u64 = 0x7365_6c65;

/// How one selection of points lies to a region.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RegionCounts {
    /// Points that could have been selected.
    pub candidates: u32,
    /// Those of them in the region.
    pub region: u32,
    /// Points that were selected.
    pub selected: u32,
    /// Those of them in the region.
    pub inside: u32,
    /// Share of all weight that lies on candidates in the region, 0..1; weights are those before the selection.
    pub weight_inside: f64,
}

impl RegionCounts {
    /// Counts one map; all slices are `[points]`. Candidates are the points with a weight, and those that were selected.
    #[must_use]
    pub fn count(weights: &[f32], selected: &[bool], region: &[bool]) -> Self {
        let mut counts = Self::default();
        let mut weight = 0.0;
        for ((value, selected), region) in weights.iter().zip(selected).zip(region) {
            if *value <= 0.0 && !selected {
                continue;
            }
            counts.candidates += 1;
            counts.region += u32::from(*region);
            counts.selected += u32::from(*selected);
            counts.inside += u32::from(*region && *selected);
            weight += f64::from(*value);
            if *region {
                counts.weight_inside += f64::from(*value);
            }
        }
        counts.weight_inside = part(counts.weight_inside, weight);
        counts
    }

    /// Share of the selected points in the region.
    #[must_use]
    pub fn share(&self) -> f64 {
        part(f64::from(self.inside), f64::from(self.selected))
    }

    /// The same of a random selection, expected: the share of the candidates in the region.
    #[must_use]
    pub fn random(&self) -> f64 {
        part(f64::from(self.region), f64::from(self.candidates))
    }

    /// Points in the region when as many as were selected are drawn among the candidates, each as likely as any other.
    fn draw(&self, rng: &mut impl RngExt) -> u32 {
        let (mut left, mut region) = (self.candidates, self.region);
        // Those that are left behind are a random selection too, and sometimes fewer.
        let behind = self.candidates - self.selected;
        let drawn = behind.min(self.selected);
        for _ in 0..drawn {
            if rng.random_range(0..left) < region {
                region -= 1;
            }
            left -= 1;
        }
        if drawn == self.selected {
            self.region - region
        } else {
            region
        }
    }
}

/// One map and whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionItem {
    /// How its selection lies to the region.
    pub counts: RegionCounts,
    /// Whether the region is said to matter here; the others are what it is compared with.
    pub concerned: bool,
    /// Items with the same number are not independent of each other.
    pub group: usize,
}

/// What a comparison with chance says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// More than by chance.
    Above,
    /// Less than by chance.
    Below,
    /// The interval holds what chance gives.
    Indistinguishable,
    /// There are too few items for an interval.
    Unknown,
}

impl Verdict {
    /// Of a ratio whose interval is known: 1 is what chance gives.
    #[must_use]
    pub fn of_ratio(interval: Option<Interval>) -> Self {
        match interval {
            None => Self::Unknown,
            Some(interval) if interval.low > 1.0 => Self::Above,
            Some(interval) if interval.high < 1.0 => Self::Below,
            Some(_) => Self::Indistinguishable,
        }
    }
}

/// How much selections favour a region. Shares are means over items; ratios are ratios of such means.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RegionScore {
    /// Items concerned.
    pub n: usize,
    /// Share of the selected points inside.
    pub share: f64,
    /// The same of random selections of the same size, expected.
    pub random: f64,
    /// Between which means over all items random selections lie, drawn as often as a bootstrap sample is.
    pub random_range: Interval,
    /// `share` over `random`; 1 where the region holds no candidate.
    pub ratio: f64,
    /// Of `ratio`, by bootstrap over groups; `None` where there are fewer than two.
    pub ratio_interval: Option<Interval>,
    /// Share of the weight inside, before anything is selected.
    pub weighted_share: f64,
    /// `weighted_share` over `random`.
    pub weighted_ratio: f64,
    /// Of `weighted_ratio`.
    pub weighted_interval: Option<Interval>,
    /// Items that are not concerned.
    pub others: usize,
    /// `ratio` over that of the others: above 1, the region is favoured more where it matters. 1 without others.
    pub specificity: f64,
    /// Of `specificity`, by bootstrap over the groups of all items.
    pub specificity_interval: Option<Interval>,
}

impl RegionScore {
    /// Scores items; `None` if none is concerned.
    #[must_use]
    pub fn new(items: &[RegionItem], bootstrap: &Bootstrap) -> Option<Self> {
        let concerned: Vec<RegionItem> = items.iter().filter(|i| i.concerned).copied().collect();
        if concerned.is_empty() {
            return None;
        }
        let all = Means::of(concerned.iter());
        let others = Means::of(items.iter().filter(|item| !item.concerned));
        let groups = |items: &[RegionItem]| items.iter().map(|i| i.group).collect::<Vec<_>>();
        let own = bootstrap.intervals(&groups(&concerned), |sample| {
            let means = Means::of(sample.iter().map(|i| &concerned[*i]));
            [means.ratio(), means.weighted_ratio()]
        });
        let has_others = others.n > 0;
        let specificity = has_others.then(|| {
            bootstrap.intervals(&groups(items), |sample| {
                let part = |concerned: bool| {
                    let drawn = sample.iter().map(|i| &items[*i]);
                    Means::of(drawn.filter(|item| item.concerned == concerned))
                };
                [specificity(&part(true), &part(false))]
            })
        });
        Some(Self {
            n: concerned.len(),
            share: all.share,
            random: all.random,
            random_range: by_chance(&concerned, bootstrap),
            ratio: all.ratio(),
            ratio_interval: own.map(|[ratio, _]| ratio),
            weighted_share: all.weighted,
            weighted_ratio: all.weighted_ratio(),
            weighted_interval: own.map(|[_, weighted]| weighted),
            others: others.n,
            specificity: specificity_or_one(&all, &others),
            specificity_interval: specificity.flatten().map(|[interval]| interval),
        })
    }

    /// Whether the selection favours the region.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of_ratio(self.ratio_interval)
    }

    /// Whether it does so more where the region is said to matter than elsewhere.
    #[must_use]
    pub fn specific(&self) -> Verdict {
        Verdict::of_ratio(self.specificity_interval)
    }
}

/// Means over items.
#[derive(Debug, Clone, Copy, Default)]
struct Means {
    n: usize,
    share: f64,
    random: f64,
    weighted: f64,
}

impl Means {
    fn of<'a>(items: impl Iterator<Item = &'a RegionItem>) -> Self {
        let mut means = Self::default();
        for RegionItem { counts, .. } in items {
            means.n += 1;
            means.share += counts.share();
            means.random += counts.random();
            means.weighted += counts.weight_inside;
        }
        let n = means.n.max(1) as f64;
        Self {
            n: means.n,
            share: means.share / n,
            random: means.random / n,
            weighted: means.weighted / n,
        }
    }

    fn ratio(&self) -> f64 {
        ratio(self.share, self.random)
    }

    fn weighted_ratio(&self) -> f64 {
        ratio(self.weighted, self.random)
    }
}

fn specificity(own: &Means, others: &Means) -> f64 {
    ratio(own.ratio(), others.ratio())
}

fn specificity_or_one(own: &Means, others: &Means) -> f64 {
    if others.n == 0 {
        return 1.0;
    }
    specificity(own, others)
}

/// Where the mean share of random selections lies, from end to end of the level asked for.
fn by_chance(items: &[RegionItem], bootstrap: &Bootstrap) -> Interval {
    let mut means: Vec<f64> = (0..bootstrap.resamples.max(1))
        .map(|number| {
            let mut rng = rng(bootstrap.seed, &[SELECTION, number as u64]);
            let shares = items.iter().map(|RegionItem { counts, .. }| {
                part(f64::from(counts.draw(&mut rng)), f64::from(counts.selected))
            });
            shares.sum::<f64>() / items.len() as f64
        })
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    bootstrap.between(&means)
}

fn part(of: f64, whole: f64) -> f64 {
    if whole > 0.0 { of / whole } else { 0.0 }
}

fn ratio(share: f64, random: f64) -> f64 {
    if random > 0.0 { share / random } else { 1.0 }
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // exact on purpose: shares of small whole numbers, and what is agreed
mod tests {
    use super::*;

    const POINTS: usize = 144;

    fn region() -> Vec<bool> {
        (0..POINTS).map(|i| i % 12 < 3).collect()
    }

    fn item(selected: &[bool], concerned: bool, group: usize) -> RegionItem {
        let weights: Vec<f32> = (0..POINTS).map(|i| 1.0 + (i % 7) as f32).collect();
        RegionItem {
            counts: RegionCounts::count(&weights, selected, &region()),
            concerned,
            group,
        }
    }

    /// `count` points at random places, others for each number.
    fn random(number: u64, count: usize) -> Vec<bool> {
        let mut selected = vec![false; POINTS];
        let order = mesm_data::seed::permutation(5, &[number], POINTS as u32);
        order[..count]
            .iter()
            .for_each(|i| selected[*i as usize] = true);
        selected
    }

    #[test]
    fn a_selection_inside_has_share_one() {
        let items: Vec<RegionItem> = (0..30).map(|i| item(&region(), true, i)).collect();
        let score = RegionScore::new(&items, &Bootstrap::default()).unwrap();
        assert_eq!((score.n, score.share, score.random), (30, 1.0, 0.25));
        assert_eq!(score.ratio, 4.0);
        assert_eq!(score.verdict(), Verdict::Above);
        assert!(score.random_range.high < 0.3, "{score:?}");
        // No others: nothing is said about them.
        assert_eq!((score.others, score.specificity), (0, 1.0));
        assert_eq!(score.specific(), Verdict::Unknown);
    }

    #[test]
    fn random_selections_are_not_told_from_chance() {
        let items: Vec<RegionItem> = (0..200)
            .map(|i| item(&random(i, 40), i % 2 == 0, i as usize))
            .collect();
        let score = RegionScore::new(&items, &Bootstrap::default()).unwrap();
        assert!((score.ratio - 1.0).abs() < 0.06, "{score:?}");
        let interval = score.ratio_interval.unwrap();
        assert!(interval.low <= 1.0 && interval.high >= 1.0, "{score:?}");
        assert_eq!(score.verdict(), Verdict::Indistinguishable);
        assert_eq!(score.specific(), Verdict::Indistinguishable);
        let range = score.random_range;
        assert!(range.low < score.share && score.share < range.high);
        // Ends of a mean of 100 hypergeometric shares, by its variance.
        let variance = 0.25 * 0.75 / 40.0 * (144.0 - 40.0) / 143.0 / 100.0;
        let half = 1.96 * f64::sqrt(variance);
        assert!((range.low - (0.25 - half)).abs() < 0.003, "{range:?}");
        assert!((range.high - (0.25 + half)).abs() < 0.003, "{range:?}");
    }

    #[test]
    fn a_large_selection_is_drawn_by_what_it_leaves() {
        let counts = RegionCounts {
            candidates: 100,
            region: 20,
            selected: 97,
            ..RegionCounts::default()
        };
        let mut rng = rng(1, &[]);
        let drawn: Vec<u32> = (0..2000).map(|_| counts.draw(&mut rng)).collect();
        assert!(drawn.iter().all(|inside| (17..=20).contains(inside)));
        let mean = f64::from(drawn.iter().sum::<u32>()) / 2000.0;
        assert!((mean - 19.4).abs() < 0.06, "{mean}");
    }

    #[test]
    fn points_that_were_no_candidates_do_not_count() {
        let counts = RegionCounts::count(
            &[0.0, 0.5, 0.25, 0.25, 0.0],
            &[false, true, false, true, false],
            &[true, true, true, false, false],
        );
        assert_eq!((counts.candidates, counts.region), (3, 2));
        assert_eq!((counts.selected, counts.inside), (2, 1));
        assert_eq!((counts.share(), counts.weight_inside), (0.5, 0.75));
        assert_eq!(RegionCounts::default().random(), 0.0);
    }

    #[test]
    fn a_region_favoured_everywhere_is_not_specific() {
        let own = |concerned_only: bool| {
            let items: Vec<RegionItem> = (0..120)
                .map(|i| {
                    let concerned = i % 3 == 0;
                    let inside = concerned || !concerned_only;
                    let mut selected = random(i, 30);
                    if inside {
                        selected.iter_mut().zip(region()).for_each(|(s, r)| *s |= r);
                    }
                    item(&selected, concerned, i as usize)
                })
                .collect();
            RegionScore::new(&items, &Bootstrap::default()).unwrap()
        };
        assert_eq!(own(false).verdict(), Verdict::Above);
        assert_eq!(own(false).specific(), Verdict::Indistinguishable);
        assert_eq!(own(true).specific(), Verdict::Above);
    }

    #[test]
    fn one_subject_says_nothing_about_others() {
        let items: Vec<RegionItem> = (0..9).map(|i| item(&random(i, 30), true, 0)).collect();
        let score = RegionScore::new(&items, &Bootstrap::default()).unwrap();
        assert_eq!(score.verdict(), Verdict::Unknown);
        let others = [item(&region(), false, 0)];
        assert_eq!(RegionScore::new(&others, &Bootstrap::default()), None);
    }
}
