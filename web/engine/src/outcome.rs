//! A judged window as the message that the page draws.

use std::collections::BTreeMap;

use mesm::{AttentionMaps, Cost, Modality, Prediction};
use mesm_features::crop::{CROP_SIDE, CROP_VALUES};
use mesm_features::track::CropResult;
use mesm_features::window::WindowInput;
use mesm_protocol::{AttentionLayer, Buffers, DeviceKind, Face, Macs, Modality as Letter, Outcome};

use crate::brain::Brain;
use crate::evidence::Evidence;

/// What was found out about a window.
pub(crate) struct Findings {
    /// The face of each frame, also where none of them counts.
    pub faces: Vec<CropResult>,
    pub input: WindowInput,
    pub prediction: Prediction,
    pub notes: Vec<String>,
    pub timings_ms: BTreeMap<String, f64>,
}

/// The message and its buffers.
pub(crate) fn outcome(
    evidence: &Evidence,
    findings: &Findings,
    brain: &Brain,
    device: DeviceKind,
) -> (Outcome, Buffers) {
    let prediction = &findings.prediction;
    let mut buffers = Buffers::default();
    let faces = evidence
        .frames
        .iter()
        .zip(&findings.faces)
        .map(|(frame, crop)| Face {
            t_ms: frame.t_ms,
            found: crop.found,
            bbox: crop.bbox,
        })
        .collect();
    let input = &findings.input;
    let crops = (!input.crops.is_empty()).then(|| {
        let pixels = input.crops.iter().flat_map(|crop| rgba(crop)).collect();
        buffers.push_u8(input.crops.len(), pixels)
    });
    let mels = input
        .chunks
        .as_ref()
        .map(|chunks| buffers.push_f32(chunks.count, &chunks.powers(brain.mel())));
    let attention: BTreeMap<Letter, Vec<AttentionLayer>> = prediction
        .attention
        .iter()
        .map(|(modality, maps)| {
            let layers = maps.iter().map(|map| layer(map, &mut buffers)).collect();
            (letter(*modality), layers)
        })
        .collect();
    let outcome = Outcome {
        id: evidence.id,
        classes: brain.classes().to_vec(),
        probabilities: first(&prediction.probabilities),
        logits: first(&prediction.logits),
        shares: prediction
            .shares
            .iter()
            .map(|(modality, rows)| (letter(*modality), first(rows)))
            .collect(),
        frames: input.crops.len(),
        chunks: input.chunks.as_ref().map_or(0, |chunks| chunks.count),
        faces_found: input.faces_found,
        active_points: prediction
            .attention
            .iter()
            .map(|(modality, maps)| {
                let counts = maps.iter().map(AttentionMaps::active_points).collect();
                (letter(*modality), counts)
            })
            .collect(),
        macs: prediction
            .cost
            .iter()
            .map(|(modality, cost)| (letter(*modality), macs(cost)))
            .collect(),
        device,
        memory_bytes: crate::host::memory_bytes(),
        timings_ms: findings.timings_ms.clone(),
        notes: findings.notes.clone(),
        faces,
        crops,
        mels,
        attention,
    };
    (outcome, buffers)
}

fn layer(map: &AttentionMaps, buffers: &mut Buffers) -> AttentionLayer {
    let rows = map.masks.len();
    let masks = map
        .masks
        .iter()
        .flatten()
        .map(|kept| u8::from(*kept))
        .collect();
    AttentionLayer {
        height: map.height,
        width: map.width,
        weights: buffers.push_f32(rows, &map.weights.concat()),
        masks: buffers.push_u8(rows, masks),
    }
}

fn first(rows: &[Vec<f32>]) -> Vec<f32> {
    rows.first().cloned().unwrap_or_default()
}

fn macs(cost: &Cost) -> Macs {
    Macs {
        pairs: cost.cnn_macs_pairs(),
        sites: cost.cnn_macs_sites(),
        dense: cost.fe2e_macs,
    }
}

fn letter(modality: Modality) -> Letter {
    match modality {
        Modality::Text => Letter::Text,
        Modality::Visual => Letter::Visual,
        Modality::Acoustic => Letter::Acoustic,
    }
}

/// `[3, 48, 48]` in 0..=255 to `[48, 48, 4]`, opaque.
fn rgba(crop: &[f32]) -> Vec<u8> {
    const POINTS: usize = CROP_SIDE * CROP_SIDE;
    debug_assert_eq!(crop.len(), CROP_VALUES);
    (0..POINTS)
        .flat_map(|point| {
            let channel = |c: usize| crop[c * POINTS + point].round().clamp(0.0, 255.0) as u8;
            [channel(0), channel(1), channel(2), 255]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pixels() {
        let mut crop = vec![0.0; CROP_VALUES];
        crop[0] = 10.4;
        crop[CROP_SIDE * CROP_SIDE] = 20.6;
        crop[2 * CROP_SIDE * CROP_SIDE] = 300.0;
        let pixels = rgba(&crop);
        assert_eq!(pixels.len(), CROP_SIDE * CROP_SIDE * 4);
        assert_eq!(pixels[..4], [10, 21, 255, 255]);
    }
}
