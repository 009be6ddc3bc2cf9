//! Features are of very different sizes (a ratio, a frequency in Hz); a network learns from all alike.

use serde::{Deserialize, Serialize};

/// Mean and standard deviation of each feature over the utterances that were learnt from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Means, `[features]`.
    pub mean: Vec<f32>,
    /// Deviations, `[features]`; 1 where a feature never changes.
    pub deviation: Vec<f32>,
}

/// Values are held within so many deviations: a click must not drown an utterance.
const MOST_DEVIATIONS: f32 = 6.0;

impl Scale {
    /// Of `[rows, width]`; of nothing, what changes nothing.
    #[must_use]
    pub fn of(values: &[f32], width: usize) -> Self {
        let rows = values.len() / width.max(1);
        let column = |feature: usize| {
            values
                .iter()
                .skip(feature)
                .step_by(width)
                .map(|v| f64::from(*v))
        };
        let mut scale = Self::default();
        for feature in 0..width {
            let mean = column(feature).sum::<f64>() / rows.max(1) as f64;
            let squares: f64 = column(feature).map(|value| (value - mean).powi(2)).sum();
            let deviation = (squares / rows.max(1) as f64).sqrt();
            scale.mean.push(mean as f32);
            // What is the same everywhere but for rounding tells nothing.
            let steady = deviation <= 1e-6 * mean.abs().max(1e-6);
            scale
                .deviation
                .push(if steady { 1.0 } else { deviation as f32 });
        }
        scale
    }

    /// Features of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.mean.len()
    }

    /// Brings rows to mean 0 and deviation 1.
    pub fn apply(&self, values: &mut [f32]) {
        for row in values.chunks_exact_mut(self.width().max(1)) {
            for ((value, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                let scaled = (*value - mean) / deviation;
                *value = scaled.clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_counts_alike() {
        let mut values = vec![1.0, 5000.0, 7.0, 3.0, 7000.0, 7.0];
        let scale = Scale::of(&values, 3);
        assert_eq!(scale.width(), 3);
        scale.apply(&mut values);
        assert_eq!(values, [-1.0, -1.0, 0.0, 1.0, 1.0, 0.0]);
        let mut click = vec![1e9, 6000.0, 7.0];
        scale.apply(&mut click);
        assert_eq!(click, [MOST_DEVIATIONS, 0.0, 0.0]);
    }

    #[test]
    fn nothing_is_changed_by_nothing() {
        let scale = Scale::of(&[], 2);
        let mut values = vec![3.0, -4.0];
        scale.apply(&mut values);
        assert_eq!(values, [3.0, -4.0]);
    }
}
