//! Face crops of 48x48 as the model was made for: facenet-pytorch's cut around a detected box,
//! and what the authors' code takes when there is none.

mod inter_area;

pub use inter_area::inter_area;

use thiserror::Error;

use crate::face::BoundingBox;
use crate::picture::{CHANNELS, Intensity, Picture, push_channels_first};

/// Side of a crop, pixels.
pub const CROP_SIDE: usize = 48;

/// Values of a crop: `[3, 48, 48]`.
pub const CROP_VALUES: usize = CHANNELS * CROP_SIDE * CROP_SIDE;

/// Pixels of the crop, both sides together, that lie outside the detected box.
const MARGIN: f32 = 2.0;

/// Columns the authors' fallback starts to the left of the row it starts at.
const FALLBACK_SHIFT: usize = 24;

/// A box without a pixel in the frame.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("the box {bounds:?} has no pixel in a frame of {width}x{height}")]
pub struct OutsideFrame {
    /// The box.
    pub bounds: BoundingBox,
    /// Width of the frame in pixels.
    pub width: usize,
    /// Height of the frame in pixels.
    pub height: usize,
}

/// The face in `bounds` with the margin around it, `[3, 48, 48]` row-major, RGB, 0..255.
///
/// As facenet-pytorch with `image_size=48, margin=2` on a float picture: the part inside the
/// frame, its corners cut to whole pixels, stretched to a square by OpenCV's area interpolation.
///
/// # Errors
/// When no pixel of the box lies in the frame.
pub fn extract_face<T: Intensity>(
    frame: &Picture<'_, T>,
    bounds: &BoundingBox,
) -> Result<Vec<f32>, OutsideFrame> {
    let [x0, y0, x1, y1] = crop_window(frame, bounds)?;
    let part = frame.window(x0, y0, x1, y1);
    let part = part.ok_or_else(|| outside(frame, bounds))?;
    let mut crop = Vec::with_capacity(CROP_VALUES);
    push_channels_first(&inter_area(&part, CROP_SIDE, CROP_SIDE), |v| v, &mut crop);
    Ok(crop)
}

/// Left, top, right and bottom (exclusive) of the pixels that [`extract_face`] stretches to a crop.
///
/// # Errors
/// When no pixel of the box lies in the frame.
pub(crate) fn crop_window<T: Intensity>(
    frame: &Picture<'_, T>,
    bounds: &BoundingBox,
) -> Result<[usize; 4], OutsideFrame> {
    let inner = CROP_SIDE as f32 - MARGIN;
    let margin_x = MARGIN * bounds.width() / inner / 2.0;
    let margin_y = MARGIN * bounds.height() / inner / 2.0;
    let first = |v: f32| v.max(0.0) as usize;
    let last = |v: f32, size: usize| (v.max(0.0) as usize).min(size);
    let (x0, y0) = (first(bounds.x1 - margin_x), first(bounds.y1 - margin_y));
    let x1 = last(bounds.x2 + margin_x, frame.width());
    let y1 = last(bounds.y2 + margin_y, frame.height());
    if x0 >= x1 || y0 >= y1 {
        return Err(outside(frame, bounds));
    }
    Ok([x0, y0, x1, y1])
}

fn outside<T: Intensity>(frame: &Picture<'_, T>, bounds: &BoundingBox) -> OutsideFrame {
    OutsideFrame {
        bounds: *bounds,
        width: frame.width(),
        height: frame.height(),
    }
}

/// Top row and left column of the [`fallback_crop`] in a frame of that size.
///
/// As the authors' code: the rows are centred, the columns start 24 to the left of the first
/// row's number, and the width is never looked at. Where that leaves the frame (higher than 96
/// pixels is enough on the left, wide enough is not checked on the right) their code fails; here
/// the window is moved inside.
#[must_use]
pub fn fallback_origin(height: usize, width: usize) -> (usize, usize) {
    let top = height.saturating_sub(CROP_SIDE) / 2;
    let left = top.saturating_sub(FALLBACK_SHIFT);
    (top, left.min(width.saturating_sub(CROP_SIDE)))
}

/// What stands in for a face where none is found: 48x48 pixels of the frame as they are,
/// `[3, 48, 48]` row-major, RGB, 0..255; black where the frame is smaller than that. See
/// [`fallback_origin`].
#[must_use]
pub fn fallback_crop<T: Intensity>(frame: &Picture<'_, T>) -> Vec<f32> {
    let (top, left) = fallback_origin(frame.height(), frame.width());
    let mut crop = vec![0.0; CROP_VALUES];
    for y in 0..CROP_SIDE.min(frame.height() - top) {
        let (pixels, _) = frame.row(top + y).as_chunks::<CHANNELS>();
        for (x, pixel) in pixels[left..].iter().take(CROP_SIDE).enumerate() {
            for (channel, value) in pixel.iter().enumerate() {
                crop[(channel * CROP_SIDE + y) * CROP_SIDE + x] = (*value).into();
            }
        }
    }
    crop
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // whole numbers: exact
mod tests {
    use super::*;

    /// Red counts columns, green rows; blue is 7.
    fn ramp(width: u8, height: u8) -> Vec<u8> {
        (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [x, y, 7]))
            .collect()
    }

    fn at(crop: &[f32], channel: usize, y: usize, x: usize) -> f32 {
        crop[(channel * CROP_SIDE + y) * CROP_SIDE + x]
    }

    #[test]
    fn the_fallback_lies_where_the_authors_take_it() {
        let samples = ramp(100, 100);
        let crop = fallback_crop(&Picture::new(100, 100, &samples).unwrap());
        assert_eq!(fallback_origin(100, 100), (26, 2));
        assert_eq!(
            [at(&crop, 0, 0, 0), at(&crop, 1, 0, 0), at(&crop, 2, 0, 0)],
            [2.0, 26.0, 7.0]
        );
        assert_eq!([at(&crop, 0, 47, 47), at(&crop, 1, 47, 47)], [49.0, 73.0]);
    }

    #[test]
    fn the_fallback_stays_inside_the_frame() {
        // Portrait: the authors' columns 192..240 would end outside.
        assert_eq!(fallback_origin(480, 200), (216, 152));
        // Low: the authors' columns would start before 0.
        assert_eq!(fallback_origin(72, 128), (12, 0));
        let samples = ramp(40, 30);
        let crop = fallback_crop(&Picture::new(40, 30, &samples).unwrap());
        assert_eq!([at(&crop, 0, 29, 39), at(&crop, 1, 29, 39)], [39.0, 29.0]);
        assert_eq!([at(&crop, 2, 30, 0), at(&crop, 2, 0, 40)], [0.0, 0.0]);
    }

    #[test]
    fn a_box_of_the_crops_own_size_is_copied() {
        let samples = ramp(100, 80);
        let frame = Picture::new(100, 80, &samples).unwrap();
        // 46 pixels, and one of margin on each side.
        let bounds = BoundingBox::from([11.0, 21.0, 57.0, 67.0]);
        let crop = extract_face(&frame, &bounds).unwrap();
        assert_eq!([at(&crop, 0, 0, 0), at(&crop, 1, 0, 0)], [10.0, 20.0]);
        assert_eq!([at(&crop, 0, 47, 47), at(&crop, 1, 47, 47)], [57.0, 67.0]);
    }

    #[test]
    fn a_box_over_the_edge_is_cut_and_one_outside_is_refused() {
        let samples = ramp(100, 80);
        let frame = Picture::new(100, 80, &samples).unwrap();
        let over = extract_face(&frame, &[-20.0, -20.0, 48.0, 48.0].into()).unwrap();
        assert_eq!(over.len(), CROP_VALUES);
        assert!(at(&over, 0, 0, 0) < 1.0);
        // The margin of such a box is a little over a pixel.
        for outside in [
            [102.0, 0.0, 152.0, 50.0],
            [-50.0, 0.0, -10.0, 50.0],
            [5.1, 5.0, 5.2, 40.0],
        ] {
            assert!(
                extract_face(&frame, &outside.into()).is_err(),
                "{outside:?}"
            );
        }
        assert!(extract_face(&frame, &[f32::NAN; 4].into()).is_err());
    }
}
