//! What training makes small.

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// How logits are compared with targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum LossKind {
    /// Binary cross-entropy of each class on its own, the authors' choice: an utterance may have several emotions.
    #[default]
    Bce,
    /// Cross-entropy of the softmax over the classes: an utterance has one emotion, or a distribution over them.
    Ce,
    /// Mean absolute error of a number: sentiment in -3..3, as MMLatch is trained.
    Mae,
}

/// A loss with its class weights.
#[derive(Debug, Clone)]
pub struct Loss {
    kind: LossKind,
    /// For [`LossKind::Bce`] the weight of a positive, for [`LossKind::Ce`] the weight of the class; `[classes]`.
    class_weights: Vec<f32>,
    smoothing: f32,
}

impl Loss {
    /// `class_weights` has one weight a class: of its positives (binary) or of its utterances (softmax). `smoothing`
    /// in `[0, 1)` is the share of the target that is spread evenly.
    #[must_use]
    pub fn new(kind: LossKind, class_weights: Vec<f32>, smoothing: f32) -> Self {
        Self {
            kind,
            class_weights,
            smoothing,
        }
    }

    /// Mean loss of the rows whose weight is above 0.
    ///
    /// `logits` and `targets` are `[utterances, classes]`, targets in `[0, 1]`, or in -3..3 for [`LossKind::Mae`]; `rows` has one weight an utterance: 0
    /// where it has no label or lacks the modality. Returns one number, `[1]`; 0 if no row counts.
    #[must_use]
    pub fn forward(&self, logits: Tensor<2>, targets: &[f32], rows: &[f32]) -> Tensor<1> {
        let [utterances, classes] = logits.dims();
        let device = logits.device();
        let targets: Vec<f32> = targets.iter().map(|t| self.smooth(*t, classes)).collect();
        let target =
            Tensor::<2>::from_data(TensorData::new(targets, [utterances, classes]), &device);
        let weights = Tensor::<2>::from_data(
            TensorData::new(self.class_weights.clone(), [1, classes]),
            &device,
        );
        let each = match self.kind {
            LossKind::Bce => {
                let positive = target.clone() * weights * log_sigmoid(logits.clone());
                let negative = (-target + 1.0) * log_sigmoid(-logits);
                -(positive + negative).mean_dim(1)
            }
            LossKind::Ce => -(target * weights * log_softmax(logits, 1)).sum_dim(1),
            LossKind::Mae => (logits - target).abs().mean_dim(1),
        };
        let counted: f32 = rows.iter().sum();
        let rows = Tensor::<2>::from_data(TensorData::new(rows.to_vec(), [utterances, 1]), &device);
        (each * rows).sum() / counted.max(f32::MIN_POSITIVE)
    }

    /// Binary targets are drawn towards one half, distributions towards the even one.
    fn smooth(&self, target: f32, classes: usize) -> f32 {
        let even = match self.kind {
            LossKind::Bce => 0.5,
            LossKind::Ce => 1.0 / classes as f32,
            LossKind::Mae => return target,
        };
        target + (even - target) * self.smoothing
    }
}

/// The authors' weights of positives: negatives for each positive, over the training set. A class without positives
/// gets 1, as there is nothing to weigh.
///
/// `positives` counts the utterances of each class among `utterances`.
#[must_use]
pub fn positive_weights(positives: &[usize], utterances: usize) -> Vec<f32> {
    let weight = |&count: &usize| match count {
        0 => 1.0,
        count => utterances.saturating_sub(count) as f32 / count as f32,
    };
    positives.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn value(loss: &Loss, logits: [[f32; 2]; 2], targets: &[f32], rows: &[f32]) -> f32 {
        let logits = Tensor::<2>::from_data(logits, &Device::flex());
        loss.forward(logits, targets, rows).into_scalar::<f32>()
    }

    #[test]
    fn binary_cross_entropy_weighs_positives() {
        let loss = Loss::new(LossKind::Bce, vec![3.0, 1.0], 0.0);
        let found = value(
            &loss,
            [[0.0, 0.0], [2.0, -1.0]],
            &[1.0, 0.0, 0.0, 1.0],
            &[1.0, 1.0],
        );
        // ln(1 + e^-x) by hand.
        let soft = |x: f32| (1.0 + (-x).exp()).ln();
        let expected = f32::midpoint(
            f32::midpoint(3.0 * soft(0.0), soft(0.0)),
            f32::midpoint(soft(-2.0), soft(-1.0)),
        );
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }

    #[test]
    fn rows_without_weight_do_not_count() {
        let loss = Loss::new(LossKind::Ce, vec![1.0, 1.0], 0.0);
        let found = value(
            &loss,
            [[1.0, 0.0], [50.0, -50.0]],
            &[1.0, 0.0, 0.0, 1.0],
            &[1.0, 0.0],
        );
        let expected = (1.0 + (-1.0_f32).exp()).ln();
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        let nothing = value(&loss, [[1.0, 0.0], [0.0, 0.0]], &[0.0; 4], &[0.0, 0.0]);
        assert!(nothing.abs() < 1e-12, "{nothing}");
    }

    #[test]
    fn absolute_errors_are_averaged() {
        let loss = Loss::new(LossKind::Mae, vec![1.0], 0.5);
        let logits = Tensor::<2>::from_data([[1.0], [-2.0], [9.0]], &Device::flex());
        let found = loss.forward(logits, &[3.0, -2.5, 0.0], &[1.0, 1.0, 0.0]);
        assert!((found.into_scalar::<f32>() - 1.25).abs() < 1e-6);
    }

    #[test]
    fn smoothing_keeps_the_mass() {
        let loss = Loss::new(LossKind::Ce, vec![1.0; 4], 0.1);
        let smoothed: f32 = [1.0, 0.0, 0.0, 0.0].map(|t| loss.smooth(t, 4)).iter().sum();
        assert!((smoothed - 1.0).abs() < 1e-6);
    }

    #[test]
    fn positives_are_weighed_by_the_negatives_for_each() {
        assert_eq!(positive_weights(&[1, 5, 0], 10), [9.0, 1.0, 1.0]);
    }
}
