//! Which exhibits are shown, under which name.

use image::{RgbImage, imageops};

use super::exhibit::Exhibit;

/// Side of the small copies by which pictures are compared.
const SMALL: u32 = 8;
/// Correlation from which on two small copies are of one picture: data sets hold the same photograph several times, cut and
/// scaled a little differently. Two cuts of one face in FER+ have 0.92, different faces at most 0.78 among 91 pairs.
const ONE_PICTURE: f32 = 0.85;

/// Lines of a contact sheet.
#[derive(Debug, Clone, Default)]
pub(super) struct Gallery {
    pub(super) lines: Vec<Line>,
}

/// Exhibits that belong together.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) exhibits: Vec<Exhibit>,
}

/// How surely a model is right about an item: whether it is right, then the probability of the true class.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Sureness {
    right: bool,
    probability: f32,
}

impl Sureness {
    /// Of these probabilities of the classes.
    pub(super) fn of(probabilities: &[f32], truth: usize) -> Self {
        Self {
            right: mesm_train::metrics::largest(probabilities) == truth,
            probability: probabilities.get(truth).copied().unwrap_or(0.0),
        }
    }

    /// The probability of the true class, for a caption.
    pub(super) fn caption(self) -> String {
        let wrong = if self.right { "" } else { ", wrong" };
        format!("p {:.3}{wrong}", self.probability)
    }
}

/// The items of each class that a model is most surely right about, met one after the other.
#[derive(Debug)]
pub(super) struct Best {
    wanted: usize,
    /// Whether a picture is shown once only.
    distinct: bool,
    classes: Vec<Vec<(Sureness, Exhibit)>>,
}

impl Best {
    pub(super) fn new(classes: usize, wanted: usize, distinct: bool) -> Self {
        Self {
            wanted,
            distinct,
            classes: vec![Vec::new(); classes],
        }
    }

    /// Keeps the exhibit if it is among the best of its class so far; of equals the earlier ones stay.
    pub(super) fn offer(
        &mut self,
        class: usize,
        sureness: Sureness,
        exhibit: impl FnOnce() -> Exhibit,
    ) {
        let Some(kept) = self.classes.get_mut(class) else {
            return;
        };
        // Some more than are wanted: one may turn out to be another one's copy.
        let room = self.wanted * 2;
        let place = kept.partition_point(|(other, _)| *other >= sureness);
        if place >= room {
            return;
        }
        let exhibit = exhibit();
        if self.distinct {
            if kept[..place].iter().any(|(_, e)| one_picture(e, &exhibit)) {
                return;
            }
            let mut copies = kept.split_off(place);
            copies.retain(|(_, other)| !one_picture(other, &exhibit));
            kept.push((sureness, exhibit));
            kept.append(&mut copies);
        } else {
            kept.insert(place, (sureness, exhibit));
        }
        kept.truncate(room);
    }

    /// Whether nothing was offered.
    pub(super) fn is_empty(&self) -> bool {
        self.classes.iter().all(Vec::is_empty)
    }

    /// Classes of which not even one of the shown items is judged rightly.
    pub(super) fn all_wrong<'a>(&self, names: &'a [String]) -> Vec<&'a str> {
        let wrong = |kept: &Vec<(Sureness, Exhibit)>| kept.first().is_some_and(|(s, _)| !s.right);
        let classes = self.classes.iter().zip(names);
        classes
            .filter(|(kept, _)| wrong(kept))
            .map(|(_, name)| name.as_str())
            .collect()
    }

    /// A line a class; classes without items are left out.
    pub(super) fn into_gallery(self, names: &[String]) -> Gallery {
        let lines = self.classes.into_iter().zip(names);
        Gallery {
            lines: lines
                .filter(|(kept, _)| !kept.is_empty())
                .map(|(kept, name)| Line {
                    name: name.clone(),
                    exhibits: kept
                        .into_iter()
                        .take(self.wanted)
                        .map(|(_, exhibit)| exhibit)
                        .collect(),
                })
                .collect(),
        }
    }
}

/// Whether the inputs of two exhibits are one picture, nearly.
fn one_picture(a: &Exhibit, b: &Exhibit) -> bool {
    let (Some((a, _)), Some((b, _))) = (a.panels.first(), b.panels.first()) else {
        return false;
    };
    let [a, b] = [a, b].map(deviations);
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    product(&a, &b) > ONE_PICTURE * (product(&a, &a) * product(&b, &b)).sqrt()
}

/// A small grey copy, as deviations from its mean.
fn deviations(picture: &RgbImage) -> Vec<f32> {
    let small = imageops::thumbnail(picture, SMALL, SMALL);
    let grey = |rgb: [u8; 3]| rgb.map(f32::from).iter().sum::<f32>();
    let grey: Vec<f32> = small.pixels().map(|pixel| grey(pixel.0)).collect();
    let mean = grey.iter().sum::<f32>() / grey.len() as f32;
    grey.iter().map(|level| level - mean).collect()
}

/// `wanted` of the numbers `0..count`, evenly spread, the first and the last among them.
pub(super) fn spread(count: usize, wanted: usize) -> Vec<usize> {
    if count <= wanted {
        return (0..count).collect();
    }
    let steps = wanted.saturating_sub(1).max(1);
    (0..wanted).map(|i| i * (count - 1) / steps).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exhibit(name: &str) -> Exhibit {
        Exhibit {
            panels: vec![(image::RgbImage::new(1, 1), name.to_owned())],
        }
    }

    #[test]
    fn the_surely_right_ones_are_kept() {
        let mut best = Best::new(3, 2, false);
        let offers = [
            ("a", 0, [0.6, 0.3, 0.1]),
            ("b", 0, [0.3, 0.6, 0.1]),
            ("c", 0, [0.9, 0.1, 0.0]),
            ("d", 0, [0.6, 0.2, 0.2]),
            ("e", 1, [0.8, 0.2, 0.0]),
        ];
        for (name, class, probabilities) in offers {
            best.offer(class, Sureness::of(&probabilities, class), || exhibit(name));
        }
        let names = ["x", "y", "z"].map(str::to_owned);
        assert_eq!(best.all_wrong(&names), ["y"]);
        let lines = best.into_gallery(&names).lines;
        let shown: Vec<(String, Vec<String>)> = lines
            .into_iter()
            .map(|line| {
                let shown = line.exhibits.iter().map(|e| e.panels[0].1.clone());
                (line.name, shown.collect())
            })
            .collect();
        let expected = [("x", vec!["c", "a"]), ("y", vec!["e"])];
        let expected = expected.map(|(name, shown)| {
            let shown: Vec<String> = shown.into_iter().map(str::to_owned).collect();
            (name.to_owned(), shown)
        });
        assert_eq!(shown, expected);
        assert_eq!(Sureness::of(&[0.8, 0.2], 1).caption(), "p 0.200, wrong");
    }

    #[test]
    fn a_photograph_is_shown_once() {
        let photograph = |slope: u32, brightness: u32, name: &str| Exhibit {
            panels: vec![(
                RgbImage::from_fn(48, 48, |x, y| {
                    let wave = (x * slope + y * (7 - slope)) % 97;
                    image::Rgb([(wave + brightness) as u8; 3])
                }),
                name.to_owned(),
            )],
        };
        let shown = |order: [usize; 4]| {
            let offers = [
                (0.9, photograph(1, 0, "first")),
                (0.8, photograph(1, 30, "its copy")),
                (0.7, photograph(5, 0, "second")),
                (0.6, photograph(3, 0, "third")),
            ];
            let mut best = Best::new(1, 2, true);
            for place in order {
                let (probability, exhibit) = offers[place].clone();
                best.offer(0, Sureness::of(&[probability], 0), || exhibit);
            }
            let lines = best.into_gallery(&["x".to_owned()]).lines;
            let names = lines[0].exhibits.iter().map(|e| e.panels[0].1.clone());
            names.collect::<Vec<_>>()
        };
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            assert_eq!(shown(order), ["first", "second"], "{order:?}");
        }
    }

    #[test]
    fn rows_are_spread_over_a_clip() {
        assert_eq!(spread(3, 5), [0, 1, 2]);
        assert_eq!(spread(9, 3), [0, 4, 8]);
        assert_eq!(spread(9, 1), [0]);
        assert!(spread(0, 4).is_empty());
    }
}
