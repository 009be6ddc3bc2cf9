//! Attention maps as they come from the engine, and painting one over a picture.

use js_sys::{ArrayBuffer, Float32Array, Uint8Array};
use mesm_protocol::AttentionLayer;
use web_sys::CanvasRenderingContext2d;

/// Red of the kept points, as the theme's `--active`.
const ACTIVE: &str = "rgb(255 60 70 / ";

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
    pub(crate) fn of(layer: &AttentionLayer, buffers: &[ArrayBuffer]) -> Self {
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

/// The points to paint and how strongly, 0 to 1.
fn strengths(weights: &[f32], mask: &[u8], paint: Paint) -> Vec<(usize, f32)> {
    let loudest = weights.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let points = weights.iter().zip(mask).enumerate();
    match paint {
        Paint::Kept => points
            .filter(|(_, (_, kept))| **kept != 0)
            .map(|(point, (weight, _))| (point, 0.3 + 0.5 * (weight / loudest)))
            .collect(),
        Paint::Weights => points
            .map(|(point, (weight, _))| (point, 0.85 * (weight / loudest)))
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
        assert!((kept[0].1 - 0.8).abs() < 1e-6 && (kept[1].1 - 0.55).abs() < 1e-6);
        assert_eq!(strengths(&weights, &mask, Paint::Weights).len(), 3);
        assert!(strengths(&[], &[], Paint::Kept).is_empty());
    }
}
