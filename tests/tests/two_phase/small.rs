//! Small models and batches.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::{Formula, load_params};
use mesm::{
    FeatureBatch, Feedback, Modality, Sequence, TwoPhaseConfig, TwoPhaseKind, TwoPhaseModel,
};

/// A model of `kind` with a few dozen to a few thousand parameters and no dropout.
pub(crate) fn config(kind: TwoPhaseKind) -> TwoPhaseConfig {
    TwoPhaseConfig {
        kind,
        classes: vec!["joy".to_owned(), "anger".to_owned()],
        text_dim: 6,
        visual_dim: 3,
        acoustic_dim: 5,
        hidden_dim: 4,
        layers: 1,
        heads: 2,
        feedforward: 8,
        kernel: 3,
        dropout: 0.0,
        embed_dropout: 0.0,
        feedback_dropout: 0.0,
        ..TwoPhaseConfig::default()
    }
}

/// Every kind, once more with the other settings, and some with fewer modalities.
pub(crate) fn all() -> Vec<TwoPhaseConfig> {
    let mut all: Vec<TwoPhaseConfig> = TwoPhaseKind::ALL.map(config).to_vec();
    for kind in TwoPhaseKind::ALL {
        let late = matches!(kind, TwoPhaseKind::LfLstm | TwoPhaseKind::LfTrans);
        all.push(TwoPhaseConfig {
            hidden_dim: if late { 0 } else { 4 },
            layers: 2,
            heads: 1,
            kernel: 1,
            bidirectional: false,
            causal: true,
            feedback: Feedback::Linear,
            ..config(kind)
        });
    }
    for modalities in ["t", "v", "ta", "av"] {
        for kind in [
            TwoPhaseKind::Mult,
            TwoPhaseKind::LfLstm,
            TwoPhaseKind::EmoEmbs,
        ] {
            all.push(TwoPhaseConfig {
                modalities: modalities.parse().unwrap(),
                ..config(kind)
            });
        }
    }
    all
}

/// What to call a model in a failure.
pub(crate) fn label(config: &TwoPhaseConfig) -> String {
    let layers = config.layers;
    format!("{} {} of {layers} layers", config.kind, config.modalities)
}

/// The model with parameters by formula.
pub(crate) fn model(config: &TwoPhaseConfig, device: &Device) -> TwoPhaseModel {
    load_params(
        config.init(device).unwrap(),
        &mut Formula::new("two-phase", ""),
    )
    .unwrap()
}

/// An utterance's features, drawn by its name; `steps` is what the padding brings it to and `past` what it is made of.
fn rows(name: &str, len: usize, steps: usize, features: usize, past: f32) -> Vec<f32> {
    let formula = Formula::new("two-phase", "");
    let mut rows: Vec<f32> = (0..(len * features) as u64)
        .map(|i| formula.signed(name, i))
        .collect();
    rows.resize(steps * features, past);
    rows
}

/// How many steps each modality has of an utterance, in the order text, visual, acoustic.
pub(crate) type Lens = [usize; 3];

/// A batch of the utterances `which`, `extra` steps longer than the longest, with `past` in the padding.
pub(crate) fn batch(
    config: &TwoPhaseConfig,
    which: &[(usize, Lens)],
    extra: usize,
    past: f32,
    device: &Device,
) -> FeatureBatch {
    let sequence = |index: usize, modality: Modality| {
        let features = config.features(modality);
        let lens: Vec<usize> = which.iter().map(|(_, lens)| lens[index]).collect();
        let steps = lens.iter().copied().max().unwrap().max(1) + extra;
        let values: Vec<f32> = which
            .iter()
            .flat_map(|(name, lens)| {
                let name = format!("{}.{name}", modality.letter());
                rows(&name, lens[index], steps, features, past)
            })
            .collect();
        let data = TensorData::new(values, [which.len(), steps, features]);
        Some(Sequence {
            values: Tensor::from_data(data, device),
            lens,
        })
    };
    FeatureBatch {
        text: sequence(0, Modality::Text),
        visual: sequence(1, Modality::Visual),
        acoustic: sequence(2, Modality::Acoustic),
    }
}

/// Utterances of several lengths; MMLatch needs the same in all modalities.
pub(crate) fn utterances(kind: TwoPhaseKind) -> Vec<(usize, Lens)> {
    let lens: [Lens; 4] = match kind {
        TwoPhaseKind::MmLatch | TwoPhaseKind::MmLatchMult => [[4; 3], [2; 3], [1; 3], [3; 3]],
        _ => [[4, 2, 3], [2, 5, 1], [1, 1, 4], [3, 3, 2]],
    };
    lens.into_iter().enumerate().collect()
}
