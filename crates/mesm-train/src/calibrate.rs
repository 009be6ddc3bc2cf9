//! Measuring what batch normalisation needs at each share of the attention mass; see [`mesm::calibration`].

use burn::tensor::Device;
use mesm::calibration::LayerStatistics;

use crate::judge::JudgeError;
use crate::learner::{EndToEnd, LearnerError};
use crate::lessons::{Lessons, each};

/// Faces, or spectrogram chunks, that are enough to measure with: means of tens of points in each.
const ENOUGH: usize = 4096;

/// `learner` with the statistics of its sparse layers measured at `shares`, ascending, on each of `lessons` from their
/// beginning. At its own share, which joins them, it keeps those of its training and says what it said before.
///
/// `learner` must lie on `device`, without automatic differentiation. `tell` hears how many of how many measurements are done.
///
/// # Errors
/// When a share is not in `(0, 1]`, they do not ascend, a batch cannot be made, or the device fails.
pub fn calibrated(
    mut learner: EndToEnd,
    shares: &[f32],
    lessons: &[&dyn Lessons],
    device: &Device,
    mut tell: impl FnMut(usize, usize),
) -> Result<EndToEnd, JudgeError> {
    let own = learner.model.config().top_p;
    let learnt = learner.model.sparse_statistics();
    let mut shares = shares.to_vec();
    let place_of_own = shares.partition_point(|share| *share < own);
    if shares.get(place_of_own).is_none_or(|share| *share > own) {
        shares.insert(place_of_own, own);
    }
    let mut measured: Vec<Vec<LayerStatistics>> = Vec::with_capacity(shares.len());
    for (number, share) in shares.iter().enumerate() {
        if number == place_of_own {
            measured.push(learnt.clone());
            continue;
        }
        learner
            .model
            .set_top_p(*share)
            .map_err(LearnerError::from)?;
        for (place, of_modality) in lessons.iter().enumerate() {
            let mut seen = 0;
            each(*of_modality, 0, 0, |batch, utterances| {
                learner.model.measure_statistics_from(batch);
                learner.forward(&utterances, device)?;
                let lens = utterances.face_lens.iter().chain(&utterances.mel_lens);
                seen += lens.sum::<usize>();
                Ok::<_, JudgeError>(seen < ENOUGH)
            })?;
            tell(
                number * lessons.len() + place + 1,
                shares.len() * lessons.len(),
            );
        }
        measured.push(learner.model.sparse_statistics());
    }
    learner.model.set_top_p(own).map_err(LearnerError::from)?;
    let model = learner.model.calibrated(shares, &measured);
    Ok(EndToEnd {
        model: model.map_err(LearnerError::from)?,
        encoder: learner.encoder,
    })
}
