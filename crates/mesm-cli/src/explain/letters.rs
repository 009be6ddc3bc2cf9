//! Letters of eight by eight dots in pictures.

use font8x8::{BASIC_FONTS, LATIN_FONTS, UnicodeFonts};
use image::{Rgb, RgbImage};

/// Dots across and down a letter.
const DOTS: u32 = 8;

/// Width in pixels of a text whose dots are `size` pixels wide.
pub(super) fn width(text: &str, size: u32) -> u32 {
    text.chars().count() as u32 * DOTS * size
}

/// Height in pixels of a line.
pub(super) fn height(size: u32) -> u32 {
    DOTS * size
}

/// Writes a line whose left upper corner is at `at`; what lies outside of the picture is left out. Letters other than
/// those of western languages become question marks.
pub(super) fn write(picture: &mut RgbImage, text: &str, at: (u32, u32), size: u32, ink: Rgb<u8>) {
    for (number, letter) in text.chars().enumerate() {
        let left = at.0 + number as u32 * DOTS * size;
        for (y, dots) in glyph(letter).into_iter().enumerate() {
            for x in (0..DOTS).filter(|x| dots >> x & 1 == 1) {
                let (x, y) = (left + x * size, at.1 + y as u32 * size);
                for (dx, dy) in (0..size).flat_map(|dy| (0..size).map(move |dx| (dx, dy))) {
                    if let Some(pixel) = picture.get_pixel_mut_checked(x + dx, y + dy) {
                        *pixel = ink;
                    }
                }
            }
        }
    }
}

/// A byte a row from above, its lowest bit on the left.
fn glyph(letter: char) -> [u8; 8] {
    let known = BASIC_FONTS.get(letter).or_else(|| LATIN_FONTS.get(letter));
    known.or_else(|| BASIC_FONTS.get('?')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Rgb<u8> = Rgb([255; 3]);

    fn dots(text: &str, size: u32) -> Vec<(u32, u32)> {
        let mut picture = RgbImage::new(width(text, size), height(size));
        write(&mut picture, text, (0, 0), size, INK);
        let inked = picture.enumerate_pixels().filter(|(_, _, p)| **p == INK);
        inked.map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn letters_are_what_they_are() {
        // The upright stroke of an L is on the left, its foot below.
        let l = dots("L", 1);
        let mean = |axis: fn(&(u32, u32)) -> u32| {
            f64::from(l.iter().map(axis).sum::<u32>()) / l.len() as f64
        };
        assert!(mean(|dot| dot.0) < 3.5 && mean(|dot| dot.1) > 3.0, "{l:?}");
        assert_eq!(dots("L", 2).len(), l.len() * 4);
        assert!(dots(" ", 1).is_empty());
        assert_eq!(dots("\u{4e00}", 1), dots("?", 1));
        assert_ne!(dots("\u{e9}", 1), dots("?", 1));
    }

    #[test]
    fn what_has_no_room_is_left_out() {
        let mut picture = RgbImage::new(10, 10);
        write(&mut picture, "MMM", (6, 6), 3, INK);
        assert!(picture.pixels().any(|pixel| *pixel == INK));
    }
}
