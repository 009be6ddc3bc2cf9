//! A face or a mel chunk beside what each attention layer kept of it.

use image::RgbImage;
use mesm::{AttentionMaps, Modality, Prediction};

use crate::overlay;

/// Pixels on the sheet for one of a face crop and of a mel chunk, across and down.
const FACE_ZOOM: (u32, u32) = (3, 3);
const MEL_ZOOM: (u32, u32) = (4, 2);

/// Pictures of one size with a line below each: the input, then the layers.
#[derive(Debug, Clone)]
pub(super) struct Exhibit {
    pub(super) panels: Vec<(RgbImage, String)>,
}

impl Exhibit {
    /// A face crop `[3, 48, 48]` in 0..255 that is the `row`th of the maps.
    pub(super) fn face(crop: &[f32], maps: &[AttentionMaps], row: usize, caption: String) -> Self {
        let picture = overlay::enlarged(&overlay::face(crop), FACE_ZOOM);
        Self::of(picture, maps, row, false, caption)
    }

    /// A mel chunk `[128, 32]` as powers; black is 80 dB below `loudest`.
    pub(super) fn chunk(
        powers: &[f32],
        loudest: f32,
        maps: &[AttentionMaps],
        row: usize,
        caption: String,
    ) -> Self {
        let picture = overlay::enlarged(&overlay::mel(powers, loudest), MEL_ZOOM);
        Self::of(picture, maps, row, true, caption)
    }

    fn of(
        picture: RgbImage,
        maps: &[AttentionMaps],
        row: usize,
        flipped: bool,
        caption: String,
    ) -> Self {
        let layers = maps.iter().filter_map(|layer| {
            let kept = overlay::kept(&picture, layer, row, flipped)?;
            let mask = layer.masks.get(row)?;
            let active = mask.iter().filter(|kept| **kept).count();
            Some((kept, format!("{active} of {}", mask.len())))
        });
        let layers: Vec<(RgbImage, String)> = layers.collect();
        Self {
            panels: std::iter::once((picture, caption)).chain(layers).collect(),
        }
    }
}

/// The maps of one modality; none where it took no part.
pub(super) fn maps(prediction: &Prediction, modality: Modality) -> &[AttentionMaps] {
    let maps = prediction.attention.get(&modality);
    maps.map_or(&[], Vec::as_slice)
}

/// A chunk without all but its highest values, as the paper's Figure 4 shows them; `share` of them stay, in `(0, 1]`.
pub(super) fn highest(powers: &[f32], share: f32) -> Vec<f32> {
    let mut sorted = powers.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let stay = (share * powers.len() as f32).round().max(1.0) as usize;
    let least = sorted.get(stay - 1).copied().unwrap_or(0.0);
    powers
        .iter()
        .map(|power| if *power < least { 0.0 } else { *power })
        .collect()
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // whole numbers: exact
mod tests {
    use super::*;
    use image::Rgb;

    fn layer(side: usize, kept: &[usize]) -> AttentionMaps {
        let points = side * side;
        AttentionMaps {
            height: side,
            width: side,
            weights: vec![vec![1.0 / points as f32; points]; 2],
            masks: vec![
                vec![false; points],
                (0..points).map(|i| kept.contains(&i)).collect(),
            ],
        }
    }

    #[test]
    fn a_panel_a_layer_and_its_points() {
        let crop = vec![100.0; 3 * 48 * 48];
        let maps = [layer(24, &[0, 25]), layer(6, &[7])];
        let exhibit = Exhibit::face(&crop, &maps, 1, "happy".to_owned());
        let captions: Vec<&str> = exhibit.panels.iter().map(|(_, c)| c.as_str()).collect();
        assert_eq!(captions, ["happy", "2 of 576", "1 of 36"]);
        let [input, first, second] = [0, 1, 2].map(|panel| &exhibit.panels[panel].0);
        assert_eq!(input.dimensions(), (144, 144));
        assert_eq!(*input.get_pixel(3, 3), Rgb([100; 3]));
        // A cell of the first layer is 6 pixels wide, one of the last 24.
        let red = |picture: &RgbImage, x, y| picture.get_pixel(x, y).0[0] > 150;
        assert!(red(first, 0, 0) && red(first, 6, 6) && !red(first, 6, 0));
        assert!(red(second, 24, 24) && !red(second, 23, 24));
    }

    #[test]
    fn the_highest_values_stay() {
        let powers: Vec<f32> = (0..100).map(|i| ((i * 37) % 100) as f32).collect();
        let shown = highest(&powers, 0.1);
        assert_eq!(shown.iter().filter(|power| **power > 0.0).count(), 10);
        assert!(shown.iter().all(|power| *power == 0.0 || *power >= 90.0));
        assert_eq!(highest(&powers, 1.0), powers);
        assert!(highest(&[], 0.1).is_empty());
    }
}
