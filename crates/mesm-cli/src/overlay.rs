//! Pictures of what was seen and of what the attention kept.
//!
//! For each window a folder `window_0000` with, for each frame, `frame_000.png` (the frame, its face in a box) and
//! `face_000.png`, and for each mel chunk `mel_000.png`. The last two show the input enlarged and, beside it, each
//! attention layer twice: above, the points it kept in red and the rest darkened; below, the soft weights from dark
//! to bright. Low tones are at the bottom.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage, imageops};
use mesm::{AttentionMaps, Modality, Prediction};
use mesm_data::clip::Frame;
use mesm_data::store::write_atomically;

use crate::error::CliError;
use crate::judgement::{Evidence, FaceEntry, Judgement};

const FACE: (u32, u32) = (48, 48);
const MEL: (u32, u32) = (32, 128);
/// Pixels on the screen for one of a face crop and of a mel chunk, across and down.
const FACE_ZOOM: (u32, u32) = (6, 6);
const MEL_ZOOM: (u32, u32) = (6, 3);
const GAP: u32 = 6;
/// Least difference between the weights of a map, as a share of the largest one, that is shown at its full contrast.
const CONTRAST: f32 = 0.02;
const RED: Rgb<u8> = Rgb([230, 30, 30]);
const GREEN: Rgb<u8> = Rgb([40, 220, 80]);
pub(crate) const BACKGROUND: Rgb<u8> = Rgb([24, 24, 24]);

/// Writes the pictures of a window; each file appears whole or not at all. Returns their number.
///
/// # Errors
/// [`CliError::Output`] naming the file.
pub fn write(folder: &Path, index: u64, judgement: &Judgement) -> Result<usize, CliError> {
    let Some(evidence) = &judgement.evidence else {
        return Ok(0);
    };
    let folder = folder.join(format!("window_{index:04}"));
    let pictures = pictures(evidence, &judgement.faces);
    if pictures.is_empty() {
        return Ok(0);
    }
    std::fs::create_dir_all(&folder).map_err(|source| CliError::unwritable(&folder, source))?;
    for (name, picture) in &pictures {
        save(&folder.join(name), picture)?;
    }
    Ok(pictures.len())
}

fn pictures(evidence: &Evidence, faces: &[FaceEntry]) -> Vec<(String, RgbImage)> {
    let mut pictures = Vec::new();
    for (n, frame) in evidence.frames.iter().enumerate() {
        if let Some(picture) = boxed(frame, faces.get(n)) {
            pictures.push((format!("frame_{n:03}.png"), picture));
        }
    }
    for (n, crop) in evidence.crops.iter().enumerate() {
        let maps = maps_of(evidence.prediction.as_ref(), Modality::Visual);
        pictures.push((
            format!("face_{n:03}.png"),
            sheet(&face(crop), FACE_ZOOM, maps, n, false),
        ));
    }
    let loudest = evidence
        .chunks
        .iter()
        .flatten()
        .copied()
        .fold(0.0, f32::max);
    for (n, chunk) in evidence.chunks.iter().enumerate() {
        let maps = maps_of(evidence.prediction.as_ref(), Modality::Acoustic);
        pictures.push((
            format!("mel_{n:03}.png"),
            sheet(&mel(chunk, loudest), MEL_ZOOM, maps, n, true),
        ));
    }
    pictures
}

fn maps_of(prediction: Option<&Prediction>, modality: Modality) -> &[AttentionMaps] {
    prediction
        .and_then(|p| p.attention.get(&modality))
        .map_or(&[], Vec::as_slice)
}

/// The frame with its face in a green box, three pixels thick.
fn boxed(frame: &Frame, face: Option<&FaceEntry>) -> Option<RgbImage> {
    let mut picture = RgbImage::from_raw(frame.width, frame.height, frame.rgb.clone())?;
    if let Some([x1, y1, x2, y2]) = face.and_then(|f| f.bounds) {
        let (right, bottom) = (
            frame.width.saturating_sub(1),
            frame.height.saturating_sub(1),
        );
        let [x1, x2] = [x1, x2].map(|x| (x.max(0.0) as u32).min(right));
        let [y1, y2] = [y1, y2].map(|y| (y.max(0.0) as u32).min(bottom));
        for y in y1..=y2 {
            for x in x1..=x2 {
                if x < x1 + 3 || x + 3 > x2 || y < y1 + 3 || y + 3 > y2 {
                    picture.put_pixel(x, y, GREEN);
                }
            }
        }
    }
    Some(picture)
}

/// A crop `[3, 48, 48]` in 0..=255 as a picture.
pub(crate) fn face(crop: &[f32]) -> RgbImage {
    let plane = (FACE.0 * FACE.1) as usize;
    RgbImage::from_fn(FACE.0, FACE.1, |x, y| {
        let at = (y * FACE.0 + x) as usize;
        Rgb([0, 1, 2].map(|channel| {
            crop.get(channel * plane + at)
                .map_or(0, |v| v.round() as u8)
        }))
    })
}

/// A chunk `[128, 32]` of powers as a grey picture, 80 dB below the window's loudest point black; low tones below.
pub(crate) fn mel(chunk: &[f32], loudest: f32) -> RgbImage {
    RgbImage::from_fn(MEL.0, MEL.1, |x, y| {
        let power = chunk
            .get(((MEL.1 - 1 - y) * MEL.0 + x) as usize)
            .copied()
            .unwrap_or(0.0);
        let decibels = if power > 0.0 {
            10.0 * (power / loudest).log10()
        } else {
            f32::NEG_INFINITY
        };
        let grey = ((decibels + 80.0) / 80.0 * 255.0) as u8;
        Rgb([grey; 3])
    })
}

/// The input enlarged and, beside it, each layer's kept points (above) and soft weights (below).
fn sheet(
    input: &RgbImage,
    zoom: (u32, u32),
    maps: &[AttentionMaps],
    row: usize,
    flipped: bool,
) -> RgbImage {
    let large = enlarged(input, zoom);
    let (width, height) = large.dimensions();
    let columns = 1 + maps.len() as u32;
    let rows = if maps.is_empty() { 1 } else { 2 };
    let mut sheet = RgbImage::from_pixel(
        columns * (width + GAP) - GAP,
        rows * (height + GAP) - GAP,
        BACKGROUND,
    );
    imageops::replace(&mut sheet, &large, 0, 0);
    for (layer, maps) in maps.iter().enumerate() {
        let left = i64::from((1 + layer as u32) * (width + GAP));
        if let Some(kept) = kept(&large, maps, row, flipped) {
            imageops::replace(&mut sheet, &kept, left, 0);
        }
        let grid = Grid::of(maps, flipped);
        if let Some(weights) = maps.weights.get(row) {
            let largest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
            // A point without any weight was no candidate.
            let weighed = weights.iter().copied().filter(|weight| *weight > 0.0);
            let smallest = weighed.fold(largest, f32::min);
            // From the smallest to the largest, however close; what is hardly uneven looks so.
            let range = (largest - smallest).max(CONTRAST * largest);
            let soft = paint(&large, grid, |at, pixel| {
                let weight = weights.get(at).copied().unwrap_or(smallest);
                let weight = (1.0 - (largest - weight) / range).max(0.0);
                mix(
                    mix(pixel, BACKGROUND, 0.7),
                    heat(weight),
                    0.7 * weight.sqrt(),
                )
            });
            imageops::replace(&mut sheet, &soft, left, i64::from(height + GAP));
        }
    }
    sheet
}

/// A picture with each of its pixels `zoom` times across and down.
pub(crate) fn enlarged(picture: &RgbImage, zoom: (u32, u32)) -> RgbImage {
    let (width, height) = (picture.width() * zoom.0, picture.height() * zoom.1);
    imageops::resize(picture, width, height, imageops::FilterType::Nearest)
}

/// The points that a layer kept of frame or chunk `row` in red over its picture, the rest darkened; `None` if the layer has
/// no such row. `flipped` pictures have the map's first row at the bottom.
pub(crate) fn kept(
    picture: &RgbImage,
    maps: &AttentionMaps,
    row: usize,
    flipped: bool,
) -> Option<RgbImage> {
    let mask = maps.masks.get(row)?;
    Some(paint(picture, Grid::of(maps, flipped), |at, pixel| {
        if mask.get(at).copied().unwrap_or(false) {
            mix(pixel, RED, 0.55)
        } else {
            mix(pixel, BACKGROUND, 0.6)
        }
    }))
}

/// The points of an attention map over a picture.
#[derive(Clone, Copy)]
struct Grid {
    columns: u32,
    rows: u32,
    /// The map's first row is at the bottom of the picture.
    flipped: bool,
}

impl Grid {
    fn of(maps: &AttentionMaps, flipped: bool) -> Self {
        Self {
            columns: maps.width as u32,
            rows: maps.height as u32,
            flipped,
        }
    }
}

/// Colours each pixel by the point of the grid that covers it.
fn paint(picture: &RgbImage, grid: Grid, colour: impl Fn(usize, Rgb<u8>) -> Rgb<u8>) -> RgbImage {
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let row = y * grid.rows / picture.height();
        let row = if grid.flipped {
            grid.rows - 1 - row
        } else {
            row
        };
        let column = x * grid.columns / picture.width();
        colour(
            (row * grid.columns + column) as usize,
            *picture.get_pixel(x, y),
        )
    })
}

pub(crate) fn mix(under: Rgb<u8>, over: Rgb<u8>, share: f32) -> Rgb<u8> {
    Rgb([0, 1, 2].map(|c| {
        (f32::from(under.0[c]) * (1.0 - share) + f32::from(over.0[c]) * share).round() as u8
    }))
}

/// 0 dark red, 1 bright yellow.
fn heat(weight: f32) -> Rgb<u8> {
    Rgb([(120.0 + 135.0 * weight) as u8, (230.0 * weight) as u8, 30])
}

/// Encodes in memory and writes the file whole or not at all.
pub(crate) fn save(path: &Path, picture: &RgbImage) -> Result<(), CliError> {
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| CliError::unwritable(path, std::io::Error::other(error)))?;
    Ok(write_atomically(path, &bytes.into_inner())?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn judgement() -> Judgement {
        let frame = Frame {
            index: 0,
            t_ms: 0,
            width: 40,
            height: 30,
            rgb: vec![100; 40 * 30 * 3],
        };
        let mut masks = vec![false; 24 * 24];
        masks[0] = true;
        let maps = AttentionMaps {
            height: 24,
            width: 24,
            weights: vec![vec![1.0 / 576.0; 576]],
            masks: vec![masks],
        };
        let prediction = Prediction {
            logits: vec![],
            probabilities: vec![],
            modality_logits: [].into(),
            shares: [].into(),
            attention: [(Modality::Visual, vec![maps])].into(),
            cost: [].into(),
        };
        Judgement {
            faces: vec![FaceEntry {
                t_s: 0.0,
                found: true,
                bounds: Some([-5.0, 4.0, 20.0, 999.0]),
            }],
            evidence: Some(Evidence {
                frames: vec![Arc::new(frame)],
                crops: vec![vec![200.0; 3 * 48 * 48]],
                points: vec![None],
                chunks: vec![vec![1.0; 128 * 32]],
                prediction: Some(prediction),
            }),
            ..Judgement::default()
        }
    }

    #[test]
    fn pictures_show_box_points_and_weights() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(write(folder.path(), 3, &judgement()).unwrap(), 3);
        let open = |name: &str| {
            image::open(folder.path().join("window_0003").join(name))
                .unwrap()
                .into_rgb8()
        };
        let frame = open("frame_000.png");
        assert_eq!(
            (frame.dimensions(), *frame.get_pixel(0, 10)),
            ((40, 30), GREEN)
        );
        assert_eq!(*frame.get_pixel(30, 2), Rgb([100; 3]));
        let face = open("face_000.png");
        assert_eq!(face.dimensions(), (288 * 2 + 6, 288 * 2 + 6));
        let (kept, dropped) = (*face.get_pixel(294, 0), *face.get_pixel(294 + 13, 0));
        assert!(
            kept.0[0] > 180 && kept.0[1] < 120,
            "the one kept point is red: {kept:?}"
        );
        assert!(
            dropped.0[0] < 110 && dropped.0[0] == dropped.0[1],
            "the others are dark: {dropped:?}"
        );
        // FE2E and modalities without maps show the input alone.
        assert_eq!(open("mel_000.png").dimensions(), (192, 384));
        assert_eq!(
            std::fs::read_dir(folder.path().join("window_0003"))
                .unwrap()
                .count(),
            3,
            "no temporary file stays"
        );
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"x").unwrap();
        let message = write(&file, 0, &judgement()).unwrap_err().to_string();
        assert!(message.contains("window_0000"), "{message}");
    }
}
