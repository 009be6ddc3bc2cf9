//! The golden self-test: a fixed picture, a fixed sound and fixed words go the whole way through detector, text encoder
//! and model before the first number is shown. What comes out must be what was recorded, and the same on the CPU and on
//! the device that is used: a shader that a browser refuses is skipped without a word, and the numbers are then
//! wrong without looking wrong.

use std::f32::consts::TAU;

use mesm_features::window::WindowInput;

use crate::brain::Brain;
use crate::error::EngineError;
use crate::evidence::EvidenceFrame;
use crate::manifest::Answer;

/// Largest accepted difference.
pub const LIMIT: f32 = 1e-3;

/// By so much more may numbers differ that follow from a selection: where two points are equal but for rounding, it is
/// rounding that decides which of them is kept, and a point more or less moves a logit by hundredths.
const SELECTED: f32 = 50.0;

/// NASA's public-domain portrait of Eileen Collins, cut and scaled down, `[72, 72, 3]`.
const FACE: &[u8] = include_bytes!("self_test_face.rgb");
const SIDE: usize = 72;
const WORDS: &str = "we will see";
/// 31 spectrogram frames: one mel chunk.
const SAMPLES: usize = 6000;

/// What the model says to the fixed window.
///
/// # Errors
/// When the device fails or finds no face.
pub async fn answer(brain: &mut Brain) -> Result<Answer, EngineError> {
    let frame = EvidenceFrame {
        t_ms: 0.0,
        width: SIDE,
        height: SIDE,
        rgb: FACE.to_vec(),
    };
    let faces = brain.look(&[frame]).await?;
    let face = faces
        .first()
        .filter(|face| face.found)
        .ok_or_else(|| EngineError::Gpu("the self-test's face was not found".to_owned()))?;
    let input = WindowInput::gather(Some(&[face]), Some((brain.mel(), &sound())))?;
    let (text, _) = brain.read(WORDS)?;
    let everything = brain
        .ask(&input, Some(text.clone()), Some(1.0), false)
        .await?;
    let selected = brain.ask(&input, Some(text), None, false).await?;
    let bounds = face.bbox.unwrap_or_default();
    Ok(Answer {
        everything: everything
            .logits
            .concat()
            .into_iter()
            .chain(bounds.map(|edge| edge / SIDE as f32))
            .chain(face.probability)
            .collect(),
        selected: selected.logits.concat(),
    })
}

/// A tone that rises from 200 to 2000 Hz.
fn sound() -> Vec<f32> {
    (0..SAMPLES)
        .map(|i| {
            let t = i as f32 / 16_000.0;
            0.4 * (TAU * (200.0 * t + 2400.0 * t * t)).sin()
        })
        .collect()
}

/// Largest difference, that of selected numbers divided by what they may differ more; infinite where the lists do not
/// match or hold what is no number.
#[must_use]
pub fn deviation(got: &Answer, expected: &Answer) -> f32 {
    largest(&got.everything, &expected.everything)
        .max(largest(&got.selected, &expected.selected) / SELECTED)
}

fn largest(got: &[f32], expected: &[f32]) -> f32 {
    if got.len() != expected.len() || got.is_empty() {
        return f32::INFINITY;
    }
    got.iter()
        .zip(expected)
        .map(|(got, expected)| {
            let difference = (got - expected).abs();
            if difference.is_finite() {
                difference
            } else {
                f32::INFINITY
            }
        })
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::{deviation, largest};
    use crate::manifest::Answer;

    #[test]
    fn what_is_no_number_deviates_without_bound() {
        assert!((largest(&[1.0, 2.0], &[1.0, 2.5]) - 0.5).abs() < 1e-6);
        assert!(largest(&[f32::NAN], &[0.0]).is_infinite());
        assert!(largest(&[1.0], &[1.0, 2.0]).is_infinite());
        assert!(largest(&[], &[]).is_infinite());
    }

    #[test]
    fn a_selection_may_differ_by_a_point() {
        let answer = |everything, selected| Answer {
            everything: vec![everything],
            selected: vec![selected],
        };
        let recorded = answer(1.0, 2.0);
        assert!((deviation(&answer(1.0, 2.05), &recorded) - 1e-3).abs() < 1e-6);
        assert!((deviation(&answer(1.01, 2.05), &recorded) - 1e-2).abs() < 1e-6);
        assert!(deviation(&Answer::default(), &recorded).is_infinite());
    }
}
