//! A learner asked about utterances whose answer is known.

use burn::tensor::{Device, Tensor};
use mesm::Modality;

use crate::learner::{Answer, Learner, LearnerError};
use crate::lessons::{LessonError, Lessons, each};
use crate::metrics::{MultiLabel, NotATable};
use crate::utterances::Utterances;
use thiserror::Error;

/// Why judging failed.
#[derive(Debug, Error)]
pub enum JudgeError {
    /// A batch.
    #[error(transparent)]
    Lesson(#[from] LessonError),
    /// The learner.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// The device.
    #[error("the device could not be read: {0}")]
    Device(String),
}

/// What was said and what is true, an entry an utterance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// Names of the utterances.
    pub ids: Vec<String>,
    /// Their corpora.
    pub sources: Vec<String>,
    /// Who is seen or heard in them.
    pub subjects: Vec<String>,
    /// Their classes, of those that have one.
    pub labels: Vec<Option<u8>>,
    /// What should have been said, `[utterance][output]`.
    pub targets: Vec<Vec<f32>>,
    /// Fused logits, `[utterance][class]`.
    pub fused: Vec<Vec<f32>>,
    /// Each modality's own logits, where the utterance has the modality.
    pub own: Vec<[Option<Vec<f32>>; 3]>,
    /// Mean loss, where one was asked for.
    pub loss: f64,
}

/// What was said about one utterance, and what is true.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Told<'a> {
    /// Its place in the [`Answers`].
    pub index: usize,
    /// Its class, if it has one.
    pub label: Option<u8>,
    /// What should have been said, `[outputs]`.
    pub target: &'a [f32],
    /// What was said, `[outputs]`.
    pub logits: &'a [f32],
}

/// Place of a modality in [`Answers::own`].
#[must_use]
pub fn place(modality: Modality) -> usize {
    match modality {
        Modality::Text => 0,
        Modality::Visual => 1,
        Modality::Acoustic => 2,
    }
}

/// Asks `learner`, which must not be in training ([`Learner::judging`]), about everything in `lessons`.
///
/// `loss` gives the loss of a batch from the answer; `tell` hears how many of how many batches are done.
///
/// # Errors
/// When a batch cannot be made or the device fails.
pub fn judge(
    learner: &Learner,
    lessons: &dyn Lessons,
    device: &Device,
    mut loss: impl FnMut(&Answer, &Utterances) -> Tensor<1>,
    mut tell: impl FnMut(usize, usize),
) -> Result<Answers, JudgeError> {
    let mut answers = Answers::default();
    let mut losses = (0.0, 0_usize);
    let steps = lessons.steps();
    each(lessons, 0, 0, |step, utterances| {
        let answer = learner.forward(&utterances, device)?;
        let value = loss(&answer, &utterances)
            .try_into_scalar::<f32>()
            .map_err(|e| JudgeError::Device(format!("{e:?}")))?;
        losses.0 += f64::from(value) * utterances.len() as f64;
        losses.1 += utterances.len();
        answers.take(&answer, utterances)?;
        tell(step + 1, steps);
        Ok::<_, JudgeError>(true)
    })?;
    answers.loss = losses.0 / losses.1.max(1) as f64;
    Ok(answers)
}

impl Answers {
    fn take(&mut self, answer: &Answer, utterances: Utterances) -> Result<(), JudgeError> {
        let count = utterances.len();
        let present = [
            utterances.with_words(),
            utterances.with_faces(),
            utterances.with_sound(),
        ];
        self.fused.extend(rows(answer.logits().clone())?);
        let mut own: Vec<[Option<Vec<f32>>; 3]> = vec![[None, None, None]; count];
        for (modality, logits) in answer.own() {
            let place = place(modality);
            for (index, logits) in rows(logits)?.into_iter().enumerate() {
                if present[place].get(index).is_some_and(|there| *there > 0.0) {
                    own[index][place] = Some(logits);
                }
            }
        }
        self.own.extend(own);
        self.ids.extend(utterances.ids);
        self.sources.extend(utterances.sources);
        self.subjects.extend(utterances.subjects);
        self.labels.extend(utterances.labels);
        let outputs = utterances.targets.len() / count.max(1);
        let targets = utterances.targets.chunks_exact(outputs.max(1));
        self.targets.extend(targets.map(<[f32]>::to_vec));
        Ok(())
    }

    /// What was said about the utterances that have a modality, from it alone; or about all, fused.
    #[must_use]
    pub fn of(&self, modality: Option<Modality>) -> Vec<Told<'_>> {
        (0..self.ids.len())
            .filter_map(|index| {
                let logits = match modality {
                    None => self.fused[index].as_slice(),
                    Some(modality) => self.own[index][place(modality)].as_deref()?,
                };
                Some(Told {
                    index,
                    label: self.labels[index],
                    target: &self.targets[index],
                    logits,
                })
            })
            .collect()
    }
}

/// Each output as a yes-or-no question of its own: what was said about it, and whether it is so.
///
/// # Errors
/// When the logits are not `outputs` wide.
pub fn questions(told: &[Told<'_>], outputs: usize) -> Result<MultiLabel, NotATable> {
    let logits: Vec<f32> = told.iter().flat_map(|told| told.logits).copied().collect();
    let truth: Vec<bool> = told
        .iter()
        .flat_map(|told| told.target.iter().map(|target| *target > 0.5))
        .collect();
    MultiLabel::new(outputs, &logits, &truth)
}

fn rows(logits: Tensor<2>) -> Result<Vec<Vec<f32>>, JudgeError> {
    let [_, classes] = logits.dims();
    let wrong = |reason: String| JudgeError::Device(reason);
    let data = logits
        .try_into_data()
        .map_err(|e| wrong(format!("{e:?}")))?;
    let values = data
        .try_into_vec::<f32>()
        .map_err(|e| wrong(format!("{e:?}")))?;
    Ok(values.chunks_exact(classes).map(<[f32]>::to_vec).collect())
}
