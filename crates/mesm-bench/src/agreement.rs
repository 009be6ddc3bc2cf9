//! Whether two devices give the same answer: a time says nothing where the numbers are others.

use mesm::{Batch, Model, Prediction};
use serde::{Deserialize, Serialize};

use crate::BenchError;

/// How far the answers of two devices are from each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// The largest difference of two logits; infinite where one is no number or missing.
    pub logits: f32,
    /// Points of all maps that could be kept.
    pub points: usize,
    /// Of these, how many one device keeps and the other does not.
    pub chosen_otherwise: usize,
}

/// Lets the same model answer the same batch on two devices.
///
/// # Errors
/// When one of them fails.
pub async fn agreement(
    here: (&Model, &Batch),
    there: (&Model, &Batch),
) -> Result<Agreement, BenchError> {
    let mut answers = Vec::with_capacity(2);
    for (model, batch) in [here, there] {
        answers.push(model.forward_async(batch).await?.into_host().await?);
    }
    Ok(between(&answers[0], &answers[1]))
}

fn between(here: &Prediction, there: &Prediction) -> Agreement {
    let mut found = Agreement {
        logits: 0.0,
        points: 0,
        chosen_otherwise: 0,
    };
    let (a, b) = (here.logits.concat(), there.logits.concat());
    if a.len() != b.len() {
        found.logits = f32::INFINITY;
    }
    for (a, b) in a.iter().zip(&b) {
        let difference = (a - b).abs();
        let difference = if difference.is_nan() {
            f32::INFINITY
        } else {
            difference
        };
        found.logits = found.logits.max(difference);
    }
    for (modality, layers) in &there.attention {
        for (i, expected) in layers.iter().enumerate() {
            let expected = expected.masks.concat();
            found.points += expected.len();
            let same = here
                .attention
                .get(modality)
                .and_then(|layers| layers.get(i))
                .map_or(0, |layer| {
                    let kept = layer.masks.concat();
                    kept.iter().zip(&expected).filter(|(a, b)| a == b).count()
                });
            found.chosen_otherwise += expected.len() - same;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use mesm::ModelKind;

    use super::*;
    use crate::{Size, Work, model};

    fn answer(top_p: f32) -> Prediction {
        let device = Device::flex();
        let work = Work {
            frames: 1,
            chunks: 1,
            utterances: 1,
        };
        let model = model(Size::Web, ModelKind::Mesm, top_p, &device).unwrap();
        pollster::block_on(async {
            let output = model.forward_async(&work.batch(Size::Web, &device)).await;
            output.unwrap().into_host().await.unwrap()
        })
    }

    #[test]
    fn an_answer_agrees_with_itself_and_not_with_another() {
        let half = answer(0.5);
        let same = between(&half, &half);
        assert_eq!((same.logits, same.chosen_otherwise), (0.0, 0));
        assert_eq!(same.points, 576 + 144 + 36 + 1024 + 256 + 64);
        let other = between(&half, &answer(0.9));
        assert!(
            other.logits > 0.0 && other.chosen_otherwise > 0,
            "{other:?}"
        );
        assert!(other.chosen_otherwise < other.points, "{other:?}");
    }

    #[test]
    fn no_number_agrees_with_nothing() {
        let half = answer(0.5);
        let mut broken = half.clone();
        broken.logits[0][0] = f32::NAN;
        assert!(between(&broken, &half).logits.is_infinite());
        broken.logits.clear();
        broken.attention.clear();
        let none = between(&broken, &half);
        assert!(none.logits.is_infinite());
        assert_eq!(none.chosen_otherwise, none.points);
    }
}
