//! The 35 numbers.

use super::patch::{Patch, Plane, Region};
use super::points::{Axes, FacePoints, middle};
use crate::crop::{CROP_SIDE, CROP_VALUES};
use crate::handcrafted::{HandcraftedError, VISUAL_DIM};

const GEOMETRY: usize = 10;
const PIXELS: usize = CROP_SIDE * CROP_SIDE;

/// Intensities of a crop; resampling may round over either end.
const INTENSITIES: std::ops::RangeInclusive<f32> = -1.0..=256.0;

/// A crop with less contrast than a grey level is taken as having that, so that noise is not made a face.
const LEAST_CONTRAST: f32 = 1.0;

/// Luma of ITU-R BT.601.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Where the patches lie: from the eyes, and half of their sizes, in distances of the eyes. Of a pair
/// the one on the right; the left one is its mirror image.
const BROW: Region = region([0.5, -0.36], [0.34, 0.16]);
const EYE: Region = region([0.5, 0.0], [0.3, 0.16]);
const BETWEEN_BROWS: Region = region([0.0, -0.26], [0.16, 0.2]);
const FOREHEAD: Region = region([0.0, -0.7], [0.5, 0.16]);
/// From the middle between nose and a corner of the mouth.
const FOLD_HALF: [f32; 2] = [0.2, 0.2];
/// The fold lies this much further out than that middle.
const FOLD_OUT: f32 = 0.1;
/// From the middle of the mouth.
const MOUTH_HALF: [f32; 2] = [0.5, 0.26];
/// Share of the mouth patch at each side that is a corner.
const CORNER_SHARE: usize = 4;

const fn region(centre: [f32; 2], half: [f32; 2]) -> Region {
    Region { centre, half }
}

/// 35 numbers of a face crop, named by [`VISUAL_NAMES`](crate::handcrafted::VISUAL_NAMES); all are finite.
///
/// `crop` is `[3, 48, 48]` row-major, RGB, 0..255, as [`extract_face`](crate::crop::extract_face) cuts it. The first
/// ten numbers measure the points: roll of the head (radians), distances and places in distances of the eyes. The
/// others measure patches around brows, eyes, the folds from nose to mouth and the mouth: brightness and contrast (in
/// deviations of the whole crop's grey), mean differences between neighbours along and across the face, differences
/// between left and right, and the height of what is dark. They do not change with the picture's brightness and
/// contrast, and follow the head's roll.
///
/// Without points [`FacePoints::CANONICAL`] places the patches: good for crops of faces that look into the camera.
/// The first ten numbers are then the same for every face.
///
/// # Errors
/// When the crop has another size, or a value that is no intensity.
pub fn face_features(
    crop: &[f32],
    points: Option<&FacePoints>,
) -> Result<[f32; VISUAL_DIM], HandcraftedError> {
    if crop.len() != CROP_VALUES {
        return Err(HandcraftedError::CropLength {
            expected: CROP_VALUES,
            found: crop.len(),
        });
    }
    if let Some(index) = crop.iter().position(|value| !INTENSITIES.contains(value)) {
        return Err(HandcraftedError::Intensity {
            index,
            value: crop[index],
        });
    }
    let points = points.unwrap_or(&FacePoints::CANONICAL);
    let axes = points.axes();
    let mut features = [0.0; VISUAL_DIM];
    let (measures, looks) = features.split_at_mut(GEOMETRY);
    measures.copy_from_slice(&geometry(points, &axes));
    looks.copy_from_slice(&appearance(crop, points, &axes));
    Ok(features)
}

fn geometry(points: &FacePoints, axes: &Axes) -> [f32; GEOMETRY] {
    let [_, _, nose, left, right] = points.points().map(|point| axes.face(point));
    let mouth = middle(left, right);
    let (dx, dy) = (right[0] - left[0], right[1] - left[1]);
    let (upper, lower) = (nose[1], mouth[1] - nose[1]);
    [
        axes.roll(),
        axes.unit / CROP_SIDE as f32,
        upper,
        lower,
        mouth[1],
        dx.hypot(dy),
        nose[0],
        mouth[0],
        dy.atan2(dx),
        // Raised by a head that looks down; bounded even where the points are no face.
        upper / (upper.abs() + lower.abs()).max(f32::EPSILON),
    ]
}

fn appearance(crop: &[f32], points: &FacePoints, axes: &Axes) -> [f32; VISUAL_DIM - GEOMETRY] {
    let grey = standardised_grey(crop);
    let cut = |region: Region| region.cut(&grey, axes);
    let [_, _, nose, left, right] = points.points().map(|point| axes.face(point));
    let fold = |corner: [f32; 2], out: f32| {
        let [u, v] = middle(nose, corner);
        cut(region([u + out, v], FOLD_HALF))
    };
    let brows = Pair::cut(BROW, &cut);
    let eyes = Pair::cut(EYE, &cut);
    let folds = Pair {
        left: fold(left, -FOLD_OUT),
        right: fold(right, FOLD_OUT),
    };
    let between = cut(BETWEEN_BROWS);
    let lips = region(middle(left, right), MOUTH_HALF);
    let mouth = cut(lips);
    let above_eyes = BROW.centre[1] - BROW.half[1];
    [
        brows.mean(Patch::mean),
        brows.mean(Patch::contrast),
        brows.mean(Patch::level_edges),
        brows.asymmetry(),
        -(above_eyes + brows.mean(|patch| patch.all_darkness().0)),
        between.contrast(),
        between.upright_edges(),
        cut(FOREHEAD).level_edges(),
        eyes.mean(Patch::mean),
        eyes.mean(Patch::contrast),
        eyes.mean(Patch::level_edges),
        eyes.asymmetry(),
        eyes.mean(|patch| patch.all_darkness().1),
        folds.mean(Patch::mean),
        folds.mean(Patch::contrast),
        folds.mean(|patch| f32::midpoint(patch.level_edges(), patch.upright_edges())),
        folds.asymmetry(),
        mouth.mean(),
        mouth.contrast(),
        mouth.level_edges(),
        mouth.upright_edges(),
        mouth.asymmetry(&mouth),
        mouth.all_darkness().1,
        corners_height(&mouth),
        lips.cut(&redness(crop), axes).mean(),
    ]
}

/// How much higher the dark of the mouth's corners lies than that of its middle, in distances of the eyes.
fn corners_height(mouth: &Patch) -> f32 {
    let columns = mouth.columns();
    let corner = columns / CORNER_SHARE;
    let (left, _) = mouth.darkness(0..corner);
    let (right, _) = mouth.darkness(columns - corner..columns);
    let (centre, _) = mouth.darkness(corner..columns - corner);
    centre - f32::midpoint(left, right)
}

/// Grey with mean 0 and deviation 1 over the crop.
fn standardised_grey(crop: &[f32]) -> Plane {
    let (red, rest) = crop.split_at(PIXELS);
    let (green, blue) = rest.split_at(PIXELS);
    let pixels = red.iter().zip(green).zip(blue);
    let mut grey: Vec<f32> = pixels
        .map(|((r, g), b)| LUMA[0] * r + LUMA[1] * g + LUMA[2] * b)
        .collect();
    let mean = grey.iter().sum::<f32>() / PIXELS as f32;
    let squares = grey.iter().map(|v| (v - mean).powi(2));
    let deviation = (squares.sum::<f32>() / PIXELS as f32)
        .sqrt()
        .max(LEAST_CONTRAST);
    for value in &mut grey {
        *value = (*value - mean) / deviation;
    }
    Plane(grey)
}

/// How much more red than green a pixel is, by its brightness, compared with the whole crop: 0 in a
/// grey picture.
fn redness(crop: &[f32]) -> Plane {
    let (red, rest) = crop.split_at(PIXELS);
    let (green, blue) = rest.split_at(PIXELS);
    let pixels = red.iter().zip(green).zip(blue);
    let mut plane: Vec<f32> = pixels
        .map(|((r, g), b)| (r - g) / (r + g + b).max(1.0))
        .collect();
    let mean = plane.iter().sum::<f32>() / PIXELS as f32;
    for value in &mut plane {
        *value -= mean;
    }
    Plane(plane)
}

/// A patch on each side of the face.
struct Pair {
    left: Patch,
    right: Patch,
}

impl Pair {
    fn cut(right: Region, cut: &impl Fn(Region) -> Patch) -> Self {
        let [u, v] = right.centre;
        Self {
            left: cut(region([-u, v], right.half)),
            right: cut(right),
        }
    }

    fn mean(&self, value: impl Fn(&Patch) -> f32) -> f32 {
        f32::midpoint(value(&self.left), value(&self.right))
    }

    fn asymmetry(&self) -> f32 {
        self.left.asymmetry(&self.right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handcrafted::VISUAL_NAMES;

    fn column(name: &str) -> usize {
        VISUAL_NAMES.iter().position(|n| *n == name).unwrap()
    }

    /// A drawing of a face around the canonical points: brows, eyes and mouth are dark ellipses on skin.
    fn drawing(brow_lift: f32, corner_lift: f32, mouth_height: f32) -> Vec<f32> {
        let mut crop = Vec::with_capacity(CROP_VALUES);
        let ellipse = |x: f32, y: f32, [cx, cy]: [f32; 2], rx: f32, ry: f32| {
            ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0
        };
        let [left, right, _, corner, other] = FacePoints::CANONICAL.points();
        let centre = middle(corner, other);
        for channel in 0..3 {
            for i in 0..PIXELS {
                let (x, y) = ((i % CROP_SIDE) as f32 + 0.5, (i / CROP_SIDE) as f32 + 0.5);
                let brow = |[cx, cy]: [f32; 2]| ellipse(x, y, [cx, cy - 6.0 - brow_lift], 5.0, 1.2);
                let bend = corner_lift * ((x - centre[0]) / 8.0).powi(2);
                let mouth = ellipse(x, y + bend, centre, 8.0, mouth_height);
                let value = if brow(left) || brow(right) {
                    [60.0, 50.0, 45.0]
                } else if ellipse(x, y, left, 3.0, 1.6) || ellipse(x, y, right, 3.0, 1.6) {
                    [40.0, 40.0, 40.0]
                } else if mouth {
                    [150.0, 60.0, 60.0]
                } else {
                    [200.0, 160.0, 140.0]
                };
                crop.push(value[channel]);
            }
        }
        crop
    }

    fn mirrored(crop: &[f32]) -> Vec<f32> {
        let rows = crop.chunks_exact(CROP_SIDE);
        rows.flat_map(|row| row.iter().rev().copied()).collect()
    }

    #[test]
    fn what_a_face_does_is_seen() {
        let plain = face_features(&drawing(0.0, 0.0, 1.5), None).unwrap();
        let cases = [
            ("brows height", drawing(1.5, 0.0, 1.5)),
            ("mouth corners height", drawing(0.0, 3.0, 1.5)),
            ("mouth opening", drawing(0.0, 0.0, 4.0)),
        ];
        for (name, crop) in cases {
            let moved = face_features(&crop, None).unwrap();
            let rise = moved[column(name)] - plain[column(name)];
            assert!(rise > 0.02, "{name}: {rise}");
        }
        assert!(plain[column("mouth redness")] > 0.02);
        assert!(plain[column("brows brightness")] < 0.0);
    }

    #[test]
    fn light_does_not_change_a_face() {
        let crop = drawing(0.5, 1.0, 2.0);
        let dim: Vec<f32> = crop.iter().map(|v| 20.0 + 0.5 * v).collect();
        let (bright, dim) = (
            face_features(&crop, None).unwrap(),
            face_features(&dim, None).unwrap(),
        );
        for k in (0..VISUAL_DIM).filter(|k| *k != column("mouth redness")) {
            assert!((bright[k] - dim[k]).abs() < 1e-4, "{}", VISUAL_NAMES[k]);
        }
    }

    #[test]
    fn a_mirror_turns_the_geometry_and_nothing_else() {
        let mut crop = drawing(0.5, 1.0, 2.0);
        // One raised brow, so that there is an asymmetry to keep.
        crop[10 * CROP_SIDE + 10..10 * CROP_SIDE + 20].fill(20.0);
        let points = [
            [13.0, 18.0],
            [34.0, 20.0],
            [25.0, 29.0],
            [16.0, 36.0],
            [31.0, 38.0],
        ];
        let flip = |[x, y]: [f32; 2]| [CROP_SIDE as f32 - x, y];
        let [left, right, nose, corner, other] = points.map(flip);
        let here = FacePoints::new(points).unwrap();
        let there = FacePoints::new([right, left, nose, other, corner]).unwrap();
        let a = face_features(&crop, Some(&here)).unwrap();
        let b = face_features(&mirrored(&crop), Some(&there)).unwrap();
        for k in 0..VISUAL_DIM {
            let turned =
                ["roll", "nose aside", "mouth aside", "mouth tilt"].contains(&VISUAL_NAMES[k]);
            let expected = if turned { -a[k] } else { a[k] };
            assert!(
                (b[k] - expected).abs() < 1e-3,
                "{}: {} {}",
                VISUAL_NAMES[k],
                a[k],
                b[k]
            );
        }
        assert!(a[column("brows asymmetry")] > 0.1);
    }

    #[test]
    fn geometry_of_known_points() {
        let points = [
            [14.0, 20.0],
            [34.0, 20.0],
            [24.0, 30.0],
            [19.0, 40.0],
            [29.0, 40.0],
        ];
        let points = FacePoints::new(points).unwrap();
        let features = face_features(&vec![99.0; CROP_VALUES], Some(&points)).unwrap();
        let expected = [0.0, 20.0 / 48.0, 0.5, 0.5, 1.0, 0.5, 0.0, 0.0, 0.0, 0.5];
        for (k, expected) in expected.into_iter().enumerate() {
            assert!((features[k] - expected).abs() < 1e-6, "{}", VISUAL_NAMES[k]);
        }
    }

    #[test]
    fn no_crop_gives_a_number_that_is_none() {
        let extremes = [vec![0.0; CROP_VALUES], vec![255.0; CROP_VALUES]];
        let checks: Vec<f32> = (0..CROP_VALUES)
            .map(|i| if i % 2 == 0 { 0.0 } else { 255.0 })
            .collect();
        // Upside down, behind each other, far aside.
        let odd = [
            [
                [34.0, 40.0],
                [14.0, 40.0],
                [24.0, 30.0],
                [29.0, 20.0],
                [19.0, 20.0],
            ],
            [
                [20.0, 20.0],
                [20.0, 25.0],
                [20.0, 20.0],
                [20.0, 20.0],
                [20.0, 20.0],
            ],
            [
                [-24.0, -24.0],
                [72.0, 72.0],
                [72.0, -24.0],
                [0.0, 0.0],
                [0.0, 0.0],
            ],
        ];
        for crop in extremes.iter().chain([&checks]) {
            for points in odd {
                let points = FacePoints::new(points).unwrap();
                for points in [None, Some(&points)] {
                    let features = face_features(crop, points).unwrap();
                    assert!(
                        features.iter().all(|value| value.is_finite()),
                        "{features:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_crop_is_refused() {
        assert!(matches!(
            face_features(&[0.0; 48], None),
            Err(HandcraftedError::CropLength { found: 48, .. })
        ));
        for bad in [f32::NAN, f32::INFINITY, -30.0, 300.0] {
            let mut crop = vec![1.0; CROP_VALUES];
            crop[77] = bad;
            assert!(matches!(
                face_features(&crop, None),
                Err(HandcraftedError::Intensity { index: 77, .. })
            ));
        }
    }
}
