//! The loss of a batch and the score of an epoch.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use mesm::{Modality, Output};

use crate::config::{Metric, PhaseConfig};
use crate::judge::Answers;
use crate::loss::Loss;
use crate::metrics::{Confusion, largest};
use crate::utterances::Utterances;

/// The modality of a phase that has one only.
fn alone(phase: &PhaseConfig) -> Option<Modality> {
    let mut modalities = phase.modalities.iter();
    modalities.next().filter(|_| modalities.next().is_none())
}

/// The loss of the modality, where the phase has one only; of the fused logits and, weighed, of each modality otherwise.
pub(super) fn batch_loss(
    phase: &PhaseConfig,
    loss: &Loss,
    output: &Output,
    utterances: &Utterances,
) -> Tensor<1> {
    let alone = alone(phase);
    let mut terms = Vec::new();
    if alone.is_none() {
        let rows = vec![1.0; utterances.len()];
        terms.push(loss.forward(output.logits.clone(), &utterances.targets, &rows));
    }
    for part in &output.modalities {
        let weight = match alone {
            Some(alone) if alone == part.modality => 1.0,
            None if phase.modality_loss > 0.0 => phase.modality_loss,
            _ => continue,
        };
        let rows = match part.modality {
            Modality::Text => utterances.with_words(),
            Modality::Visual => utterances.with_faces(),
            Modality::Acoustic => utterances.with_sound(),
        };
        terms.push(loss.forward(part.logits.clone(), &utterances.targets, &rows) * weight);
    }
    if phase.attention_spread > 0.0 {
        let layers = output.modalities.iter().flat_map(|part| &part.attention);
        let distances = layers.filter_map(|layer| layer.concentration.clone());
        terms.extend(distances.map(|distance| {
            (distance - phase.attention_room).clamp_min(0.0) * phase.attention_spread
        }));
    }
    if phase.attention_cover > 0.0 {
        let layers = output.modalities.iter().flat_map(|part| &part.attention);
        let distances = layers.filter_map(|layer| layer.unevenness.clone());
        terms.extend(distances.map(|distance| distance * phase.attention_cover));
    }
    let none = || Tensor::zeros([1], &output.logits.device());
    terms
        .into_iter()
        .reduce(|sum, term| sum + term)
        .unwrap_or_else(none)
}

/// Accuracy, mean recall and mean F1 of each modality of the phase and of all together.
pub(super) fn scores(
    phase: &PhaseConfig,
    answers: &Answers,
    classes: usize,
) -> BTreeMap<String, [f64; 3]> {
    let all = (phase.modalities.count() > 1).then_some(None);
    let each = phase.modalities.iter().map(Some);
    all.into_iter()
        .chain(each)
        .map(|modality| {
            let name = modality.map_or_else(|| "all".to_owned(), |m| m.letter().to_string());
            let answered = answers.of(modality);
            let pairs = answered
                .iter()
                .map(|(_, label, logits)| (usize::from(*label), largest(logits)));
            let confusion = Confusion::from_pairs(classes, pairs);
            let scores = [confusion.accuracy(), confusion.uar(), confusion.macro_f1()];
            (name, scores)
        })
        .collect()
}

pub(super) fn chosen(phase: &PhaseConfig, scores: &BTreeMap<String, [f64; 3]>) -> f64 {
    let name = alone(phase).map_or_else(|| "all".to_owned(), |m| m.letter().to_string());
    let scores = scores.get(&name).copied().unwrap_or_default();
    match phase.metric {
        Metric::Accuracy => scores[0],
        Metric::Uar => scores[1],
        Metric::MacroF1 => scores[2],
    }
}
