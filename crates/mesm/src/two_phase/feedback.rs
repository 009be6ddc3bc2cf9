//! MMLatch's feedback: what two modalities became decides how much of the third's features comes through.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Distribution, Tensor};

use super::batch::{Inputs, Padded, input_name};
use super::by_modality::LISTED;
use super::config::TwoPhaseConfig;
use super::kind::Feedback;
use super::lstm::{Lstm, LstmConfig};
use crate::config::Modality;
use crate::output::ForwardError;

/// Dropout in training on what the feedback LSTMs give: a constant of the authors' code, unless less is asked for.
const OUTPUT_DROPOUT: f64 = 0.1;

/// A pair of feedback networks for each modality (equation 4).
#[derive(Module, Debug)]
pub(super) struct FeedbackMasks {
    text: MaskPair,
    acoustic: MaskPair,
    visual: MaskPair,
    dropout: Dropout,
    always: bool,
    first_stage_gradients: bool,
}

/// The two networks whose masks are averaged, in the order of [`LISTED`].
#[derive(Module, Debug)]
struct MaskPair {
    mask1: MaskNetwork,
    mask2: MaskNetwork,
    dropout: Dropout,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)] // six of these a model
enum MaskNetwork {
    Linear(Linear),
    Lstm(Lstm),
}

impl FeedbackMasks {
    /// Networks that read vectors `width` wide, or none if there is to be no feedback.
    pub(super) fn new(config: &TwoPhaseConfig, width: usize, device: &Device) -> Option<Self> {
        let network = |features: usize| match config.feedback {
            Feedback::None => None,
            Feedback::Linear => Some(MaskNetwork::Linear(
                LinearConfig::new(width, features).init(device),
            )),
            Feedback::Lstm => {
                let sizes = LstmConfig {
                    inputs: width,
                    hidden: features,
                    layers: 1,
                    bidirectional: false,
                    dropout: 0.0,
                };
                Some(MaskNetwork::Lstm(Lstm::new(sizes, device)))
            }
        };
        let pair = |modality| {
            let features = config.features(modality);
            Some(MaskPair {
                mask1: network(features)?,
                mask2: network(features)?,
                dropout: DropoutConfig::new(config.dropout.min(OUTPUT_DROPOUT)).init(),
            })
        };
        Some(Self {
            text: pair(Modality::Text)?,
            acoustic: pair(Modality::Acoustic)?,
            visual: pair(Modality::Visual)?,
            dropout: DropoutConfig::new(config.feedback_dropout).init(),
            always: config.feedback_dropout_always,
            first_stage_gradients: config.first_stage_gradients,
        })
    }

    /// The masks and the masked inputs, given what each modality became in the first stage: `[utterances, steps, width]` for
    /// each of `high`, which holds all three.
    pub(super) fn forward(
        &self,
        inputs: &Inputs,
        high: &[(Modality, Tensor<3>)],
    ) -> Result<Masked, ForwardError> {
        let mut masked = Inputs::new();
        let mut masks = Vec::with_capacity(inputs.len());
        for (modality, input) in inputs {
            let others = LISTED
                .into_iter()
                .filter(|other| other != modality)
                .map(|other| {
                    let (_, values) = high.iter().find(|(m, _)| *m == other).ok_or(
                        ForwardError::FeaturesMissing {
                            input: input_name(other),
                        },
                    )?;
                    let values = if self.first_stage_gradients {
                        values.clone()
                    } else {
                        values.clone().detach()
                    };
                    Ok(input.with(values))
                })
                .collect::<Result<Vec<_>, ForwardError>>()?;
            let pair = match modality {
                Modality::Text => &self.text,
                Modality::Visual => &self.visual,
                Modality::Acoustic => &self.acoustic,
            };
            let mask = pair.forward(&others);
            let values = input.values.clone() * self.dropped(mask.clone());
            masked.insert(*modality, input.with(values));
            masks.push((*modality, mask));
        }
        Ok(Masked { masked, masks })
    }

    fn dropped(&self, mask: Tensor<3>) -> Tensor<3> {
        let rate = self.dropout.prob;
        if !self.always || rate <= 0.0 {
            return self.dropout.forward(mask);
        }
        let kept = mask.random_like(Distribution::Bernoulli(1.0 - rate));
        mask * kept / (1.0 - rate)
    }
}

/// Inputs after the feedback.
pub(super) struct Masked {
    pub(super) masked: Inputs,
    /// In `(0, 1)`, before dropout, `[utterances, steps, features]`.
    pub(super) masks: Vec<(Modality, Tensor<3>)>,
}

impl MaskPair {
    fn forward(&self, others: &[Padded]) -> Tensor<3> {
        let networks = [&self.mask1, &self.mask2];
        let masks: Vec<Tensor<3>> = networks
            .into_iter()
            .zip(others)
            .map(|(network, x)| {
                sigmoid(match network {
                    MaskNetwork::Linear(linear) => linear.forward(x.values.clone()),
                    MaskNetwork::Lstm(lstm) => self.dropout.forward(lstm.forward(x).side_by_side()),
                })
            })
            .collect();
        // Two networks, two masks.
        Tensor::stack::<4>(masks, 0).mean_dim(0).squeeze_dim(0)
    }
}

/// The feedback multiplies features of one modality by masks made from the steps of the others, so all must have the same
/// steps: one for each word.
pub(super) fn check_aligned(inputs: &Inputs) -> Result<(), ForwardError> {
    let mut first: Option<&Padded> = None;
    for modality in Modality::FUSION_ORDER {
        let input = inputs.get(&modality).ok_or(ForwardError::FeaturesMissing {
            input: input_name(modality),
        })?;
        let first = *first.get_or_insert(input);
        if input.lens != first.lens || input.values.dims()[1] != first.values.dims()[1] {
            return Err(ForwardError::NotAligned {
                input: input_name(modality),
                found: input.lens.clone(),
                expected: first.lens.clone(),
            });
        }
    }
    Ok(())
}
