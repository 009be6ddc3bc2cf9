//! Borrowed pictures: what a decoder or a canvas hands over, without a copy.

use thiserror::Error;

/// Interleaved colour channels of a pixel: red, green, blue.
pub const CHANNELS: usize = 3;

/// Most pixels a picture may have (4096 x 2048, or 3840 x 2160). Larger frames are scaled down
/// by whoever decodes them: a face of a few pixels more does not change a 48x48 crop.
pub const MAX_PIXELS: usize = 1 << 23;

/// The number type of a colour channel: `u8`, or `f32` in the same range 0..255.
pub trait Intensity: Copy + Into<f32> {}

impl Intensity for u8 {}
impl Intensity for f32 {}

/// An RGB picture, `[height, width, 3]` row-major, values 0..255.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a, T> {
    width: usize,
    height: usize,
    /// Values from one row's start to the next one's.
    stride: usize,
    values: &'a [T],
}

/// A frame as cameras and decoders give it.
pub type RgbFrame<'a> = Picture<'a, u8>;

/// Why a slice is not a picture.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PictureError {
    /// The slice is longer or shorter than the sizes say.
    #[error(
        "a picture of {width}x{height} RGB pixels has {expected} values; {found} were given (RGBA? drop the alpha channel first)"
    )]
    Length {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Values a picture of that size has.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// No pixel, or more than [`MAX_PIXELS`].
    #[error(
        "a picture of {width}x{height} pixels; 1 to {MAX_PIXELS} pixels are accepted: scale the frame down first"
    )]
    Size {
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
    },
}

impl<'a, T: Intensity> Picture<'a, T> {
    /// A picture of `width` x `height` pixels over `values`, `[height, width, 3]` row-major.
    ///
    /// # Errors
    /// When the picture is empty or too large, or `values` has another length.
    pub fn new(width: usize, height: usize, values: &'a [T]) -> Result<Self, PictureError> {
        let pixels = width.saturating_mul(height);
        if pixels == 0 || pixels > MAX_PIXELS {
            return Err(PictureError::Size { width, height });
        }
        let expected = pixels * CHANNELS;
        if values.len() != expected {
            return Err(PictureError::Length {
                width,
                height,
                expected,
                found: values.len(),
            });
        }
        Ok(Self {
            width,
            height,
            stride: width * CHANNELS,
            values,
        })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Row `y` from the top, `[width, 3]`.
    ///
    /// # Panics
    /// When `y` is not below the height.
    pub fn row(&self, y: usize) -> &'a [T] {
        assert!(
            y < self.height,
            "row {y} of a picture of {} rows",
            self.height
        );
        let start = y * self.stride;
        &self.values[start..start + self.width * CHANNELS]
    }

    /// The part with columns `x0..x1` and rows `y0..y1`, sharing the values; none when it is
    /// empty or reaches outside.
    pub fn window(&self, x0: usize, y0: usize, x1: usize, y1: usize) -> Option<Self> {
        if x0 >= x1 || y0 >= y1 || x1 > self.width || y1 > self.height {
            return None;
        }
        Some(Self {
            width: x1 - x0,
            height: y1 - y0,
            stride: self.stride,
            values: &self.values[y0 * self.stride + x0 * CHANNELS..],
        })
    }
}

/// The RGB values of RGBA ones (a canvas' `ImageData`); alpha is dropped, not applied.
#[must_use]
pub fn drop_alpha(rgba: &[u8]) -> Vec<u8> {
    let (pixels, _) = rgba.as_chunks::<4>();
    pixels
        .iter()
        .flat_map(|[r, g, b, _]| [*r, *g, *b])
        .collect()
}

/// `[height, width, 3]` values as `[3, height, width]`, each passed through `map`, appended to
/// `out`.
pub(crate) fn push_channels_first(
    interleaved: &[f32],
    map: impl Fn(f32) -> f32,
    out: &mut Vec<f32>,
) {
    let (pixels, _) = interleaved.as_chunks::<CHANNELS>();
    out.reserve(interleaved.len());
    for channel in 0..CHANNELS {
        out.extend(pixels.iter().map(|pixel| map(pixel[channel])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_share_the_values() {
        let values: Vec<u8> = (0..4 * 3 * 3).collect();
        let picture = Picture::new(4, 3, &values).unwrap();
        let window = picture.window(1, 1, 3, 3).unwrap();
        assert_eq!((window.width(), window.height()), (2, 2));
        assert_eq!(window.row(0), &[15, 16, 17, 18, 19, 20]);
        assert_eq!(window.row(1), &[27, 28, 29, 30, 31, 32]);
        assert_eq!(window.window(1, 1, 2, 2).unwrap().row(0), &[30, 31, 32]);
        assert!(picture.window(1, 1, 1, 3).is_none());
        assert!(picture.window(0, 0, 5, 1).is_none());
    }

    #[test]
    fn sizes_are_checked() {
        let rgba = [1u8, 2, 3, 255, 4, 5, 6, 255];
        assert_eq!(
            Picture::new(2, 1, &rgba).unwrap_err(),
            PictureError::Length {
                width: 2,
                height: 1,
                expected: 6,
                found: 8
            }
        );
        assert_eq!(drop_alpha(&rgba), [1, 2, 3, 4, 5, 6]);
        assert!(matches!(
            Picture::<u8>::new(0, 5, &[]),
            Err(PictureError::Size { .. })
        ));
        assert!(matches!(
            Picture::<u8>::new(usize::MAX, 5, &[]),
            Err(PictureError::Size { .. })
        ));
    }

    #[test]
    fn channels_come_first() {
        let mut out = vec![9.0];
        push_channels_first(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], |v| v * 10.0, &mut out);
        assert_eq!(out, [9.0, 10.0, 40.0, 20.0, 50.0, 30.0, 60.0]);
    }
}
