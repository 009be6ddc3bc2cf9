//! A face picture to the crop that the model sees.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::MediaError;
use super::area::resize_square;

/// Side of a crop in pixels.
pub const FACE_SIDE: usize = 48;
/// Values of a crop: `[3, 48, 48]`.
pub const FACE_VALUES: usize = 3 * FACE_SIDE * FACE_SIDE;
/// Most bytes an encoded face may have: 16 MiB.
pub const MAX_FACE_BYTES: usize = 16 << 20;
/// Longest side of a picture in pixels.
pub const MAX_FACE_SIDE: u32 = 4096;
/// Most memory that decoding may take, in bytes: twice a picture of the longest sides with 16 bits and an alpha
/// channel.
const MAX_DECODED_BYTES: u64 = 256 << 20;

const EXPECTED: &str = "a JPEG or PNG picture";

/// The picture in `bytes`, JPEG or PNG of any size, as `[3, 48, 48]` row-major RGB in 0..255.
///
/// It is turned upright as its EXIF data say, its largest square around the middle is taken, and that is resized by area
/// (a pixel is the mean of what it covers); a picture of 48x48 keeps its very values. Grey becomes three equal channels,
/// 16 bits a channel become 8, an alpha channel is dropped.
///
/// # Errors
/// [`MediaError`]: too many bytes, another format, sides over [`MAX_FACE_SIDE`], damage.
pub fn face(bytes: &[u8]) -> Result<Vec<f32>, MediaError> {
    if bytes.len() > MAX_FACE_BYTES {
        return Err(MediaError::TooManyBytes {
            what: "face",
            found: bytes.len(),
            limit: MAX_FACE_BYTES,
        });
    }
    let rgb = decode(bytes)?.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let side = width.min(height);
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    let rgb = rgb.into_raw();
    if width == height {
        return Ok(resize_square(&rgb, side, FACE_SIDE));
    }
    let mut square = Vec::with_capacity(side * side * 3);
    for row in rgb.chunks_exact(width * 3).skip(top).take(side) {
        square.extend_from_slice(&row[left * 3..(left + side) * 3]);
    }
    Ok(resize_square(&square, side, FACE_SIDE))
}

fn decode(bytes: &[u8]) -> Result<DynamicImage, MediaError> {
    let wrong = |e: &dyn std::fmt::Display| MediaError::Picture {
        reason: e.to_string(),
    };
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png)) => format,
        Ok(other) => return Err(other_format(format!("{other:?}"))),
        Err(_) if bytes.is_empty() => return Err(other_format("no bytes".to_owned())),
        Err(_) => return Err(other_format("bytes that begin like no picture".to_owned())),
    };
    // The sides are looked at below: the decoder's own complaint would not name them.
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| wrong(&e))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || width > MAX_FACE_SIDE || height > MAX_FACE_SIDE {
        return Err(MediaError::PictureSize { width, height });
    }
    // EXIF data that cannot be read are no reason to lose a picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| wrong(&e))?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn other_format(found: String) -> MediaError {
    MediaError::Format {
        expected: EXPECTED,
        found,
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole numbers: exact")]
mod tests {
    use super::*;
    use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
        encoded(&picture.into(), ImageFormat::Png)
    }

    fn at(face: &[f32], channel: usize, y: usize, x: usize) -> f32 {
        face[(channel * FACE_SIDE + y) * FACE_SIDE + x]
    }

    #[test]
    fn a_crop_keeps_its_values() {
        let grey = GrayImage::from_fn(48, 48, |x, y| Luma([(x * 5 + y) as u8]));
        let face = face(&png(grey)).unwrap();
        assert_eq!(face.len(), FACE_VALUES);
        for channel in 0..3 {
            assert_eq!(at(&face, channel, 3, 40), 203.0);
            assert_eq!(at(&face, channel, 47, 0), 47.0);
        }
    }

    #[test]
    fn colours_become_planes_and_alpha_is_dropped() {
        let rgb = RgbImage::from_fn(48, 48, |x, y| Rgb([x as u8, y as u8, 7]));
        let rgba = RgbaImage::from_fn(48, 48, |x, y| Rgba([x as u8, y as u8, 7, 0]));
        let first = face(&png(rgb)).unwrap();
        assert_eq!(first, face(&png(rgba)).unwrap());
        assert_eq!(
            [
                at(&first, 0, 2, 30),
                at(&first, 1, 2, 30),
                at(&first, 2, 2, 30)
            ],
            [30.0, 2.0, 7.0]
        );
    }

    #[test]
    fn jpeg_is_near_what_was_encoded() {
        let grey = GrayImage::from_fn(48, 48, |x, y| Luma([(2 * x + 3 * y) as u8]));
        let face = face(&encoded(&grey.into(), ImageFormat::Jpeg)).unwrap();
        for (y, x) in [(0, 0), (20, 30), (47, 47)] {
            let expected = (2 * x + 3 * y) as f32;
            assert!((at(&face, 0, y, x) - expected).abs() < 12.0);
            assert_eq!(at(&face, 0, y, x), at(&face, 2, y, x));
        }
    }

    #[test]
    fn the_middle_square_of_another_size_is_taken() {
        // A white square of 96 in the middle of black: exactly what is cut out.
        let wide = GrayImage::from_fn(196, 96, |x, _| {
            Luma([if (50..146).contains(&x) { 255 } else { 0 }])
        });
        assert!(face(&png(wide)).unwrap().iter().all(|v| *v == 255.0));
        let tall = GrayImage::from_fn(24, 30, |_, y| {
            Luma([if (3..27).contains(&y) { 255 } else { 0 }])
        });
        assert!(face(&png(tall)).unwrap().iter().all(|v| *v == 255.0));
        let large = GrayImage::from_fn(480, 480, |x, y| {
            Luma([if x / 10 == 5 && y / 10 == 9 { 200 } else { 0 }])
        });
        let face = face(&png(large)).unwrap();
        assert!((at(&face, 0, 9, 5) - 200.0).abs() < 1e-3);
        assert!(at(&face, 0, 9, 6).abs() < 1e-3 && at(&face, 0, 8, 5).abs() < 1e-3);
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        assert!(matches!(face(b""), Err(MediaError::Format { found, .. }) if found == "no bytes"));
        assert!(matches!(
            face(b"hello, picture"),
            Err(MediaError::Format { .. })
        ));
        assert!(
            matches!(face(b"GIF89a\x01\0\x01\0"), Err(MediaError::Format { found, .. }) if found == "Gif")
        );
        let mut bytes = png(GrayImage::new(48, 48));
        bytes.truncate(bytes.len() / 2);
        assert!(matches!(face(&bytes), Err(MediaError::Picture { .. })));
        let large = png(GrayImage::new(MAX_FACE_SIDE + 1, 1));
        assert_eq!(
            face(&large),
            Err(MediaError::PictureSize {
                width: 4097,
                height: 1
            })
        );
        assert!(matches!(
            face(&vec![0xff; MAX_FACE_BYTES + 1]),
            Err(MediaError::TooManyBytes { .. })
        ));
    }

    /// A header that promises far more than there is takes no memory and is refused.
    #[test]
    fn a_promise_of_pixels_is_not_believed() {
        let mut bytes = png(GrayImage::new(4, 4));
        bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert!(face(&bytes).is_err());
    }

    #[test]
    fn damaged_bytes_never_panic() {
        use rand::RngExt;
        let grey = GrayImage::from_fn(40, 40, |x, y| Luma([(x * y) as u8]));
        for (format, key) in [(ImageFormat::Jpeg, 1), (ImageFormat::Png, 2)] {
            let whole = encoded(&grey.clone().into(), format);
            let mut rng = crate::seed::rng(1, &[key]);
            let mut decoded = 0;
            for _ in 0..400 {
                let mut bytes = whole.clone();
                for _ in 0..rng.random_range(1..6) {
                    let place = rng.random_range(0..bytes.len());
                    bytes[place] = rng.random();
                }
                if let Ok(values) = face(&bytes) {
                    decoded += 1;
                    assert!(values.iter().all(|v| (0.0..=255.001).contains(v)));
                }
            }
            assert!(
                decoded < 400,
                "{format:?}: damage must be found at least once"
            );
        }
    }
}
