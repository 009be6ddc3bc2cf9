//! The lessons of a phase from one split of a store.

use std::sync::{Arc, Mutex, PoisonError};

use mesm::Modality;
use mesm_data::compose::{self, Composition, ModalityDropout, Plan, PlanItem, Sample, samples};
use mesm_data::store::{RowInfo, Store, StoreError};

use crate::config::PhaseConfig;
use crate::lessons::{LessonError, Lessons};
use crate::loss::{LossKind, positive_weights};
use crate::mix::mix;
use crate::reading::{Learning, Parts, Reading, Target};
use crate::utterances::Utterances;

/// Utterances of a batch that is judged.
const JUDGED_AT_ONCE: usize = 32;
/// Composed utterances that are judged: any number of pairings could be made, and more would not tell more.
const JUDGED_COMPOSED: usize = 1000;
/// Purpose of the random numbers that order batches of texts.
const GROUPING: u64 = 5;

/// Batches of one phase from one split.
pub struct Examples<'a> {
    store: &'a Store,
    reading: &'a Reading,
    phase: PhaseConfig,
    rows: Vec<RowInfo>,
    samples: Vec<Sample>,
    /// Bytes of each row's text, where texts alone are learnt from.
    text_sizes: Vec<u32>,
    kind: Kind,
    learning: bool,
    steps: usize,
    /// The plan of the epoch that was asked for last.
    plan: Mutex<(usize, Arc<Plan>)>,
}

/// Where utterances come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Rows of one modality.
    Alone(compose::Modality),
    /// Rows of several modalities with the same label.
    Composed,
    /// The data's own utterances.
    Aligned,
}

impl<'a> Examples<'a> {
    /// Batches to learn from: shuffled, augmented, mixed, with modalities dropped, as the phase says.
    ///
    /// # Errors
    /// When the split has nothing for the phase.
    pub fn to_learn(
        store: &'a Store,
        reading: &'a Reading,
        phase: &PhaseConfig,
        split: &str,
    ) -> Result<Self, LessonError> {
        Self::new(store, reading, phase, split, true)
    }

    /// Batches to judge: every row once, or a fixed thousand of composed utterances, as they are.
    ///
    /// # Errors
    /// When the split has nothing for the phase.
    pub fn to_judge(
        store: &'a Store,
        reading: &'a Reading,
        phase: &PhaseConfig,
        split: &str,
    ) -> Result<Self, LessonError> {
        Self::new(store, reading, phase, split, false)
    }

    fn new(
        store: &'a Store,
        reading: &'a Reading,
        phase: &PhaseConfig,
        split: &str,
        learning: bool,
    ) -> Result<Self, LessonError> {
        let rows = store.rows(split);
        let samples = samples(&rows);
        let mut modalities = phase.modalities.iter().map(of_store);
        let kind = match (modalities.next(), modalities.next()) {
            (Some(only), None) => Kind::Alone(only),
            _ if compose::aligned(&rows) => Kind::Aligned,
            _ => Kind::Composed,
        };
        let mut examples = Self {
            store,
            reading,
            phase: phase.clone(),
            rows,
            samples,
            text_sizes: Vec::new(),
            kind,
            learning,
            steps: 0,
            plan: Mutex::default(),
        };
        if learning && examples.kind == Kind::Alone(compose::Modality::Text) {
            examples.text_sizes = text_sizes(store, &examples.rows)?;
        }
        let plan = examples.planned(0);
        if plan.is_empty() {
            return Err(LessonError(format!(
                "phase `{}`: the split `{split}` has no rows with {}; its splits are {}",
                phase.name,
                phase.modalities,
                store.splits().join(", ")
            )));
        }
        examples.steps = plan.steps(examples.batch_size());
        examples.plan = Mutex::new((0, Arc::new(plan)));
        Ok(examples)
    }

    /// Weights of the classes in the phase's loss, from the rows of its modalities; of utterances with several classes,
    /// or none, each class counts that they have.
    ///
    /// # Errors
    /// When the targets of rows without one label cannot be read.
    pub fn class_weights(&self) -> Result<Vec<f32>, LessonError> {
        if self.reading.target() == Target::Sentiment {
            return Ok(vec![1.0]);
        }
        let mut counts = vec![0_usize; self.store.classes().len()];
        if !self.phase.class_weights {
            return Ok(vec![1.0; counts.len()]);
        }
        let used = self.modalities();
        let mut utterances = 0;
        let mut of_several = Vec::new();
        for (info, sample) in self.rows.iter().zip(&self.samples) {
            if sample.modalities.and(used).is_empty() {
                continue;
            }
            utterances += 1;
            match sample.label {
                Some(label) => counts[usize::from(label)] += 1,
                None => of_several.push(*info),
            }
        }
        if !of_several.is_empty() {
            of_several.sort_unstable();
            let counted = self.store.visit_facts(&mut |_, info, facts| {
                if of_several.binary_search(&info).is_ok() {
                    for (count, target) in counts.iter_mut().zip(facts.target) {
                        *count += usize::from(target > 0.5);
                    }
                }
            });
            counted.map_err(|e| LessonError(e.to_string()))?;
        }
        Ok(match self.phase.loss {
            LossKind::Bce => positive_weights(&counts, utterances),
            LossKind::Ce => inverse_roots(&counts),
            LossKind::Mae => vec![1.0; counts.len()],
        })
    }

    fn modalities(&self) -> compose::Modalities {
        let letters = self.phase.modalities;
        compose::Modalities::ALL.filter(|modality| letters.iter().any(|m| of_store(m) == modality))
    }

    fn batch_size(&self) -> usize {
        if self.learning {
            self.phase.batch_size
        } else {
            JUDGED_AT_ONCE
        }
    }

    fn planned(&self, epoch: usize) -> Plan {
        let (seed, samples) = (self.reading.seed(), self.samples.as_slice());
        let composition = Composition {
            utterances: if self.learning {
                self.phase.utterances
            } else {
                JUDGED_COMPOSED
            },
            modalities: self.modalities(),
            balance: self.phase.balance,
            faces_per_utterance: self.phase.faces_per_utterance,
            dropout: ModalityDropout::all(self.phase.modality_dropout),
        };
        let number = epoch as u64;
        match (self.kind, self.learning) {
            (Kind::Alone(modality), true) => {
                let plan = Plan::one_modality(samples, modality, self.phase.balance, seed, number);
                if modality != compose::Modality::Text {
                    return plan;
                }
                let size = |item: &PlanItem| item.text.map_or(0, |row| self.text_sizes[row].into());
                plan.grouped(self.batch_size(), size, seed, &[GROUPING, number])
            }
            (Kind::Alone(modality), false) => Plan::every(samples, modality),
            (Kind::Composed, true) => Plan::composed(samples, &composition, seed, number),
            (Kind::Composed, false) => Plan::pairing(samples, &composition, seed),
            (Kind::Aligned, true) => Plan::aligned(samples, &composition, seed, number),
            (Kind::Aligned, false) => Plan::every_aligned(samples, composition.modalities),
        }
    }

    fn plan(&self, epoch: usize) -> Arc<Plan> {
        // Every evaluation has the one plan.
        let epoch = if self.learning { epoch } else { 0 };
        let mut kept = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 != epoch {
            *kept = (epoch, Arc::new(self.planned(epoch)));
        }
        kept.1.clone()
    }

    fn parts(&self, item: &PlanItem) -> Parts {
        let row = |place: usize| self.rows[place];
        Parts {
            faces: item.faces.iter().copied().map(row).collect(),
            audio: item.audio.map(row),
            text: item.text.map(row),
        }
    }
}

impl Lessons for Examples<'_> {
    fn steps(&self) -> usize {
        self.steps
    }

    fn utterances(&self, epoch: usize, step: usize) -> Result<Utterances, LessonError> {
        let plan = self.plan(epoch);
        let mut batch = Utterances::default();
        let whole = (epoch * self.steps + step) as u64;
        for item in plan.batch(step, self.batch_size()) {
            let learning = self.learning.then_some(Learning {
                phase: &self.phase,
                place: [epoch as u64, item.number as u64],
            });
            self.reading
                .add(self.store, &self.parts(&item), learning, &mut batch)?;
        }
        if self.learning && self.phase.mixup > 0.0 {
            mix(&mut batch, self.phase.mixup, self.reading.seed(), whole)?;
        }
        Ok(batch)
    }
}

fn text_sizes(store: &Store, rows: &[RowInfo]) -> Result<Vec<u32>, LessonError> {
    let size = |info: &RowInfo| {
        if !info.has_text {
            return Ok(0);
        }
        let row = store.read(*info)?;
        Ok(row.text.map_or(0, |text| text.len() as u32))
    };
    let sizes = rows.iter().map(size).collect::<Result<_, StoreError>>();
    sizes.map_err(|e| LessonError(e.to_string()))
}

fn of_store(modality: Modality) -> compose::Modality {
    match modality {
        Modality::Text => compose::Modality::Text,
        Modality::Visual => compose::Modality::Faces,
        Modality::Acoustic => compose::Modality::Audio,
    }
}

/// Weights of classes by the inverse root of their counts, 1 on average over all utterances; 1 for a class without any.
fn inverse_roots(counts: &[usize]) -> Vec<f32> {
    let root = |count: usize| 1.0 / (count.max(1) as f32).sqrt();
    let total: usize = counts.iter().sum();
    let sum: f32 = counts.iter().map(|&count| root(count) * count as f32).sum();
    let scale = if sum > 0.0 { total as f32 / sum } else { 1.0 };
    let weight = |&count: &usize| if count == 0 { 1.0 } else { root(count) * scale };
    counts.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::inverse_roots;

    #[test]
    fn rare_classes_weigh_more_and_the_mean_stays() {
        let weights = inverse_roots(&[400, 100, 0]);
        assert!((weights[1] / weights[0] - 2.0).abs() < 1e-6);
        let mean = (weights[0] * 400.0 + weights[1] * 100.0) / 500.0;
        assert!((mean - 1.0).abs() < 1e-6, "{mean}");
        assert!((weights[2] - 1.0).abs() < 1e-6);
    }
}
