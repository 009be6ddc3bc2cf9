//! Emotion embeddings (Dai et al., 2020): how near an utterance is to the emotions' names.

use burn::module::{Module, Param};
use burn::nn::{Initializer, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::batch::Inputs;
use super::by_modality::ByModality;
use super::config::TwoPhaseConfig;
use super::kind::Padding;
use super::late_fusion::{each, weighted_sum};
use super::lstm::{Lstm, LstmConfig};
use crate::config::{Modalities, Modality};

/// EmoEmbs: an LSTM makes a vector of each modality; its dot product with an emotion's embedding is that emotion's
/// score. The embeddings are word vectors, brought into the visual and the acoustic space by learnt linear maps; scores are
/// weighed and added up.
///
/// As the authors' code: the two directions are added up, and read at the last step.
#[derive(Module, Debug)]
pub(super) struct EmoEmbs {
    /// `[classes, text_dim]`.
    emotions: Param<Tensor<2>>,
    affine_visual: Option<Linear>,
    affine_acoustic: Option<Linear>,
    encoders: ByModality<Lstm>,
    /// One a modality in the authors' order, text, acoustic, visual.
    modality_weights: Option<Param<Tensor<1>>>,
    learn_emotions: bool,
    padding_seen: bool,
}

impl EmoEmbs {
    pub(super) fn new(config: &TwoPhaseConfig, device: &Device) -> Self {
        let encoder = |modality| Lstm::new(LstmConfig::of_features(config, modality), device);
        let affine = |modality| {
            let map = LinearConfig::new(config.text_dim, config.width(modality));
            config
                .modalities
                .contains(modality)
                .then(|| map.init(device))
        };
        let names = Initializer::Normal {
            mean: 0.0,
            std: 1.0 / (config.text_dim as f64).sqrt(),
        };
        let count = config.modalities.count();
        let equal = Initializer::Constant {
            value: 1.0 / count as f64,
        };
        Self {
            emotions: names.init([config.classes.len(), config.text_dim], device),
            affine_visual: affine(Modality::Visual),
            affine_acoustic: affine(Modality::Acoustic),
            encoders: ByModality::new(config.modalities, encoder),
            modality_weights: (count > 1).then(|| equal.init([count], device)),
            learn_emotions: config.learn_emotions,
            padding_seen: config.padding == Padding::AsPublished,
        }
    }

    /// The same with other embeddings, `[classes, text_dim]`.
    pub(super) fn with_emotions(mut self, emotions: Tensor<2>) -> Self {
        let id = self.emotions.id;
        self.emotions = self.emotions.transform_for_load(emotions, id);
        self
    }

    /// Scores `[utterances, classes]` of each modality that is there.
    pub(super) fn logits(&self, inputs: &Inputs) -> Vec<(Modality, Tensor<2>)> {
        let mut emotions = self.emotions.val();
        if !self.learn_emotions {
            emotions = emotions.detach();
        }
        each(inputs, |modality, input| {
            let seen = if self.padding_seen {
                input.seen()
            } else {
                input.clone()
            };
            let states = self.encoders.get(modality)?.forward(&seen);
            let vector = seen.last(states.summed());
            let emotions = match modality {
                Modality::Text => emotions.clone(),
                Modality::Visual => self.affine_visual.as_ref()?.forward(emotions.clone()),
                Modality::Acoustic => self.affine_acoustic.as_ref()?.forward(emotions.clone()),
            };
            Some(vector.matmul(emotions.transpose()))
        })
    }

    pub(super) fn fuse(
        &self,
        modalities: Modalities,
        logits: &[(Modality, Tensor<2>)],
    ) -> Option<Tensor<2>> {
        let weights = self.modality_weights.as_ref().map(Param::val);
        weighted_sum(weights.as_ref(), modalities, logits)
    }
}
