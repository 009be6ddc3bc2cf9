//! A figure of the regions: where they lie on the average face of each class.

use image::{Rgb, RgbImage, imageops};
use mesm_features::handcrafted::FaceRegion;

use super::facs::{Facs, MeanFace};
use super::letters;
use crate::overlay::{self, BACKGROUND, mix};

const ZOOM: u32 = 4;
const GAP: u32 = 8;
const ACROSS: usize = 3;
const INK: Rgb<u8> = Rgb([235; 3]);
const FAINT: Rgb<u8> = Rgb([165; 3]);
/// Of a class's regions, one after the other; then that of the five points.
const COLOURS: [Rgb<u8>; 3] = [Rgb([230, 159, 0]), Rgb([86, 180, 233]), Rgb([0, 200, 140])];
const POINT: Rgb<u8> = Rgb([255, 255, 255]);

/// A panel a class: its average face, its regions tinted and named in their colours, and the mean places of the five
/// points; `None` without faces.
pub(super) fn draw(facs: &Facs) -> Option<RgbImage> {
    let panels: Vec<RgbImage> = facs
        .mean_faces()
        .map(|(name, regions, face)| panel(name, regions, face))
        .collect();
    let width = panels.iter().map(RgbImage::width).max()? + GAP;
    let height = panels.iter().map(RgbImage::height).max()? + GAP;
    let across = panels.len().min(ACROSS);
    let down = panels.len().div_ceil(across);
    let (columns, rows) = (across as u32, down as u32);
    let mut sheet = RgbImage::from_pixel(GAP + columns * width, GAP + rows * height, BACKGROUND);
    for (number, panel) in panels.iter().enumerate() {
        let x = GAP + (number % across) as u32 * width;
        let y = GAP + (number / across) as u32 * height;
        imageops::replace(&mut sheet, panel, x.into(), y.into());
    }
    Some(sheet)
}

fn panel(name: &str, regions: &[FaceRegion], face: &MeanFace) -> RgbImage {
    let points = face.points();
    let mut picture = overlay::enlarged(&overlay::face(&face.crop()), (ZOOM, ZOOM));
    let place = |pixel: u32| (pixel as f32 + 0.5) / ZOOM as f32;
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        for (region, colour) in regions.iter().zip(COLOURS) {
            if region.contains(&points, [place(x), place(y)]) {
                *pixel = mix(*pixel, colour, 0.45);
            }
        }
    }
    for [x, y] in points.points() {
        let [x, y] = [x, y].map(|v| (v * ZOOM as f32) as i64);
        for (dx, dy) in [
            (0, 0),
            (1, 0),
            (-1, 0),
            (0, 1),
            (0, -1),
            (2, 0),
            (-2, 0),
            (0, 2),
            (0, -2),
        ] {
            let at = (u32::try_from(x + dx), u32::try_from(y + dy));
            if let (Ok(x), Ok(y)) = at
                && let Some(pixel) = picture.get_pixel_mut_checked(x, y)
            {
                *pixel = POINT;
            }
        }
    }
    let head = letters::height(2) + GAP;
    let line = letters::height(1) + 4;
    let below = head + picture.height() + 4;
    let height = below + line * (COLOURS.len() as u32 + 1);
    let mut panel = RgbImage::from_pixel(picture.width(), height, BACKGROUND);
    letters::write(&mut panel, name, (0, 0), 2, INK);
    imageops::replace(&mut panel, &picture, 0, head.into());
    for ((number, region), colour) in (0..).zip(regions).zip(COLOURS) {
        let at = (0, below + number * line);
        letters::write(&mut panel, region.name(), at, 1, colour);
    }
    let last = (0, below + COLOURS.len() as u32 * line);
    let count = if face.n == 1 { "face" } else { "faces" };
    let count = format!("mean of {} {count}", face.n);
    letters::write(&mut panel, &count, last, 1, FAINT);
    panel
}

#[cfg(test)]
mod tests {
    use super::super::facs::Seen;
    use super::*;

    #[test]
    fn regions_are_tinted_where_they_are() {
        let mut facs = Facs::new(&["happy".to_owned(), "fear".to_owned()]);
        assert!(draw(&facs).is_none());
        facs.add(&Seen {
            crop: &vec![100.0; 3 * 48 * 48],
            points: None,
            class: 0,
            group: 0,
            maps: &[],
            row: 0,
        });
        let sheet = draw(&facs).unwrap();
        // One class was seen.
        assert_eq!(sheet.width(), 8 + 48 * 4 + 8);
        let at = |x: f32, y: f32| {
            let [x, y] = [x, y].map(|v| (v * 4.0) as u32);
            *sheet.get_pixel(8 + x, 8 + 16 + 8 + y)
        };
        assert_eq!(at(24.0, 36.2), mix(Rgb([100; 3]), COLOURS[0], 0.45));
        assert_eq!(at(24.0, 10.0), Rgb([100; 3]));
        assert_eq!(at(24.0, 28.1), POINT, "the tip of the nose");
    }
}
