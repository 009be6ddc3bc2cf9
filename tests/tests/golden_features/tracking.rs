//! The tracker on the recorded portrait.

use image::RgbImage;
use mesm_features::crop::fallback_crop;
use mesm_features::face::BoundingBox;
use mesm_features::handcrafted::{FacePoints, face_features};
use mesm_features::track::{FaceTracker, TrackerConfig};

use crate::material::{astronaut, detect, detector, whole};

/// A camera that pans over the portrait, looks away and comes back.
#[test]
fn a_face_is_followed_lost_and_found_again() {
    let picture = astronaut();
    let view = |x: usize, y: usize| whole(&picture).window(x, y, x + 240, y + 240).unwrap();
    let mut tracker = FaceTracker::new(detector(), TrackerConfig::default());
    let mut scans = 0;
    for step in 0..20 {
        let frame = view(60 + 4 * step, 2 * step);
        let result = pollster::block_on(tracker.face(&frame)).unwrap();
        assert!(result.found, "step {step}");
        scans += usize::from(result.scanned);
        // A frontal portrait: the points lie about where they are assumed when they are not known.
        let points = result.points.expect("points of the face").points();
        for (point, usual) in points.iter().zip(FacePoints::CANONICAL.points()) {
            let off = (point[0] - usual[0]).hypot(point[1] - usual[1]);
            assert!(off < 5.0, "step {step}: {point:?}, usually {usual:?}");
        }
        let features = face_features(&result.crop, result.points.as_ref()).unwrap();
        assert!(features.iter().all(|value| value.is_finite()));
        let tracked = BoundingBox::from(result.bbox.unwrap());
        let detected = detect(tracker.detector(), &frame)[0].bounding_box();
        assert!(
            tracked.iou(&detected) > 0.75,
            "step {step}: {tracked:?}, {detected:?}"
        );
    }
    assert_eq!(
        scans, 2,
        "the whole frame is scanned at first and after 15 frames"
    );

    let empty = view(0, 270);
    for _ in 0..3 {
        let result = pollster::block_on(tracker.face(&empty)).unwrap();
        assert!(!result.found && result.scanned);
        assert_eq!((result.bbox, result.points), (None, None));
        assert_eq!(result.crop, fallback_crop(&empty));
    }
    let back = pollster::block_on(tracker.face(&view(100, 20))).unwrap();
    assert!(back.found && back.scanned);
}

/// Two portraits side by side: the larger one is taken, and stays taken while both are there.
#[test]
fn the_largest_of_two_faces_is_followed() {
    let picture = astronaut();
    let near = image::imageops::crop_imm(&picture, 100, 20, 240, 240).to_image();
    let far = image::imageops::thumbnail(&near, 160, 160);
    let mut scene = RgbImage::from_pixel(420, 240, image::Rgb([90, 90, 90]));
    image::imageops::replace(&mut scene, &far, 0, 40);
    image::imageops::replace(&mut scene, &near, 180, 0);
    let mut tracker = FaceTracker::new(detector(), TrackerConfig::default());
    assert_eq!(detect(tracker.detector(), &whole(&scene)).len(), 2);
    for step in 0..4 {
        let result = pollster::block_on(tracker.face(&whole(&scene))).unwrap();
        assert_eq!(result.scanned, step == 0);
        assert!(
            result.bbox.unwrap()[0] > 180.0,
            "step {step}: {:?}",
            result.bbox
        );
    }
}
