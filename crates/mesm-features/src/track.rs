//! One face followed through a video.
//!
//! The pyramid is the expensive part of a detection. From one frame to the next a face moves
//! little, so the tracker first looks around its last place with R-net and O-net alone; it scans
//! the whole frame when nothing is known, when that look fails, and every so often so that a
//! larger face that has come in is seen.
//!
//! State is one box and two numbers: nothing grows with the length of the video. The tracker
//! counts frames, not time, so the same frames always give the same crops.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crop::{OutsideFrame, extract_face, fallback_crop};
use crate::face::{BoundingBox, Detection, FaceError, Mtcnn};
use crate::handcrafted::FacePoints;
use crate::picture::{Intensity, Picture};

/// Sides of the windows in the middle of the last place, relative to its box.
const MIDDLE_SIDES: [f32; 3] = [0.9, 1.1, 1.35];

/// Side of the windows moved to the four sides, relative to the box.
const MOVED_SIDE: f32 = 1.15;

/// How far those move, relative to their own side.
const WINDOW_SHIFT: f32 = 0.2;

/// Settings of a [`FaceTracker`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackerConfig {
    /// A face that is followed is looked for in the whole frame again after this many frames;
    /// 1 scans every frame.
    pub scan_every: u32,
    /// Overlap (intersection over union) with the last place from which on a face is the same
    /// one, 0 to 1.
    pub min_iou: f32,
    /// How many times larger another face must be to be followed instead, at least 1.
    pub switch_ratio: f32,
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self {
            scan_every: 15,
            min_iou: 0.3,
            switch_ratio: 1.2,
        }
    }
}

/// Why a frame has no crop.
#[derive(Debug, Error)]
pub enum TrackError {
    /// The detector failed.
    #[error(transparent)]
    Face(#[from] FaceError),
    /// The detected box cannot be cut out.
    #[error(transparent)]
    Crop(#[from] OutsideFrame),
}

/// The tracker's answer for one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct CropResult {
    /// The face, or the authors' fallback crop: `[3, 48, 48]` row-major, RGB, 0..255.
    pub crop: Vec<f32>,
    /// Whether the crop shows a face that was detected.
    pub found: bool,
    /// Left, top, right, bottom of the face in pixels of the frame; none when it was not found.
    pub bbox: Option<[f32; 4]>,
    /// Probability of the face; none when it was not found.
    pub probability: Option<f32>,
    /// The face's points in the crop; none when it was not found, or they are no face's.
    pub points: Option<FacePoints>,
    /// Whether the whole frame was scanned.
    pub scanned: bool,
}

/// Follows the largest face of a video.
#[derive(Debug)]
pub struct FaceTracker {
    detector: Mtcnn,
    config: TrackerConfig,
    track: Option<Track>,
}

#[derive(Debug, Clone, Copy)]
struct Track {
    place: BoundingBox,
    /// Frames since the last scan.
    age: u32,
    /// Width and height of the frame the place belongs to.
    frame: (usize, usize),
}

impl FaceTracker {
    /// A tracker that knows no face yet.
    #[must_use]
    pub fn new(detector: Mtcnn, config: TrackerConfig) -> Self {
        Self {
            detector,
            config,
            track: None,
        }
    }

    /// The detector in use.
    #[must_use]
    pub fn detector(&self) -> &Mtcnn {
        &self.detector
    }

    /// Forgets the face: call it where another video, or another scene, begins.
    pub fn reset(&mut self) {
        self.track = None;
    }

    /// The face in the next frame. A frame without one gives the fallback crop, and the next
    /// frame is scanned anew.
    ///
    /// # Errors
    /// When the device fails; the face is then forgotten.
    pub async fn face<T: Intensity>(
        &mut self,
        frame: &Picture<'_, T>,
    ) -> Result<CropResult, TrackError> {
        let size = (frame.width(), frame.height());
        let known = self.track.take().filter(|track| track.frame == size);
        if let Some(track) = known
            && track.age + 1 < self.config.scan_every
        {
            let near = self.detector.refine(frame, &windows(&track.place)).await?;
            if let Some(face) = same(&near, &track.place, self.config.min_iou) {
                return self.follow(frame, face, track.age + 1, false);
            }
        }
        let faces = self.detector.detect(frame).await?;
        match choose(&faces, known.map(|track| track.place), &self.config) {
            Some(face) => self.follow(frame, face, 0, true),
            None => Ok(CropResult {
                crop: fallback_crop(frame),
                found: false,
                bbox: None,
                probability: None,
                points: None,
                scanned: true,
            }),
        }
    }

    fn follow<T: Intensity>(
        &mut self,
        frame: &Picture<'_, T>,
        face: &Detection,
        age: u32,
        scanned: bool,
    ) -> Result<CropResult, TrackError> {
        let place = face.bounding_box();
        let crop = extract_face(frame, &place)?;
        self.track = Some(Track {
            place,
            age,
            frame: (frame.width(), frame.height()),
        });
        Ok(CropResult {
            crop,
            found: true,
            bbox: Some(place.into()),
            probability: Some(face.probability),
            points: FacePoints::in_crop(face, frame).ok(),
            scanned,
        })
    }
}

/// Squares around the last place: three sizes in the middle, one moved to the four sides.
fn windows(place: &BoundingBox) -> Vec<BoundingBox> {
    let square = place.squared();
    let x = f32::midpoint(square.x1, square.x2);
    let y = f32::midpoint(square.y1, square.y2);
    let window = |ratio: f32, dx: f32, dy: f32| {
        let side = square.width() * ratio;
        let (x1, y1) = (x + (dx - 0.5) * side, y + (dy - 0.5) * side);
        BoundingBox {
            x1,
            y1,
            x2: x1 + side,
            y2: y1 + side,
        }
    };
    let s = WINDOW_SHIFT;
    let moved = [(-s, 0.0), (s, 0.0), (0.0, -s), (0.0, s)];
    MIDDLE_SIDES
        .iter()
        .map(|ratio| window(*ratio, 0.0, 0.0))
        .chain(moved.iter().map(|(dx, dy)| window(MOVED_SIDE, *dx, *dy)))
        .collect()
}

/// The face that overlaps the last place most, if any does enough.
fn same<'a>(faces: &'a [Detection], place: &BoundingBox, min_iou: f32) -> Option<&'a Detection> {
    faces
        .iter()
        .map(|face| (face.bounding_box().iou(place), face))
        .filter(|(iou, _)| *iou >= min_iou)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, face)| face)
}

/// The face to follow among those of a whole frame: the largest, but one that is followed already
/// is given up only for one that is clearly larger, so that two faces of about the same size do
/// not alternate.
fn choose<'a>(
    faces: &'a [Detection],
    place: Option<BoundingBox>,
    config: &TrackerConfig,
) -> Option<&'a Detection> {
    let area = |face: &Detection| face.bounding_box().area();
    let largest = faces.iter().max_by(|a, b| area(a).total_cmp(&area(b)))?;
    let followed = place.and_then(|place| same(faces, &place, config.min_iou));
    match followed {
        Some(face) if area(largest) < area(face) * config.switch_ratio.max(1.0) => Some(face),
        _ => Some(largest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x1: f32, y1: f32, side: f32) -> Detection {
        Detection {
            x1,
            y1,
            x2: x1 + side,
            y2: y1 + side,
            probability: 0.9,
            landmarks: [[0.0; 2]; 5],
        }
    }

    #[test]
    fn the_largest_face_is_chosen() {
        let faces = [face(0.0, 0.0, 50.0), face(200.0, 0.0, 60.0)];
        let config = TrackerConfig::default();
        assert_eq!(choose(&faces, None, &config), Some(&faces[1]));
        assert_eq!(choose(&[], None, &config), None);
    }

    #[test]
    fn a_followed_face_is_kept_until_another_is_clearly_larger() {
        let config = TrackerConfig::default();
        let last = face(2.0, 1.0, 50.0).bounding_box();
        let place = Some(last);
        let similar = [face(0.0, 0.0, 50.0), face(200.0, 0.0, 53.0)];
        assert_eq!(choose(&similar, place, &config), Some(&similar[0]));
        let larger = [face(0.0, 0.0, 50.0), face(200.0, 0.0, 60.0)];
        assert_eq!(choose(&larger, place, &config), Some(&larger[1]));
        // The followed face is gone: another one far away is not mistaken for it.
        let other = [face(300.0, 0.0, 20.0)];
        assert_eq!(choose(&other, place, &config), Some(&other[0]));
        assert_eq!(same(&other, &last, config.min_iou), None);
    }

    #[test]
    fn windows_surround_the_last_place() {
        let place = BoundingBox::from([100.0, 100.0, 140.0, 160.0]);
        let all = windows(&place);
        assert_eq!(all.len(), 7);
        for window in &all {
            assert!((window.width() - window.height()).abs() < 1e-3);
            assert!(window.iou(&place.squared()) > 0.3, "{window:?}");
        }
    }
}
