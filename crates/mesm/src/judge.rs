//! What a modality says of the classes, and what it counts for.

use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData};
use mesm_gpu as gpu;
use mesm_kernels::Judged;

use crate::linear::{linear, params};

/// What a modality's last layer says of its `rows` `[utterances, width]` where it is `present`, and 0 elsewhere; what that
/// counts for by its place in the `fusion` layer; and the sum of the shares up to this modality, `before` being those of the
/// ones before it.
pub(crate) fn judge(
    layer: &Linear,
    rows: &Tensor<2>,
    present: &[bool],
    fusion: Option<(Tensor<2>, usize)>,
    before: Option<Tensor<2>>,
) -> Judged {
    let everywhere = present.iter().all(|&there| there);
    let nowhere = !present.contains(&true);
    if gpu::takes(rows)
        && (everywhere || nowhere)
        && let Some(layer) = params(layer)
    {
        let present = if everywhere { 1.0 } else { 0.0 };
        let fusion = fusion.as_ref().map(|(weights, place)| (weights, *place));
        if let Some(judged) = gpu::judge(rows, &layer, present, fusion, before.as_ref()) {
            return judged;
        }
    }
    let mut logits = linear(layer, rows.clone());
    if !everywhere {
        logits = logits * presence(present, &rows.device());
    }
    let share = match fusion {
        Some((weights, place)) => logits.clone() * weights.narrow(0, place, 1),
        None => logits.clone(),
    };
    let total = match before {
        Some(before) => before + share.clone(),
        None => share.clone(),
    };
    Judged {
        logits,
        share,
        total,
    }
}

/// `[utterances, 1]`: 1 where something is there, 0 where not.
fn presence(present: &[bool], device: &Device) -> Tensor<2> {
    let values: Vec<f32> = present
        .iter()
        .map(|&there| f32::from(u8::from(there)))
        .collect();
    Tensor::from_data(TensorData::new(values, [present.len(), 1]), device)
}
