//! A learner asked about utterances whose answer is known.

use burn::tensor::{Device, Tensor};
use mesm::{Modality, Output};

use crate::learner::{Learner, LearnerError};
use crate::lessons::{LessonError, Lessons, each};
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
    /// Their classes.
    pub labels: Vec<Option<u8>>,
    /// Fused logits, `[utterance][class]`.
    pub fused: Vec<Vec<f32>>,
    /// Each modality's own logits, where the utterance has the modality.
    pub own: Vec<[Option<Vec<f32>>; 3]>,
    /// Mean loss, where one was asked for.
    pub loss: f64,
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
/// `loss` gives the loss of a batch from the output; `tell` hears how many of how many batches are done.
///
/// # Errors
/// When a batch cannot be made or the device fails.
pub fn judge(
    learner: &Learner,
    lessons: &dyn Lessons,
    device: &Device,
    mut loss: impl FnMut(&Output, &Utterances) -> Tensor<1>,
    mut tell: impl FnMut(usize, usize),
) -> Result<Answers, JudgeError> {
    let mut answers = Answers::default();
    let mut losses = (0.0, 0_usize);
    let steps = lessons.steps();
    each(lessons, 0, 0, |step, utterances| {
        let output = learner.forward(&utterances, device)?;
        let value = loss(&output, &utterances)
            .try_into_scalar::<f32>()
            .map_err(|e| JudgeError::Device(format!("{e:?}")))?;
        losses.0 += f64::from(value) * utterances.len() as f64;
        losses.1 += utterances.len();
        answers.take(output, utterances)?;
        tell(step + 1, steps);
        Ok::<_, JudgeError>(true)
    })?;
    answers.loss = losses.0 / losses.1.max(1) as f64;
    Ok(answers)
}

impl Answers {
    fn take(&mut self, output: Output, utterances: Utterances) -> Result<(), JudgeError> {
        let count = utterances.len();
        let present = [
            utterances.with_words(),
            utterances.with_faces(),
            utterances.with_sound(),
        ];
        self.fused.extend(rows(output.logits)?);
        let mut own: Vec<[Option<Vec<f32>>; 3]> = vec![[None, None, None]; count];
        for part in output.modalities {
            let place = place(part.modality);
            for (index, logits) in rows(part.logits)?.into_iter().enumerate() {
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
        Ok(())
    }

    /// Labels and logits of the utterances that have both: of one modality, or fused.
    #[must_use]
    pub fn of(&self, modality: Option<Modality>) -> Vec<(usize, u8, &[f32])> {
        (0..self.ids.len())
            .filter_map(|index| {
                let logits = match modality {
                    None => self.fused[index].as_slice(),
                    Some(modality) => self.own[index][place(modality)].as_deref()?,
                };
                Some((index, self.labels[index]?, logits))
            })
            .collect()
    }
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
