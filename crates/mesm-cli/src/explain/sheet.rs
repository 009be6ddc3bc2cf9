//! A contact sheet: a line a class, its exhibits beside each other.

use image::{Rgb, RgbImage, imageops};

use super::exhibit::Exhibit;
use super::gallery::Gallery;
use super::letters;
use crate::overlay::BACKGROUND;

const GAP: u32 = 6;
/// Between two exhibits of a line.
const WIDE_GAP: u32 = 28;
/// Exhibits beside each other; more go below.
const ACROSS: usize = 2;
/// Pixels of a dot of the letters: names and headings, captions.
const LARGE: u32 = 2;
const SMALL: u32 = 1;
const INK: Rgb<u8> = Rgb([235; 3]);
const FAINT: Rgb<u8> = Rgb([165; 3]);

/// Draws a gallery; `None` if it is empty. `input` is what the first panel of an exhibit is called.
pub(super) fn draw(gallery: &Gallery, input: &str) -> Option<RgbImage> {
    let first = gallery
        .lines
        .iter()
        .find_map(|line| line.exhibits.first())?;
    let (width, height) = first.panels.first()?.0.dimensions();
    let panels = first.panels.len() as u32;
    let across = gallery.lines.iter().map(|line| line.exhibits.len()).max()?;
    let across = across.min(ACROSS) as u32;
    let names = gallery.lines.iter();
    let names = names.map(|line| letters::width(&line.name, LARGE)).max()?;
    let left = GAP + names + 2 * GAP;
    let top = GAP + letters::height(LARGE) + GAP;
    let block = (panels * (width + GAP) + WIDE_GAP - GAP, {
        height + GAP / 2 + letters::height(SMALL) + GAP
    });
    let rows_of = |exhibits: &[Exhibit]| exhibits.len().div_ceil(across as usize) as u32;
    let rows: u32 = gallery.lines.iter().map(|l| rows_of(&l.exhibits)).sum();
    let mut sheet = RgbImage::from_pixel(
        left + across * block.0 - WIDE_GAP + GAP,
        top + rows * block.1,
        BACKGROUND,
    );
    for column in 0..across {
        for panel in 0..panels {
            let heading = if panel == 0 {
                input.to_owned()
            } else {
                format!("layer {panel}")
            };
            let at = (left + column * block.0 + panel * (width + GAP), GAP);
            letters::write(&mut sheet, &heading, at, LARGE, INK);
        }
    }
    let mut y = top;
    for line in &gallery.lines {
        letters::write(&mut sheet, &line.name, (GAP, y), LARGE, INK);
        for exhibits in line.exhibits.chunks(across as usize) {
            for (column, exhibit) in exhibits.iter().enumerate() {
                let x = left + column as u32 * block.0;
                hang(&mut sheet, exhibit, (x, y), width);
            }
            y += block.1;
        }
    }
    Some(sheet)
}

fn hang(sheet: &mut RgbImage, exhibit: &Exhibit, (x, y): (u32, u32), width: u32) {
    for (panel, (picture, caption)) in exhibit.panels.iter().enumerate() {
        let x = x + panel as u32 * (width + GAP);
        imageops::replace(sheet, picture, x.into(), y.into());
        let below = (x, y + picture.height() + GAP / 2);
        letters::write(sheet, caption, below, SMALL, FAINT);
    }
}

#[cfg(test)]
mod tests {
    use super::super::gallery::Line;
    use super::*;

    fn exhibit(grey: u8) -> Exhibit {
        let panel = |grey| {
            (
                RgbImage::from_pixel(144, 144, Rgb([grey; 3])),
                "p".to_owned(),
            )
        };
        Exhibit {
            panels: vec![panel(grey), panel(grey + 1)],
        }
    }

    #[test]
    fn every_exhibit_has_its_place() {
        let line = |name: &str, greys: &[u8]| Line {
            name: name.to_owned(),
            exhibits: greys.iter().map(|grey| exhibit(*grey)).collect(),
        };
        let gallery = Gallery {
            lines: vec![line("sad", &[100, 110, 120]), line("fear", &[130])],
        };
        let sheet = draw(&gallery, "face").unwrap();
        for grey in [100, 101, 110, 111, 120, 121, 130, 131] {
            let pixels = sheet.pixels().filter(|pixel| pixel.0 == [grey; 3]);
            assert_eq!(pixels.count(), 144 * 144, "{grey}");
        }
        // The second line's picture is on the left, below the two rows of the first.
        let (x, y) = (6 + 64 + 12, 28 + 2 * 161);
        assert_eq!(*sheet.get_pixel(x, y), Rgb([130; 3]));
        assert!(draw(&Gallery::default(), "face").is_none());
    }
}
