//! MulT, the Multimodal Transformer for unaligned sequences (Tsai et al., 2019).

use std::collections::BTreeMap;

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig1d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::batch::{Inputs, Padded, input_name};
use super::by_modality::{ByModality, LISTED};
use super::config::TwoPhaseConfig;
use super::crossmodal::{Crossmodal, CrossmodalConfig};
use crate::config::{Modalities, Modality};
use crate::output::ForwardError;

/// The memory Transformers of the authors' code have at least so many layers.
const LEAST_MEMORY_LAYERS: usize = 3;

/// MulT: convolutions bring the modalities to one width, each modality reads every other one, a Transformer runs over
/// what it read of all of them, and the last steps of these make the logits.
///
/// With two modalities each has one crossmodal Transformer, and with one there is none: its steps go to the last
/// Transformer as they are. As the authors' code, except that padding is masked, the convolution is there even for features
/// of the common width, and the last step is the utterance's own.
#[derive(Module, Debug)]
pub(super) struct Mult {
    targets: ByModality<Target>,
    proj1: Linear,
    proj2: Linear,
    out_layer: Linear,
    /// On the word vectors.
    embed_dropout: Dropout,
    dropout: Dropout,
}

/// What makes one modality's part.
#[derive(Module, Debug)]
struct Target {
    projection: Conv1d,
    from: ByModality<Crossmodal>,
    memory: Crossmodal,
}

/// What comes of a batch.
pub(super) struct MultOutput {
    pub(super) logits: Tensor<2>,
    /// After the last layer of each modality, zeros past each length, `[utterances, steps, any]`.
    pub(super) memories: Vec<(Modality, Tensor<3>)>,
    /// What the last linear layer reads, `[utterances, any]`.
    pub(super) fused: Tensor<2>,
}

impl Mult {
    pub(super) fn new(config: &TwoPhaseConfig, device: &Device) -> Self {
        let memory_width = Self::memory_width(config);
        let combined = config.modalities.count() * memory_width;
        let linear = |to| LinearConfig::new(combined, to).init(device);
        Self {
            targets: ByModality::new(config.modalities, |modality| {
                Target::new(config, modality, memory_width, device)
            }),
            proj1: linear(combined),
            proj2: linear(combined),
            out_layer: linear(config.classes.len()),
            embed_dropout: DropoutConfig::new(config.embed_dropout).init(),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    /// Width of the last Transformer of each modality: what it read of every other one, side by side.
    pub(super) fn memory_width(config: &TwoPhaseConfig) -> usize {
        let others = config.modalities.count() - 1;
        others.max(1) * config.width(Modality::Text)
    }

    pub(super) fn forward(
        &self,
        inputs: &Inputs,
        modalities: Modalities,
    ) -> Result<MultOutput, ForwardError> {
        let memories = self.memories(inputs, modalities)?;
        let last: Vec<Tensor<2>> = LISTED
            .into_iter()
            .filter_map(|modality| {
                let (_, memory) = memories.iter().find(|(m, _)| *m == modality)?;
                Some(inputs.get(&modality)?.last(memory.clone()))
            })
            .collect();
        let last = Tensor::cat(last, 1);
        let hidden = self.dropout.forward(relu(self.proj1.forward(last.clone())));
        let fused = self.proj2.forward(hidden) + last;
        Ok(MultOutput {
            logits: self.out_layer.forward(fused.clone()),
            memories,
            fused,
        })
    }

    /// After the last layer of each modality, `[utterances, steps, any]`.
    pub(super) fn memories(
        &self,
        inputs: &Inputs,
        modalities: Modalities,
    ) -> Result<Vec<(Modality, Tensor<3>)>, ForwardError> {
        let mut projected = BTreeMap::new();
        for modality in modalities.iter() {
            let (Some(input), Some(target)) = (inputs.get(&modality), self.targets.get(modality))
            else {
                return Err(ForwardError::FeaturesMissing {
                    input: input_name(modality),
                });
            };
            let dropped = (modality == Modality::Text)
                .then(|| input.with(self.embed_dropout.forward(input.values.clone())));
            let input = dropped.as_ref().unwrap_or(input);
            projected.insert(modality, target.project(input));
        }
        let memories = projected.iter().filter_map(|(modality, x)| {
            let target = self.targets.get(*modality)?;
            Some((*modality, target.forward(x, *modality, &projected)))
        });
        Ok(memories.collect())
    }
}

impl Target {
    fn new(
        config: &TwoPhaseConfig,
        modality: Modality,
        memory_width: usize,
        device: &Device,
    ) -> Self {
        let width = config.width(modality);
        let stack = |width: usize, layers: usize, attention_dropout: f64| {
            let sizes = CrossmodalConfig {
                width,
                layers,
                heads: config.head_count(modality),
                feedforward: config.feedforward_of(width),
                attention_dropout,
                dropout: config.dropout,
                embed_dropout: config.embed_dropout,
                causal: config.causal,
            };
            Crossmodal::new(sizes, device)
        };
        let depth = config.depth();
        let side = config.kernel / 2;
        Self {
            projection: Conv1dConfig::new(config.features(modality), width, config.kernel)
                .with_padding(PaddingConfig1d::Explicit(side, side))
                .with_bias(false)
                .init(device),
            from: ByModality::new(config.modalities.without(modality), |other| {
                // As the authors' code: only what is read of words is dropped.
                let dropout = match other {
                    Modality::Text => config.dropout,
                    Modality::Visual | Modality::Acoustic => 0.0,
                };
                stack(width, depth, dropout)
            }),
            memory: stack(memory_width, depth.max(LEAST_MEMORY_LAYERS), config.dropout),
        }
    }

    /// The steps at the common width.
    fn project(&self, input: &Padded) -> Padded {
        let channels = input.values.clone().swap_dims(1, 2);
        input.with(self.projection.forward(channels).swap_dims(1, 2))
    }

    fn forward(
        &self,
        x: &Padded,
        modality: Modality,
        all: &BTreeMap<Modality, Padded>,
    ) -> Tensor<3> {
        let read: Vec<Tensor<3>> = LISTED
            .into_iter()
            .filter(|other| *other != modality)
            .filter_map(|other| Some(self.from.get(other)?.forward(x, Some(all.get(&other)?))))
            .collect();
        if read.is_empty() {
            return self.memory.forward(x, None);
        }
        self.memory.forward(&x.with(Tensor::cat(read, 2)), None)
    }
}
