//! The FACS score: whether the points that stay active lie where a face moves with its emotion.
//!
//! The paper (section 6.2) says so of a few pictures, in words. Here it is counted over many faces: the share of active
//! points in the regions that it names for an emotion, against the share of a random selection of the same size among
//! the same candidates, and against the same regions on faces of other classes.

use mesm::AttentionMaps;
use mesm_features::handcrafted::{FacePoints, FaceRegion, FacsEmotion};
use mesm_train::metrics::{Bootstrap, RegionCounts, RegionItem, RegionScore, Verdict};
use serde::Serialize;

/// Faces on their way to a score.
#[derive(Debug, Default)]
pub(super) struct Facs {
    /// Emotions that a class is called after, with the class.
    emotions: Vec<Told>,
    /// Height and width of each layer's maps.
    layers: Vec<[usize; 2]>,
    /// Faces with a class.
    pub(super) faces: usize,
    /// Those of them whose points were found; of the others the usual place of the points was taken.
    pub(super) found: usize,
}

/// An emotion and the faces that were seen.
#[derive(Debug)]
struct Told {
    class: usize,
    name: String,
    emotion: FacsEmotion,
    /// One list a layer.
    items: Vec<Vec<RegionItem>>,
    mean: MeanFace,
}

/// What the faces of a class look like on average.
#[derive(Debug, Clone, Default)]
pub(super) struct MeanFace {
    /// Faces.
    pub(super) n: usize,
    crop: Vec<f64>,
    points: [[f64; 2]; 5],
}

/// A face with its class.
pub(super) struct Seen<'a> {
    /// `[3, 48, 48]` in 0..255.
    pub(super) crop: &'a [f32],
    /// `None` where they were not found.
    pub(super) points: Option<FacePoints>,
    pub(super) class: usize,
    /// Faces with the same number are not independent of each other.
    pub(super) group: usize,
    pub(super) maps: &'a [AttentionMaps],
    /// Its place in them.
    pub(super) row: usize,
}

/// One emotion at one attention layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FacsRow {
    /// The class.
    pub(super) class: String,
    /// The places that the paper names.
    pub(super) regions: Vec<&'static str>,
    /// The attention layer, from 1.
    pub(super) layer: usize,
    /// Rows and columns of its points.
    pub(super) grid: [usize; 2],
    /// Active points against chance.
    pub(super) verdict: Verdict,
    /// Against faces of other classes.
    pub(super) specific: Verdict,
    #[serde(flatten)]
    pub(super) score: RegionScore,
}

impl MeanFace {
    fn add(&mut self, crop: &[f32], points: &FacePoints) {
        self.n += 1;
        self.crop.resize(crop.len(), 0.0);
        let sums = self.crop.iter_mut().zip(crop);
        sums.for_each(|(sum, value)| *sum += f64::from(*value));
        for (sums, point) in self.points.iter_mut().zip(points.points()) {
            sums[0] += f64::from(point[0]);
            sums[1] += f64::from(point[1]);
        }
    }

    /// The mean crop `[3, 48, 48]`.
    pub(super) fn crop(&self) -> Vec<f32> {
        let n = self.n.max(1) as f64;
        self.crop.iter().map(|sum| (sum / n) as f32).collect()
    }

    /// The mean points.
    pub(super) fn points(&self) -> FacePoints {
        let n = self.n.max(1) as f64;
        let mean = self.points.map(|point| point.map(|sum| (sum / n) as f32));
        FacePoints::new(mean).unwrap_or(FacePoints::CANONICAL)
    }
}

impl Facs {
    /// For a model with these classes.
    pub(super) fn new(classes: &[String]) -> Self {
        let told = classes.iter().enumerate().filter_map(|(class, name)| {
            Some(Told {
                class,
                name: name.clone(),
                emotion: FacsEmotion::of_class(name)?,
                items: Vec::new(),
                mean: MeanFace::default(),
            })
        });
        Self {
            emotions: told.collect(),
            ..Self::default()
        }
    }

    /// Counts a face.
    pub(super) fn add(&mut self, seen: &Seen<'_>) {
        self.faces += 1;
        self.found += usize::from(seen.points.is_some());
        let points = seen.points.unwrap_or(FacePoints::CANONICAL);
        self.layers = seen.maps.iter().map(|m| [m.height, m.width]).collect();
        for told in &mut self.emotions {
            let concerned = told.class == seen.class;
            if concerned {
                told.mean.add(seen.crop, &points);
            }
            told.items.resize(seen.maps.len(), Vec::new());
            for (items, maps) in told.items.iter_mut().zip(seen.maps) {
                let (Some(weights), Some(mask)) =
                    (maps.weights.get(seen.row), maps.masks.get(seen.row))
                else {
                    continue;
                };
                let region =
                    FaceRegion::grid(told.emotion.regions(), &points, maps.height, maps.width);
                items.push(RegionItem {
                    counts: RegionCounts::count(weights, mask, &region),
                    concerned,
                    group: seen.group,
                });
            }
        }
    }

    /// The scores, emotion after emotion; those without faces are left out.
    pub(super) fn rows(&self) -> Vec<FacsRow> {
        let bootstrap = Bootstrap::default();
        let mut rows = Vec::new();
        for told in &self.emotions {
            for ((layer, items), grid) in told.items.iter().enumerate().zip(&self.layers) {
                let Some(score) = RegionScore::new(items, &bootstrap) else {
                    continue;
                };
                rows.push(FacsRow {
                    class: told.name.clone(),
                    regions: told.emotion.regions().iter().map(|r| r.name()).collect(),
                    layer: layer + 1,
                    grid: *grid,
                    verdict: score.verdict(),
                    specific: score.specific(),
                    score,
                });
            }
        }
        rows
    }

    /// The mean face of each emotion that has faces, with its class and regions.
    pub(super) fn mean_faces(
        &self,
    ) -> impl Iterator<Item = (&str, &'static [FaceRegion], &MeanFace)> {
        let seen = self.emotions.iter().filter(|told| told.mean.n > 0);
        seen.map(|told| (told.name.as_str(), told.emotion.regions(), &told.mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes() -> Vec<String> {
        ["sad", "neutral", "happy"].map(str::to_owned).to_vec()
    }

    fn maps(side: usize, mask: Vec<bool>) -> AttentionMaps {
        AttentionMaps {
            height: side,
            width: side,
            weights: vec![vec![1.0 / mask.len() as f32; mask.len()]],
            masks: vec![mask],
        }
    }

    /// Points that are all in the lips: happy is found whole, sad, whose regions have the lids too, as well.
    #[test]
    fn a_selection_of_the_lips_is_found() {
        let lips = |side| {
            let points = FacePoints::CANONICAL;
            FaceRegion::grid(&[FaceRegion::Lips], &points, side, side)
        };
        let all = [24, 12, 6].map(|side| maps(side, lips(side)));
        let mut facs = Facs::new(&classes());
        for number in 0..40 {
            facs.add(&Seen {
                crop: &vec![f32::from(number as u8); 3 * 48 * 48],
                points: (number % 2 == 0).then_some(FacePoints::CANONICAL),
                class: number % 3,
                group: number,
                maps: &all,
                row: 0,
            });
        }
        assert_eq!((facs.faces, facs.found), (40, 20));
        let rows = facs.rows();
        let keys: Vec<(&str, usize)> = rows.iter().map(|r| (r.class.as_str(), r.layer)).collect();
        let expected = [("sad", 1), ("sad", 2), ("sad", 3)];
        assert_eq!(keys[..3], expected);
        assert_eq!(keys.len(), 6, "neutral has no regions");
        for row in &rows {
            assert!((row.score.share - 1.0).abs() < 1e-9, "{row:?}");
            assert_eq!(row.verdict, Verdict::Above, "{row:?}");
            // The same points are active on all faces.
            assert_eq!(row.specific, Verdict::Indistinguishable, "{row:?}");
            assert!((row.score.weighted_ratio - 1.0).abs() < 1e-4, "{row:?}");
        }
        assert_eq!(rows[3].regions, ["lips"]);
        assert_eq!((rows[3].grid, rows[3].score.n), ([24, 24], 13));
        let faces: Vec<_> = facs.mean_faces().collect();
        assert_eq!((faces[0].0, faces[0].2.n), ("sad", 14));
        // The mean of 0, 3, ... 39.
        assert!((faces[0].2.crop()[7] - 19.5).abs() < 1e-4);
        assert_eq!(faces[0].2.points(), FacePoints::CANONICAL);
    }

    #[test]
    fn nothing_seen_nothing_said() {
        assert!(Facs::new(&classes()).rows().is_empty());
        assert_eq!(Facs::new(&classes()).mean_faces().count(), 0);
    }
}
