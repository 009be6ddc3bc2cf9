//! What feedback masks let through, by class of sentiment.

use std::collections::BTreeMap;

use mesm::Modality;

use super::outcome::MaskMeans;
use crate::judge::JudgeError;
use crate::learner::Answer;
use crate::utterances::Utterances;

/// Sums over utterances: each counts once in its class, whatever its length.
#[derive(Default)]
pub struct MaskSums {
    /// Utterances and sums of their mean masks.
    sums: BTreeMap<(Modality, i8), (usize, Vec<f64>)>,
    failed: Option<JudgeError>,
}

impl MaskSums {
    /// Adds the masks of a batch, if the model has any.
    pub fn hear(&mut self, answer: &Answer, utterances: &Utterances) {
        let Answer::TwoPhase(output) = answer else {
            return;
        };
        let outputs = (utterances.targets.len() / utterances.len().max(1)).max(1);
        for (modality, masks) in &output.masks {
            let lens = match modality {
                Modality::Text => &utterances.features.words.lens,
                Modality::Visual => &utterances.features.faces.lens,
                Modality::Acoustic => &utterances.features.voices.lens,
            };
            let [_, steps, features] = masks.dims();
            let values = masks.clone().try_into_data().map_err(|e| format!("{e:?}"));
            let values =
                values.and_then(|data| data.try_into_vec::<f32>().map_err(|e| format!("{e:?}")));
            let values = match values {
                Ok(values) => values,
                Err(reason) => {
                    self.failed = Some(JudgeError::Device(reason));
                    return;
                }
            };
            let each = values.chunks_exact((steps * features).max(1));
            let targets = utterances.targets.chunks_exact(outputs);
            for ((mask, len), target) in each.zip(lens).zip(targets) {
                if *len == 0 {
                    continue;
                }
                let class = target[0].clamp(-3.0, 3.0).round_ties_even() as i8;
                let empty = || (0, vec![0.0; features]);
                let (count, sums) = self.sums.entry((*modality, class)).or_insert_with(empty);
                *count += 1;
                for step in mask.chunks_exact(features).take(*len) {
                    for (sum, value) in sums.iter_mut().zip(step) {
                        *sum += f64::from(*value) / *len as f64;
                    }
                }
            }
        }
    }

    /// The means of each modality that was masked.
    ///
    /// # Errors
    /// When a batch could not be read from the device.
    pub fn means(self) -> Result<Vec<MaskMeans>, JudgeError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut all: Vec<MaskMeans> = Vec::new();
        for ((modality, class), (count, sums)) in self.sums {
            let letter = modality.letter().to_string();
            if all.last().is_none_or(|last| last.modality != letter) {
                all.push(MaskMeans {
                    modality: letter,
                    classes: Vec::new(),
                    means: Vec::new(),
                });
            }
            if let Some(last) = all.last_mut() {
                last.classes.push(class);
                let mean = sums.into_iter().map(|sum| (sum / count as f64) as f32);
                last.means.push(mean.collect());
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};
    use mesm::two_phase::TwoPhaseOutput;

    use super::*;

    #[test]
    fn utterances_count_once_in_their_class() {
        let device = Device::flex();
        let masks = [
            [[0.2, 0.4], [0.4, 0.8]],
            [[0.5, 0.5], [9.0, 9.0]],
            [[0.1, 0.3], [9.0, 9.0]],
        ];
        let answer = Answer::TwoPhase(TwoPhaseOutput {
            logits: Tensor::zeros([3, 1], &device),
            modalities: Vec::new(),
            masks: vec![(Modality::Visual, Tensor::from_data(masks, &device))],
            trace: None,
        });
        let mut utterances = Utterances {
            ids: ["a", "b", "c"].map(str::to_owned).to_vec(),
            targets: vec![2.4, 1.6, -3.5],
            ..Utterances::default()
        };
        utterances.features.faces.lens = vec![2, 1, 1];
        let mut sums = MaskSums::default();
        sums.hear(&answer, &utterances);
        let means = sums.means().unwrap();
        assert_eq!(means.len(), 1);
        assert_eq!(
            (means[0].modality.as_str(), &means[0].classes),
            ("v", &vec![-3, 2])
        );
        for (found, expected) in means[0].means.iter().flatten().zip([0.1, 0.3, 0.4, 0.55]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }
}
