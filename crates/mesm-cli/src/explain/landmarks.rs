//! The five points of a face in a picture that holds little but the face.

use image::{Rgb, RgbImage, imageops};
use mesm_features::crop::CROP_SIDE;
use mesm_features::face::Mtcnn;
use mesm_features::handcrafted::FacePoints;
use mesm_features::picture::RgbFrame;

use crate::error::CliError;
use crate::overlay;

/// How many times larger the detector sees a crop. Its last network reads 48 pixels of a face, its first one proposes
/// nothing below 20.
const ZOOM: u32 = 3;
/// Pixels of the crop around it that repeat its edge: the detector frames a face with some room.
const BORDER: u32 = 12;

/// The points of the largest face in a crop `[3, 48, 48]` in 0..255, in pixels of the crop; `None` where there is none that
/// can be measured.
///
/// # Errors
/// When the device fails.
pub(super) fn points(detector: &Mtcnn, crop: &[f32]) -> Result<Option<FacePoints>, CliError> {
    let large = enlarged(&overlay::face(crop));
    let (width, height) = large.dimensions();
    let failed = |reason: String| CliError::Faces(reason);
    let frame = RgbFrame::new(width as usize, height as usize, large.as_raw())
        .map_err(|e| failed(e.to_string()))?;
    let faces = pollster::block_on(detector.detect(&frame)).map_err(|e| failed(e.to_string()))?;
    Ok(faces.first().and_then(|face| {
        let place = face
            .landmarks
            .map(|point| point.map(|v| v / ZOOM as f32 - BORDER as f32));
        FacePoints::new(place).ok()
    }))
}

/// The crop within its border, enlarged.
fn enlarged(crop: &RgbImage) -> RgbImage {
    let side = CROP_SIDE as u32;
    let last = side - 1;
    let bordered = RgbImage::from_fn(side + 2 * BORDER, side + 2 * BORDER, |x, y| {
        let [x, y] = [x, y].map(|v| v.saturating_sub(BORDER).min(last));
        crop.get_pixel_checked(x, y).copied().unwrap_or(Rgb([0; 3]))
    });
    let large = bordered.width() * ZOOM;
    imageops::resize(&bordered, large, large, imageops::FilterType::CatmullRom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choices::DeviceChoice;
    use crate::{device, faces};
    use mesm_features::crop::extract_face;

    /// The points found in a crop are those that were found in the picture it was cut from.
    #[test]
    fn a_crop_has_the_points_of_its_picture() {
        let portrait = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/golden/astronaut.png"
        );
        let picture = image::open(portrait).unwrap().into_rgb8();
        let (width, height) = picture.dimensions();
        let frame = RgbFrame::new(width as usize, height as usize, picture.as_raw()).unwrap();
        let detector = faces::detector(&device::open(DeviceChoice::Cpu).unwrap()).unwrap();
        let face = pollster::block_on(detector.detect(&frame)).unwrap()[0];
        let expected = FacePoints::in_crop(&face, &frame).unwrap().points();
        let crop = extract_face(&frame, &face.bounding_box()).unwrap();
        let found = points(&detector, &crop).unwrap().unwrap().points();
        for (found, expected) in found.into_iter().zip(expected) {
            let off = (found[0] - expected[0]).hypot(found[1] - expected[1]);
            assert!(off < 2.0, "{found:?} instead of {expected:?}");
        }
        let wall = vec![120.0; 3 * CROP_SIDE * CROP_SIDE];
        assert_eq!(points(&detector, &wall).unwrap(), None);
    }
}
