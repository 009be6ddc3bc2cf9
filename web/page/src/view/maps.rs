//! Pictures and attention maps as they come from the engine, and painting one over the other.

use js_sys::{ArrayBuffer, Float32Array, Uint8Array};
use mesm_protocol::{AttentionLayer, Modality, Outcome, Slab};
use wasm_bindgen::Clamped;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use super::colours::{decibels, power};
use crate::browser::make;
use crate::capture::context_2d;
use crate::english;
use crate::error::PageError;

/// Height and width of a face crop.
pub(crate) const CROP: (usize, usize) = (48, 48);
/// Bands and steps of a mel chunk.
pub(crate) const CHUNK: (usize, usize) = (128, 32);

/// Red of the kept points, as the theme's `--active`.
const ACTIVE: &str = "rgb(255 60 70 / ";

/// What one branch saw or heard in a window, ready to be drawn: a picture a row, and layers over them.
#[derive(Default)]
pub(crate) struct Maps {
    /// Pixels of each row, `[height, width, 4]`.
    pub pictures: Vec<Vec<u8>>,
    /// The attention layers, first to last.
    pub layers: Vec<Layer>,
}

impl Maps {
    /// The face crops in the buffers, which were checked.
    pub(crate) fn of_faces(outcome: &Outcome, buffers: &[ArrayBuffer]) -> Self {
        let pixels = |slab: Slab| {
            let bytes = Uint8Array::new(&buffers[slab.buffer]).to_vec();
            bytes.chunks(slab.row_len).map(<[u8]>::to_vec).collect()
        };
        let slab = fitting(outcome.crops, CROP.0 * CROP.1 * 4);
        Self::over(slab.map(pixels), outcome, Modality::Visual, buffers)
    }

    /// The mel chunks in the buffers, which were checked.
    pub(crate) fn of_voice(outcome: &Outcome, buffers: &[ArrayBuffer]) -> Self {
        let pixels = |slab: Slab| {
            let scale = decibels(&Float32Array::new(&buffers[slab.buffer]).to_vec());
            scale.chunks(slab.row_len).map(spectrogram).collect()
        };
        let slab = fitting(outcome.mels, CHUNK.0 * CHUNK.1);
        Self::over(slab.map(pixels), outcome, Modality::Acoustic, buffers)
    }

    fn over(
        pictures: Option<Vec<Vec<u8>>>,
        outcome: &Outcome,
        modality: Modality,
        buffers: &[ArrayBuffer],
    ) -> Self {
        let pictures = pictures.unwrap_or_default();
        let layers = outcome.attention.get(&modality).into_iter().flatten();
        Self {
            layers: layers
                .filter(|layer| layer.weights.rows == pictures.len())
                .map(|layer| Layer::of(layer, buffers))
                .collect(),
            pictures,
        }
    }
}

/// The slab, if its rows have this length.
fn fitting(slab: Option<Slab>, row_len: usize) -> Option<Slab> {
    slab.filter(|slab| slab.row_len == row_len)
}

/// A layer on the page's side.
pub(crate) struct Layer {
    pub height: usize,
    pub width: usize,
    weights: Vec<f32>,
    masks: Vec<u8>,
}

/// What of a layer is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Paint {
    /// The kept points, those with more weight stronger.
    #[default]
    Kept,
    /// The weights before the selection, of all points.
    Weights,
}

/// A part of a canvas in its pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Layer {
    /// The layer in the buffers, which were checked.
    fn of(layer: &AttentionLayer, buffers: &[ArrayBuffer]) -> Self {
        Self {
            height: layer.height,
            width: layer.width,
            weights: Float32Array::new(&buffers[layer.weights.buffer]).to_vec(),
            masks: Uint8Array::new(&buffers[layer.masks.buffer]).to_vec(),
        }
    }

    /// Points of one map.
    pub(crate) fn points(&self) -> usize {
        self.height * self.width
    }

    /// Kept points of a row.
    pub(crate) fn kept(&self, row: usize) -> usize {
        let mask = self.row(row).1;
        mask.iter().filter(|kept| **kept != 0).count()
    }

    /// Weights and mask of a row; nothing where there is no such row.
    fn row(&self, row: usize) -> (&[f32], &[u8]) {
        let at = row * self.points()..(row + 1) * self.points();
        (
            self.weights.get(at.clone()).unwrap_or_default(),
            self.masks.get(at).unwrap_or_default(),
        )
    }

    /// Paints a row over an area. `upwards` where the first line belongs at the bottom.
    pub(crate) fn paint(
        &self,
        context: &CanvasRenderingContext2d,
        row: usize,
        area: Area,
        upwards: bool,
        paint: Paint,
    ) {
        let (weights, mask) = self.row(row);
        let (height, width) = (
            area.height / self.height as f64,
            area.width / self.width as f64,
        );
        for (point, strength) in strengths(weights, mask, paint) {
            let (y, x) = (point / self.width, point % self.width);
            let line = if upwards { self.height - 1 - y } else { y };
            context.set_fill_style_str(&format!("{ACTIVE}{strength:.2})"));
            context.fill_rect(
                area.left + x as f64 * width,
                area.top + line as f64 * height,
                width,
                height,
            );
        }
    }
}

/// Bands from the top down to the lowest, as pixels.
fn spectrogram(chunk: &[f32]) -> Vec<u8> {
    let (bands, steps) = CHUNK;
    (0..bands)
        .rev()
        .flat_map(|band| &chunk[band * steps..(band + 1) * steps])
        .flat_map(|value| {
            let [red, green, blue] = power(*value);
            [red, green, blue, 255]
        })
        .collect()
}

/// A canvas of a picture.
pub(crate) fn canvas_of(
    pixels: &[u8],
    (height, width): (usize, usize),
) -> Result<HtmlCanvasElement, PageError> {
    let failed = PageError::browser(english::failed::DRAWING_MAPS);
    let canvas: HtmlCanvasElement = make("canvas", "")?;
    canvas.set_width(width as u32);
    canvas.set_height(height as u32);
    let data =
        ImageData::new_with_u8_clamped_array_and_sh(Clamped(pixels), width as u32, height as u32)
            .map_err(&failed)?;
    context_2d(&canvas, false)?
        .put_image_data(&data, 0.0, 0.0)
        .map_err(&failed)?;
    Ok(canvas)
}

/// Least difference between the weights of a map, as a share of the largest one, that is shown at its full contrast.
const CONTRAST: f32 = 0.02;

/// The points to paint and how strongly, 0 to 1: from the quietest to the loudest, however close these are.
fn strengths(weights: &[f32], mask: &[u8], paint: Paint) -> Vec<(usize, f32)> {
    let loudest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    // A point without any weight was no candidate.
    let weighed = weights.iter().copied().filter(|weight| *weight > 0.0);
    let quietest = weighed.fold(loudest, f32::min);
    let range = (loudest - quietest).max(CONTRAST * loudest);
    let points = weights.iter().zip(mask).enumerate();
    let strength = |weight: f32| (1.0 - (loudest - weight) / range).max(0.0);
    match paint {
        Paint::Kept => points
            .filter(|(_, (_, kept))| **kept != 0)
            .map(|(point, (weight, _))| (point, 0.3 + 0.5 * strength(*weight)))
            .collect(),
        Paint::Weights => points
            .map(|(point, (weight, _))| (point, 0.85 * strength(*weight)))
            .filter(|(_, strength)| *strength >= 0.01)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_points_are_painted_and_weights_of_all() {
        let (weights, mask) = ([0.5, 0.25, 0.25], [1, 0, 1]);
        let kept = strengths(&weights, &mask, Paint::Kept);
        assert_eq!(kept.iter().map(|p| p.0).collect::<Vec<_>>(), [0, 2]);
        assert!((kept[0].1 - 0.8).abs() < 1e-6 && (kept[1].1 - 0.3).abs() < 1e-6);
        let all = strengths(&[0.5, 0.2, 0.3, 0.0], &[1; 4], Paint::Weights);
        assert_eq!(all.iter().map(|p| p.0).collect::<Vec<_>>(), [0, 2]);
        // Even weights are all as strong, and what is hardly uneven looks so.
        let even = strengths(&[0.25, 0.25, 0.25001], &[1; 3], Paint::Weights);
        assert!(even.iter().all(|(_, strength)| *strength > 0.84));
        assert!(strengths(&[], &[], Paint::Kept).is_empty());
    }
}
