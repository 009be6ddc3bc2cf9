//! The loss of a batch and the score of an epoch.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use mesm::Modality;

use crate::config::{Metric, PhaseConfig};
use crate::judge::{Answers, Told, questions};
use crate::learner::Answer;
use crate::loss::{Loss, LossKind};
use crate::metrics::{Confusion, largest, sentiment};
use crate::utterances::Utterances;

/// The modality of a phase that has one only.
fn alone(phase: &PhaseConfig) -> Option<Modality> {
    let mut modalities = phase.modalities.iter();
    modalities.next().filter(|_| modalities.next().is_none())
}

/// The logits that are compared with the targets: those of the modality, where the phase has one only and the model answers
/// for it, and the fused ones otherwise.
pub(super) fn compared_logits(phase: &PhaseConfig, answer: &Answer) -> Tensor<2> {
    let mut own = answer.own().into_iter();
    own.find(|(modality, _)| alone(phase) == Some(*modality))
        .map_or_else(|| answer.logits().clone(), |(_, logits)| logits)
}

/// The loss of the modality, where the phase has one only; of the fused logits and, weighed, of each modality otherwise.
pub(super) fn batch_loss(
    phase: &PhaseConfig,
    loss: &Loss,
    answer: &Answer,
    utterances: &Utterances,
) -> Tensor<1> {
    let mut terms = Vec::new();
    let own = answer.own();
    // A model that has no logits of its own for its only modality says what it has to say in the fused ones.
    let alone = alone(phase).filter(|alone| own.iter().any(|(modality, _)| modality == alone));
    if alone.is_none() {
        let rows = vec![1.0; utterances.len()];
        terms.push(loss.forward(answer.logits().clone(), &utterances.targets, &rows));
    }
    for (modality, logits) in own {
        let weight = match alone {
            Some(alone) if alone == modality => 1.0,
            None if phase.modality_loss > 0.0 => phase.modality_loss,
            _ => continue,
        };
        let rows = match modality {
            Modality::Text => utterances.with_words(),
            Modality::Visual => utterances.with_faces(),
            Modality::Acoustic => utterances.with_sound(),
        };
        terms.push(loss.forward(logits, &utterances.targets, &rows) * weight);
    }
    if phase.attention_spread > 0.0 {
        let distances = answer
            .attention()
            .filter_map(|layer| layer.concentration.clone());
        terms.extend(distances.map(|distance| {
            (distance - phase.attention_room).clamp_min(0.0) * phase.attention_spread
        }));
    }
    if phase.attention_cover > 0.0 {
        let distances = answer
            .attention()
            .filter_map(|layer| layer.unevenness.clone());
        terms.extend(distances.map(|distance| distance * phase.attention_cover));
    }
    let none = || Tensor::zeros([1], &answer.logits().device());
    terms
        .into_iter()
        .reduce(|sum, term| sum + term)
        .unwrap_or_else(none)
}

/// The figures of each modality of the phase that the model answers for on its own, and of all together.
pub(super) fn scores(
    phase: &PhaseConfig,
    answers: &Answers,
    classes: usize,
) -> BTreeMap<String, BTreeMap<Metric, f64>> {
    let all = (phase.modalities.count() > 1).then_some(None);
    let each = phase.modalities.iter().map(Some);
    all.into_iter()
        .chain(each)
        .filter_map(|modality| {
            let answered = answers.of(modality);
            let told = match phase.loss {
                LossKind::Mae => number(&answered),
                LossKind::Bce => several_of_all(&answered, classes),
                LossKind::Ce => BTreeMap::new(),
            };
            let scores: BTreeMap<Metric, f64> = told
                .into_iter()
                .chain(one_of_all(&answered, classes))
                .collect();
            let name = modality.map_or_else(|| "all".to_owned(), |m| m.letter().to_string());
            (!scores.is_empty()).then_some((name, scores))
        })
        .collect()
}

/// Of utterances that belong to one class each: which class is told.
fn one_of_all(answered: &[Told<'_>], classes: usize) -> BTreeMap<Metric, f64> {
    let pairs: Vec<(usize, usize)> = answered
        .iter()
        .filter_map(|told| Some((usize::from(told.label?), largest(told.logits))))
        .collect();
    if pairs.is_empty() || classes < 2 {
        return BTreeMap::new();
    }
    let confusion = Confusion::from_pairs(classes, pairs);
    BTreeMap::from([
        (Metric::Accuracy, confusion.accuracy()),
        (Metric::Uar, confusion.uar()),
        (Metric::MacroF1, confusion.macro_f1()),
    ])
}

/// Each class as a question of its own, with the thresholds that do best on these very utterances, as the authors choose
/// their epochs.
fn several_of_all(answered: &[Told<'_>], classes: usize) -> BTreeMap<Metric, f64> {
    let scores =
        questions(answered, classes).and_then(|table| table.scores(&table.best_thresholds()));
    scores.map_or_else(
        |_| BTreeMap::new(),
        |scores| {
            BTreeMap::from([
                (Metric::BinaryF1, scores.mean.f1),
                (Metric::WeightedAccuracy, scores.mean.weighted_accuracy),
            ])
        },
    )
}

/// A number in -3..3.
fn number(answered: &[Told<'_>]) -> BTreeMap<Metric, f64> {
    let told: Vec<f32> = answered
        .iter()
        .flat_map(|told| told.logits)
        .copied()
        .collect();
    let truth: Vec<f32> = answered
        .iter()
        .flat_map(|told| told.target)
        .copied()
        .collect();
    let scores = sentiment(&told, &truth, false);
    BTreeMap::from([
        (Metric::Mae, scores.mean_absolute_error.value),
        (Metric::Accuracy7, scores.accuracy_7.value),
        (Metric::Correlation, scores.correlation.value),
    ])
}

/// What chooses the epoch: larger is better.
pub(super) fn chosen(phase: &PhaseConfig, scores: &BTreeMap<String, BTreeMap<Metric, f64>>) -> f64 {
    let name = alone(phase).map_or_else(|| "all".to_owned(), |m| m.letter().to_string());
    // A model without answers of its own for a modality has answered for all it was given.
    let scores = scores.get(&name).or_else(|| scores.get("all"));
    let score = scores.and_then(|scores| scores.get(&phase.metric)).copied();
    match phase.metric {
        Metric::Mae => -score.unwrap_or(f64::MAX),
        _ => score.unwrap_or_default(),
    }
}
