//! Five points of a face in its crop.

use crate::crop::{CROP_SIDE, crop_window};
use crate::face::Detection;
use crate::handcrafted::HandcraftedError;
use crate::picture::{Intensity, Picture};

/// Names of the points, in MTCNN's order.
const NAMES: [&str; 5] = [
    "left eye",
    "right eye",
    "nose",
    "left corner of the mouth",
    "right corner of the mouth",
];

/// How far outside of the crop a point may lie, pixels.
const MARGIN: f32 = 24.0;

/// Smallest distance of the eyes, pixels of the crop: below, a pixel is a large part of any distance.
const LEAST_EYE_DISTANCE: f32 = 4.0;

/// MTCNN's five points in the coordinates of the crop: pixels from its left and top edge, 0 to 48.
/// "Left" is left in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FacePoints {
    points: [[f32; 2]; 5],
}

impl FacePoints {
    /// Where the points lie in a crop of a face that looks into the camera: what stands in for points that are not
    /// known. Rounded means of MTCNN's detections in clips of twelve people, made symmetric.
    pub const CANONICAL: Self = Self {
        points: [
            [13.2, 19.2],
            [34.8, 19.2],
            [24.0, 28.1],
            [14.9, 36.2],
            [33.1, 36.2],
        ],
    };

    /// Points in the order left eye, right eye, nose, left and right corner of the mouth, each x and y in pixels of
    /// the crop.
    ///
    /// # Errors
    /// When a point is not finite or more than 24 pixels outside of the crop, or the eyes are less than 4
    /// pixels apart: no face, or none that can be measured.
    pub fn new(points: [[f32; 2]; 5]) -> Result<Self, HandcraftedError> {
        let near = -MARGIN..=CROP_SIDE as f32 + MARGIN;
        for (point, [x, y]) in NAMES.into_iter().zip(points) {
            if !near.contains(&x) || !near.contains(&y) {
                return Err(HandcraftedError::PointOutside { point, x, y });
            }
        }
        let [left, right, ..] = points;
        let found = (right[0] - left[0]).hypot(right[1] - left[1]);
        if found < LEAST_EYE_DISTANCE {
            return Err(HandcraftedError::EyesTooClose {
                found,
                least: LEAST_EYE_DISTANCE,
            });
        }
        Ok(Self { points })
    }

    /// The points of a detection in the crop that [`extract_face`](crate::crop::extract_face) cuts from the same frame.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and when the face lies outside of the frame.
    pub fn in_crop<T: Intensity>(
        detection: &Detection,
        frame: &Picture<'_, T>,
    ) -> Result<Self, HandcraftedError> {
        let [x0, y0, x1, y1] = crop_window(frame, &detection.bounding_box())?;
        let scaled = |v: f32, from: usize, to: usize| {
            (v - from as f32) * CROP_SIDE as f32 / (to - from) as f32
        };
        Self::new(
            detection
                .landmarks
                .map(|[x, y]| [scaled(x, x0, x1), scaled(y, y0, y1)]),
        )
    }

    /// Left eye, right eye, nose, left and right corner of the mouth.
    #[must_use]
    pub fn points(&self) -> [[f32; 2]; 5] {
        self.points
    }

    /// The face's own axes.
    pub(super) fn axes(&self) -> Axes {
        let [left, right, ..] = self.points;
        let (dx, dy) = (right[0] - left[0], right[1] - left[1]);
        let unit = dx.hypot(dy);
        Axes {
            origin: middle(left, right),
            along: [dx / unit, dy / unit],
            unit,
        }
    }
}

/// Coordinates of a face: from the middle between the eyes, along the line of the eyes and downwards, in distances of
/// the eyes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axes {
    origin: [f32; 2],
    along: [f32; 2],
    /// Distance of the eyes, pixels.
    pub(super) unit: f32,
}

impl Axes {
    /// A place in the crop in the face's coordinates.
    pub(super) fn face(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (dx, dy) = (x - self.origin[0], y - self.origin[1]);
        let [cos, sin] = self.along;
        [
            (dx * cos + dy * sin) / self.unit,
            (dy * cos - dx * sin) / self.unit,
        ]
    }

    /// A place of the face in pixels of the crop.
    pub(super) fn pixel(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        let [cos, sin] = self.along;
        [
            self.origin[0] + self.unit * (u * cos - v * sin),
            self.origin[1] + self.unit * (u * sin + v * cos),
        ]
    }

    /// How much the line of the eyes falls to the right, radians.
    pub(super) fn roll(&self) -> f32 {
        self.along[1].atan2(self.along[0])
    }
}

pub(super) fn middle(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [f32::midpoint(a[0], b[0]), f32::midpoint(a[1], b[1])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crop::extract_face;

    #[test]
    fn axes_go_there_and_back() {
        let axes = FacePoints::new([
            [10.0, 20.0],
            [30.0, 26.0],
            [22.0, 30.0],
            [14.0, 36.0],
            [28.0, 39.0],
        ])
        .unwrap()
        .axes();
        for place in [[0.0, 0.0], [47.0, 3.0], [22.0, 30.0]] {
            let back = axes.pixel(axes.face(place));
            assert!((back[0] - place[0]).abs() + (back[1] - place[1]).abs() < 1e-4);
        }
        let [u, v] = axes.face([30.0, 26.0]);
        assert!((u - 0.5).abs() < 1e-6 && v.abs() < 1e-6);
        assert!((axes.roll() - 0.3f32.atan()).abs() < 1e-6);
    }

    #[test]
    fn points_that_are_no_face_are_refused() {
        let mut points = FacePoints::CANONICAL.points();
        assert!(FacePoints::new(points).is_ok());
        points[2] = [f32::NAN, 20.0];
        assert!(matches!(
            FacePoints::new(points),
            Err(HandcraftedError::PointOutside { point: "nose", .. })
        ));
        let mut points = FacePoints::CANONICAL.points();
        points[0] = points[1];
        assert!(matches!(
            FacePoints::new(points),
            Err(HandcraftedError::EyesTooClose { .. })
        ));
    }

    #[test]
    fn points_fall_on_what_they_mark() {
        // White dots in a black frame at the places of the points; the box is over the left edge.
        let landmarks = [
            [9.5, 60.5],
            [59.5, 62.5],
            [32.5, 84.5],
            [13.5, 110.5],
            [55.5, 112.5],
        ];
        let detection = Detection {
            x1: -7.0,
            y1: 22.0,
            x2: 80.0,
            y2: 135.0,
            probability: 1.0,
            landmarks,
        };
        let mut values = vec![0.0f32; 200 * 160 * 3];
        for [x, y] in landmarks {
            for (dx, dy) in [
                (-1, -1),
                (0, -1),
                (1, -1),
                (-1, 0),
                (0, 0),
                (1, 0),
                (-1, 1),
                (0, 1),
                (1, 1),
            ] {
                let (x, y) = ((x as isize + dx) as usize, (y as isize + dy) as usize);
                values[(y * 200 + x) * 3] = 255.0;
            }
        }
        let frame = Picture::new(200, 160, &values).unwrap();
        let crop = extract_face(&frame, &detection.bounding_box()).unwrap();
        let points = FacePoints::in_crop(&detection, &frame).unwrap().points();
        for [x, y] in points {
            // The brightness around a point has its centre there.
            let mut sums = [0.0f32; 3];
            for row in (y as usize).saturating_sub(3)..(y as usize + 4).min(48) {
                for column in (x as usize).saturating_sub(3)..(x as usize + 4).min(48) {
                    let weight = crop[row * 48 + column];
                    sums[0] += weight;
                    sums[1] += weight * (column as f32 + 0.5);
                    sums[2] += weight * (row as f32 + 0.5);
                }
            }
            let off = (sums[1] / sums[0] - x).abs() + (sums[2] / sums[0] - y).abs();
            assert!(off < 0.1, "({x}, {y}) is off by {off}");
        }
    }
}
