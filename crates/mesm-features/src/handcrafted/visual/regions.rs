//! Where in a face the movements take place by which the facial action coding system (FACS) tells emotions.
//!
//! Dai et al. (NAACL 2021, section 6.2) name these places in words. Here they are outlines around MTCNN's five points, in
//! distances of the eyes, so that a selection of points can be held against them by a number. Five points know
//! nothing of lids and brows: those outlines lie where they are in most faces.

use super::points::{Axes, FacePoints, middle};
use crate::crop::CROP_SIDE;

/// Least half width of a mouth, in distances of the eyes: in profile its corners fall together.
const LEAST_MOUTH: f32 = 0.25;

/// A place in a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaceRegion {
    /// Both eyebrows.
    Brows,
    /// The gap between the eyes, from between the brows to the root of the nose.
    BetweenEyes,
    /// Upper and lower lids of both eyes, with the eyes.
    Eyelids,
    /// The upper lids of both eyes, up to the brows.
    UpperEyelids,
    /// The nose from its root to below its tip, without its wings.
    Nose,
    /// From below the nose to the line of the mouth.
    UpperLip,
    /// Both lips and the corners of the mouth, closed.
    Lips,
    /// Both lips and the corners of the mouth, wide open.
    Mouth,
}

/// The basic emotions that the paper tells the places of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FacsEmotion {
    /// A narrowed gap between the eyes, thinned lips.
    Anger,
    /// Wrinkles near the nose, movement of the upper lip.
    Disgust,
    /// Raised brows and upper lids, an open mouth.
    Fear,
    /// Lips raised at both ends.
    Happiness,
    /// Lips lowered at both ends, lowered lids.
    Sadness,
    /// An open mouth, raised brows and lids.
    Surprise,
}

/// An outline in a face's coordinates.
#[derive(Debug, Clone, Copy)]
struct Outline {
    centre: [f32; 2],
    /// Half of its width and height.
    half: [f32; 2],
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Ellipse,
    Rectangle,
}

impl Outline {
    fn contains(&self, place: [f32; 2]) -> bool {
        let [u, v] = [0, 1].map(|axis| (place[axis] - self.centre[axis]) / self.half[axis]);
        match self.form {
            Form::Ellipse => u * u + v * v <= 1.0,
            Form::Rectangle => u.abs() <= 1.0 && v.abs() <= 1.0,
        }
    }
}

impl FaceRegion {
    /// All of them, from above.
    pub const ALL: [Self; 8] = [
        Self::Brows,
        Self::BetweenEyes,
        Self::UpperEyelids,
        Self::Eyelids,
        Self::Nose,
        Self::UpperLip,
        Self::Lips,
        Self::Mouth,
    ];

    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Brows => "brows",
            Self::BetweenEyes => "gap between the eyes",
            Self::Eyelids => "eyelids",
            Self::UpperEyelids => "upper eyelids",
            Self::Nose => "nose",
            Self::UpperLip => "upper lip",
            Self::Lips => "lips",
            Self::Mouth => "mouth",
        }
    }

    /// Whether a place, in pixels of the crop from its left and top edge, lies in this region of the face with these
    /// points.
    #[must_use]
    pub fn contains(self, points: &FacePoints, place: [f32; 2]) -> bool {
        let axes = points.axes();
        let place = axes.face(place);
        self.outlines(points, &axes)
            .iter()
            .any(|outline| outline.contains(place))
    }

    /// Which points of a grid over the crop lie in any of `regions`: `[rows, columns]` row-major, a point where the middle
    /// of its cell is.
    #[must_use]
    pub fn grid(regions: &[Self], points: &FacePoints, rows: usize, columns: usize) -> Vec<bool> {
        let axes = points.axes();
        let outlines: Vec<Outline> = regions
            .iter()
            .flat_map(|region| region.outlines(points, &axes))
            .collect();
        let middle = |i: usize, count: usize| (i as f32 + 0.5) * CROP_SIDE as f32 / count as f32;
        (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| {
                let place = axes.face([middle(column, columns), middle(row, rows)]);
                outlines.iter().any(|outline| outline.contains(place))
            })
            .collect()
    }

    fn outlines(self, points: &FacePoints, axes: &Axes) -> Vec<Outline> {
        let [_, _, nose, left, right] = points.points().map(|point| axes.face(point));
        let mouth = middle(left, right);
        let mouth_half = ((right[0] - left[0]).hypot(right[1] - left[1]) / 2.0).max(LEAST_MOUTH);
        let ellipse = |centre, half| Outline {
            centre,
            half,
            form: Form::Ellipse,
        };
        let pair = |[u, v]: [f32; 2], half| vec![ellipse([-u, v], half), ellipse([u, v], half)];
        match self {
            Self::Brows => pair([0.5, -0.36], [0.36, 0.16]),
            Self::Eyelids => pair([0.5, 0.0], [0.3, 0.18]),
            Self::UpperEyelids => pair([0.5, -0.12], [0.3, 0.12]),
            Self::BetweenEyes => vec![Outline {
                centre: [0.0, -0.12],
                half: [0.2, 0.24],
                form: Form::Rectangle,
            }],
            Self::Nose => {
                let (root, end) = (0.05, nose[1] + 0.1);
                let centre = [nose[0] * 0.6, f32::midpoint(root, end)];
                vec![ellipse(centre, [0.25, ((end - root) / 2.0).max(0.15)])]
            }
            Self::UpperLip => {
                let centre = [mouth[0], mouth[1] - 0.14];
                vec![ellipse(centre, [mouth_half, 0.15])]
            }
            Self::Lips => vec![ellipse(mouth, [mouth_half + 0.12, 0.2])],
            Self::Mouth => {
                let centre = [mouth[0], mouth[1] + 0.06];
                vec![ellipse(centre, [mouth_half + 0.12, 0.3])]
            }
        }
    }
}

impl FacsEmotion {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Anger,
        Self::Disgust,
        Self::Fear,
        Self::Happiness,
        Self::Sadness,
        Self::Surprise,
    ];

    /// The emotion that a class is called after, as noun or adjective in any case; `None` where the paper tells no places
    /// of it (neutral, excited, frustrated and names unknown).
    #[must_use]
    pub fn of_class(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "anger" | "angry" | "ang" => Self::Anger,
            "disgust" | "disgusted" | "dis" => Self::Disgust,
            "fear" | "fearful" | "afraid" | "fea" => Self::Fear,
            "happy" | "happiness" | "joy" | "hap" => Self::Happiness,
            "sad" | "sadness" => Self::Sadness,
            "surprise" | "surprised" | "sur" => Self::Surprise,
            _ => return None,
        })
    }

    /// The places that the paper names for it (section 6.2).
    #[must_use]
    pub fn regions(self) -> &'static [FaceRegion] {
        use FaceRegion::{BetweenEyes, Brows, Eyelids, Lips, Mouth, Nose, UpperEyelids, UpperLip};
        match self {
            Self::Anger => &[BetweenEyes, Lips],
            Self::Disgust => &[Nose, UpperLip],
            Self::Fear => &[Brows, UpperEyelids, Mouth],
            Self::Happiness => &[Lips],
            Self::Sadness => &[Eyelids, Lips],
            Self::Surprise => &[Brows, Eyelids, Mouth],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: FacePoints = FacePoints::CANONICAL;

    #[test]
    fn the_points_lie_in_the_regions_they_mark() {
        let [left_eye, right_eye, nose, left_corner, right_corner] = FACE.points();
        for eye in [left_eye, right_eye] {
            assert!(FaceRegion::Eyelids.contains(&FACE, eye));
            assert!(!FaceRegion::Brows.contains(&FACE, eye));
            assert!(!FaceRegion::Mouth.contains(&FACE, eye));
            assert!(!FaceRegion::BetweenEyes.contains(&FACE, eye));
        }
        assert!(FaceRegion::Nose.contains(&FACE, nose));
        for corner in [left_corner, right_corner] {
            assert!(FaceRegion::Lips.contains(&FACE, corner));
            assert!(FaceRegion::Mouth.contains(&FACE, corner));
            assert!(!FaceRegion::Nose.contains(&FACE, corner));
        }
        let between = middle(left_eye, right_eye);
        assert!(FaceRegion::BetweenEyes.contains(&FACE, between));
        // 0.36 of 21.6 pixels above the eye, 0.14 above the mouth.
        assert!(FaceRegion::Brows.contains(&FACE, [left_eye[0], left_eye[1] - 7.8]));
        assert!(FaceRegion::UpperLip.contains(&FACE, [24.0, left_corner[1] - 3.0]));
        assert!(!FaceRegion::UpperLip.contains(&FACE, [24.0, left_corner[1] + 3.0]));
    }

    #[test]
    fn regions_follow_the_face() {
        // Turned by a quarter, half the size: x and y of the canonical face change places.
        let turned = FACE
            .points()
            .map(|[x, y]| [24.0 - (y - 24.0) / 2.0, 24.0 + (x - 24.0) / 2.0]);
        let turned = FacePoints::new(turned).unwrap();
        for region in FaceRegion::ALL {
            for row in 0..48 {
                for column in 0..48 {
                    let [x, y] = [column, row].map(|i| i as f32 + 0.37);
                    let there = [24.0 - (y - 24.0) / 2.0, 24.0 + (x - 24.0) / 2.0];
                    assert_eq!(
                        region.contains(&FACE, [x, y]),
                        region.contains(&turned, there),
                        "{} at {x}, {y}",
                        region.name()
                    );
                }
            }
        }
    }

    #[test]
    fn a_grid_asks_the_middle_of_each_cell() {
        for (rows, columns) in [(24, 24), (12, 12), (6, 6)] {
            let grid = FaceRegion::grid(&[FaceRegion::Lips], &FACE, rows, columns);
            assert_eq!(grid.len(), rows * columns);
            let cell = 48.0 / columns as f32;
            for (i, inside) in grid.into_iter().enumerate() {
                let [x, y] = [i % columns, i / columns].map(|i| (i as f32 + 0.5) * cell);
                assert_eq!(inside, FaceRegion::Lips.contains(&FACE, [x, y]));
            }
        }
        let both = FaceRegion::grid(&[FaceRegion::Nose, FaceRegion::UpperLip], &FACE, 24, 24);
        let inside = both.iter().filter(|inside| **inside).count();
        assert!((20..120).contains(&inside), "{inside} of 576");
    }

    /// A region that held no point of a layer, or most of them, could not be told from chance.
    #[test]
    fn every_emotion_has_points_at_every_layer() {
        for emotion in FacsEmotion::ALL {
            for side in [24, 12, 6] {
                let grid = FaceRegion::grid(emotion.regions(), &FACE, side, side);
                let inside = grid.iter().filter(|inside| **inside).count();
                assert!(inside > 0, "{emotion:?} at {side}");
                assert!(inside * 2 < side * side, "{emotion:?} at {side}: {inside}");
            }
        }
    }

    #[test]
    fn classes_are_known_by_their_names() {
        let of = FacsEmotion::of_class;
        assert_eq!(of("Happiness"), Some(FacsEmotion::Happiness));
        assert_eq!(of("happy"), of("joy"));
        assert_eq!(of(" sad "), Some(FacsEmotion::Sadness));
        for name in ["neutral", "excited", "frustrated", ""] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
