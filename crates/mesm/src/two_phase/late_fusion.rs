//! Late fusion: an encoder a modality, logits weighed and added up (baselines of Dai et al., 2021, section 5.2).

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::batch::{Inputs, Padded};
use super::by_modality::{ByModality, LISTED};
use super::config::TwoPhaseConfig;
use super::kind::Padding;
use super::lstm::{Lstm, LstmConfig};
use crate::config::{Modalities, Modality};
use crate::sequence::{SequenceConfig, SequenceEncoder};

/// LF-LSTM, the authors' `LF_RNN`.
///
/// As the authors' code, a voice and a face are the final states of their LSTM, the text is what its LSTM gives at the last
/// word: with two directions, the reverse one has read that word alone.
#[derive(Module, Debug)]
pub(super) struct LfLstm {
    rnns: ByModality<Lstm>,
    affines: ByModality<Head>,
    weighted_fusion: Option<Linear>,
    padding_seen: bool,
}

/// LF-TRANS, the authors' `LF_Transformer`: a CLS vector in front, no positions (see [`SequenceEncoder`]).
#[derive(Module, Debug)]
pub(super) struct LfTrans {
    projections: ByModality<Linear>,
    transformers: ByModality<SequenceEncoder>,
    affines: ByModality<Head>,
    weighted_fusion: Option<Linear>,
    padding_seen: bool,
}

/// Two linear layers with ReLU between them, to the logits.
#[derive(Module, Debug)]
struct Head {
    hidden: Linear,
    output: Linear,
}

impl LfLstm {
    pub(super) fn new(config: &TwoPhaseConfig, device: &Device) -> Self {
        let rnn = |modality| Lstm::new(LstmConfig::of_features(config, modality), device);
        let directions = 1 + usize::from(config.bidirectional);
        let head = |modality| Head::new(directions * config.width(modality), config, device);
        Self {
            rnns: ByModality::new(config.modalities, rnn),
            affines: ByModality::new(config.modalities, head),
            weighted_fusion: fusion(config.modalities, device),
            padding_seen: config.padding == Padding::AsPublished,
        }
    }

    /// Logits `[utterances, classes]` of each modality that is there.
    pub(super) fn logits(&self, inputs: &Inputs) -> Vec<(Modality, Tensor<2>)> {
        each(inputs, |modality, input| {
            let (rnn, head) = (self.rnns.get(modality)?, self.affines.get(modality)?);
            let seen = if self.padding_seen {
                input.seen()
            } else {
                input.clone()
            };
            let states = rnn.forward(&seen);
            let vector = match modality {
                Modality::Text => seen.last(states.side_by_side()),
                Modality::Visual | Modality::Acoustic => states.finals(),
            };
            Some(head.forward(vector))
        })
    }

    pub(super) fn fuse(
        &self,
        modalities: Modalities,
        logits: &[(Modality, Tensor<2>)],
    ) -> Option<Tensor<2>> {
        fuse(self.weighted_fusion.as_ref(), modalities, logits)
    }
}

impl LfTrans {
    pub(super) fn new(config: &TwoPhaseConfig, device: &Device) -> Self {
        let encoder = |modality| {
            let dim = config.width(modality);
            let sizes = SequenceConfig {
                dim,
                layers: config.depth(),
                heads: config.head_count(modality),
                feedforward: config.feedforward_of(dim),
                dropout: config.dropout,
            };
            SequenceEncoder::new(sizes, device)
        };
        let projections = if config.hidden_dim == 0 {
            ByModality::none()
        } else {
            ByModality::new(config.modalities, |modality| {
                LinearConfig::new(config.features(modality), config.hidden_dim).init(device)
            })
        };
        let head = |modality| Head::new(config.width(modality), config, device);
        Self {
            projections,
            transformers: ByModality::new(config.modalities, encoder),
            affines: ByModality::new(config.modalities, head),
            weighted_fusion: fusion(config.modalities, device),
            padding_seen: config.padding == Padding::AsPublished,
        }
    }

    /// Logits `[utterances, classes]` of each modality that is there.
    pub(super) fn logits(&self, inputs: &Inputs) -> Vec<(Modality, Tensor<2>)> {
        each(inputs, |modality, input| {
            let encoder = self.transformers.get(modality)?;
            let head = self.affines.get(modality)?;
            // The authors give their encoder no lengths for the text.
            let input = if self.padding_seen && modality == Modality::Text {
                input.seen()
            } else {
                input.clone()
            };
            let mut rows = rows_of(&input);
            if let Some(projection) = self.projections.get(modality) {
                rows = projection.forward(rows);
            }
            Some(head.forward(encoder.forward(rows, &input.lens)))
        })
    }

    pub(super) fn fuse(
        &self,
        modalities: Modalities,
        logits: &[(Modality, Tensor<2>)],
    ) -> Option<Tensor<2>> {
        fuse(self.weighted_fusion.as_ref(), modalities, logits)
    }
}

impl Head {
    fn new(inputs: usize, config: &TwoPhaseConfig, device: &Device) -> Self {
        // Half as wide, as the authors' code, but never nothing.
        let hidden = (inputs / 2).max(1);
        Self {
            hidden: LinearConfig::new(inputs, hidden).init(device),
            output: LinearConfig::new(hidden, config.classes.len()).init(device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.output.forward(relu(self.hidden.forward(x)))
    }
}

/// One weight a modality; a single modality needs none.
fn fusion(modalities: Modalities, device: &Device) -> Option<Linear> {
    let count = modalities.count();
    (count > 1).then(|| LinearConfig::new(count, 1).with_bias(false).init(device))
}

/// What `logits` gives for each modality that is there, 0 for the utterances that lack it.
pub(super) fn each(
    inputs: &Inputs,
    logits: impl Fn(Modality, &Padded) -> Option<Tensor<2>>,
) -> Vec<(Modality, Tensor<2>)> {
    let present = |(modality, input): (&Modality, &Padded)| {
        let own = logits(*modality, input)?;
        let own = match input.presence() {
            Some(presence) => own * presence,
            None => own,
        };
        Some((*modality, own))
    };
    inputs.iter().filter_map(present).collect()
}

/// The logits weighed by the columns of the fusion layer and added up; a modality that is not there adds nothing.
fn fuse(
    fusion: Option<&Linear>,
    modalities: Modalities,
    logits: &[(Modality, Tensor<2>)],
) -> Option<Tensor<2>> {
    // Burn's linear weights are [inputs, outputs].
    let weights = fusion.map(|fusion| {
        let weights = fusion.weight.val();
        let count = weights.dims()[0];
        weights.reshape([count])
    });
    weighted_sum(weights.as_ref(), modalities, logits)
}

/// `weights`: one a modality in the order of [`LISTED`].
pub(super) fn weighted_sum(
    weights: Option<&Tensor<1>>,
    modalities: Modalities,
    logits: &[(Modality, Tensor<2>)],
) -> Option<Tensor<2>> {
    let listed = || LISTED.into_iter().filter(|m| modalities.contains(*m));
    logits
        .iter()
        .map(|(modality, logits)| match weights {
            Some(weights) => {
                let column = listed().position(|m| m == *modality).unwrap_or_default();
                logits.clone() * weights.clone().narrow(0, column, 1).reshape([1, 1])
            }
            None => logits.clone(),
        })
        .reduce(|sum, share| sum + share)
}

/// The steps of all utterances one after the other, `[steps, features]`.
fn rows_of(input: &Padded) -> Tensor<2> {
    let [utterances, longest, features] = input.values.dims();
    let rows = input
        .values
        .clone()
        .reshape([utterances * longest, features]);
    if input.mask.is_none() {
        return rows;
    }
    let mut index: Vec<i32> = Vec::with_capacity(utterances * longest);
    let mut start = 0_i32;
    for &len in &input.lens {
        index.extend((start..).take(len));
        start = start.saturating_add(i32::try_from(longest).unwrap_or(i32::MAX));
    }
    let device = rows.device();
    if index.is_empty() {
        return Tensor::zeros([0, features], &device);
    }
    let index = Tensor::<1, Int>::from_data(TensorData::from(index.as_slice()), &device);
    rows.select(0, index)
}
