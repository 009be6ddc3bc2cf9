//! Feature sequences of different lengths, side by side.

use std::collections::BTreeMap;

use burn::tensor::{Tensor, TensorData};

use super::config::TwoPhaseConfig;
use super::kind::Padding;
use crate::config::Modality;
use crate::output::ForwardError;

/// One modality's features of a batch.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// `[utterances, longest, features]`. What stands past an utterance's length is never read, except that
    /// [`Padding::AsPublished`] takes it for zeros.
    pub values: Tensor<3>,
    /// Steps of each utterance, each at most `longest`; 0 where the utterance lacks the modality.
    pub lens: Vec<usize>,
}

/// One batch of utterances as features.
#[derive(Debug, Clone, Default)]
pub struct FeatureBatch {
    /// Word vectors.
    pub text: Option<Sequence>,
    /// Features of the face a frame.
    pub visual: Option<Sequence>,
    /// Features of the voice a chunk.
    pub acoustic: Option<Sequence>,
}

/// The name of a modality's features in errors.
pub(super) fn input_name(modality: Modality) -> &'static str {
    match modality {
        Modality::Text => "text",
        Modality::Visual => "visual",
        Modality::Acoustic => "acoustic",
    }
}

/// Checked sequences by modality, in [`Modality::FUSION_ORDER`].
pub(super) type Inputs = BTreeMap<Modality, Padded>;

/// A checked sequence with zeros past each length.
#[derive(Debug, Clone)]
pub(super) struct Padded {
    /// `[utterances, steps, features]`.
    pub(super) values: Tensor<3>,
    pub(super) lens: Vec<usize>,
    /// 1 at steps, 0 past the end, `[utterances, steps, 1]`; `None` where nothing is padded.
    pub(super) mask: Option<Tensor<3>>,
}

impl FeatureBatch {
    fn get(&self, modality: Modality) -> Option<&Sequence> {
        match modality {
            Modality::Text => self.text.as_ref(),
            Modality::Visual => self.visual.as_ref(),
            Modality::Acoustic => self.acoustic.as_ref(),
        }
    }

    /// The sequences that the model reads.
    pub(super) fn inputs(&self, config: &TwoPhaseConfig) -> Result<Inputs, ForwardError> {
        let mut inputs = Inputs::new();
        let mut utterances = None;
        for modality in config.modalities.iter() {
            let Some(sequence) = self.get(modality) else {
                continue;
            };
            let expected = *utterances.get_or_insert(sequence.lens.len());
            check(modality, sequence, config.features(modality), expected)?;
            // Steps that no utterance has are not worth computing, unless they count: MMLatch's authors cut them off too.
            let counted = config.padding == Padding::AsPublished && !config.kind.has_feedback();
            let longest = if counted {
                sequence.values.dims()[1]
            } else {
                sequence.lens.iter().copied().max().unwrap_or(0).max(1)
            };
            inputs.insert(modality, Padded::new(sequence, longest));
        }
        if inputs.is_empty() {
            return Err(ForwardError::NoFeatures {
                modalities: config.modalities.to_string(),
            });
        }
        Ok(inputs)
    }
}

fn check(
    modality: Modality,
    sequence: &Sequence,
    features: usize,
    utterances: usize,
) -> Result<(), ForwardError> {
    let input = input_name(modality);
    let [found, longest, width] = sequence.values.dims();
    if found != utterances || found == 0 || longest == 0 || width != features {
        let utterances = utterances.max(1);
        return Err(ForwardError::Shape {
            input,
            expected: format!("[{utterances}, at least 1, {features}]"),
            found: vec![found, longest, width],
        });
    }
    if sequence.lens.len() != utterances || sequence.lens.iter().any(|len| *len > longest) {
        return Err(ForwardError::Steps {
            input,
            lens: sequence.lens.clone(),
            utterances,
            longest,
        });
    }
    Ok(())
}

impl Padded {
    fn new(sequence: &Sequence, longest: usize) -> Self {
        let [utterances, _, features] = sequence.values.dims();
        let values = sequence.values.clone().narrow(1, 0, longest);
        let mask = mask_of(&sequence.lens, longest, &values);
        let values = match &mask {
            // Filled, not multiplied: whatever stands there may not even be a number.
            Some(mask) => {
                let past = mask.clone().equal_elem(0.0);
                values.mask_fill(past.expand([utterances, longest, features]), 0.0)
            }
            None => values,
        };
        Self {
            values,
            lens: sequence.lens.clone(),
            mask,
        }
    }

    /// The same with the zeros past each length counted as steps.
    pub(super) fn seen(&self) -> Self {
        let [utterances, steps, _] = self.values.dims();
        Self {
            values: self.values.clone(),
            lens: vec![steps; utterances],
            mask: None,
        }
    }

    /// Other values at the same steps, zeros past each length.
    pub(super) fn with(&self, values: Tensor<3>) -> Self {
        Self {
            values: self.clear(values),
            lens: self.lens.clone(),
            mask: self.mask.clone(),
        }
    }

    /// 1 at the keys that attention may read, `[utterances, 1, steps]`; `None` where it may read all.
    pub(super) fn keys(&self) -> Option<Tensor<3>> {
        self.mask.as_ref().map(|mask| mask.clone().swap_dims(1, 2))
    }

    /// `values` `[utterances, steps, any]` with zeros past each length.
    pub(super) fn clear(&self, values: Tensor<3>) -> Tensor<3> {
        match &self.mask {
            Some(mask) => values * mask.clone(),
            None => values,
        }
    }

    /// `values` `[utterances, steps, any]` at each utterance's last step, `[utterances, any]`; zeros where it has none.
    pub(super) fn last(&self, values: Tensor<3>) -> Tensor<2> {
        let [utterances, steps, width] = values.dims();
        if self.mask.is_none() {
            return values.narrow(1, steps - 1, 1).reshape([utterances, width]);
        }
        let mut chosen = vec![0.0_f32; utterances * steps];
        for (utterance, len) in self.lens.iter().enumerate() {
            if let Some(last) = len.checked_sub(1) {
                chosen[utterance * steps + last] = 1.0;
            }
        }
        let chosen = TensorData::new(chosen, [utterances, steps, 1]);
        let chosen = Tensor::<3>::from_data(chosen, &values.device());
        (values * chosen).sum_dim(1).reshape([utterances, width])
    }

    /// 1 where the utterance has the modality and 0 where it does not, `[utterances, 1]`; `None` where all have it.
    pub(super) fn presence(&self) -> Option<Tensor<2>> {
        self.lens.contains(&0).then(|| {
            let present: Vec<f32> = self.lens.iter().map(|len| f32::from(*len > 0)).collect();
            let data = TensorData::new(present, [self.lens.len(), 1]);
            Tensor::from_data(data, &self.values.device())
        })
    }
}

fn mask_of(lens: &[usize], steps: usize, like: &Tensor<3>) -> Option<Tensor<3>> {
    if lens.iter().all(|len| *len == steps) {
        return None;
    }
    let mask: Vec<f32> = lens
        .iter()
        .flat_map(|len| (0..steps).map(move |step| f32::from(step < *len)))
        .collect();
    let data = TensorData::new(mask, [lens.len(), steps, 1]);
    Some(Tensor::from_data(data, &like.device()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn the_last_step_is_each_utterances_own() {
        let device = Device::flex();
        let nan = f32::NAN;
        let values = Tensor::<3>::from_data(
            [
                [[1.0], [2.0], [3.0]],
                [[4.0], [nan], [nan]],
                [[nan], [nan], [nan]],
            ],
            &device,
        );
        let sequence = Sequence {
            values,
            lens: vec![3, 1, 0],
        };
        let padded = Padded::new(&sequence, 3);
        let last = padded.last(padded.values.clone()).into_data();
        assert_eq!(last.try_to_vec::<f32>().unwrap(), [3.0, 4.0, 0.0]);
        let last = padded.seen().last(padded.values.clone()).into_data();
        assert_eq!(last.try_to_vec::<f32>().unwrap(), [3.0, 0.0, 0.0]);
        let presence = padded.presence().unwrap().into_data();
        assert_eq!(presence.try_to_vec::<f32>().unwrap(), [1.0, 1.0, 0.0]);
    }
}
