//! From windows to judgements: faces tracked, sound cut into chunks, the model asked.

use std::collections::BTreeMap;

use burn::tensor::Device;
use mesm::{Batch, Modality, Model, Prediction};
use mesm_data::clip::{Frame, Window};
use mesm_features::handcrafted::FacePoints;
use mesm_features::mel::{MELS, MelConfig, MelPlan, PIECE_FRAMES};
use mesm_features::track::CropResult;
use mesm_features::window::{Sentence, WindowInput};

use crate::error::CliError;
use crate::faces::Faces;
use crate::judgement::{Evidence, FaceEntry, Judgement};
use crate::notes::WindowNote;
use crate::stopwatch::Stopwatch;

/// A model at work on one clip.
pub struct Session {
    model: Model,
    sentence: Option<Sentence>,
    faces: Option<Faces>,
    mel: Option<MelPlan>,
    /// Crops of frames that later windows may want, by the frame's index.
    seen: BTreeMap<u64, CropResult>,
    keep_evidence: bool,
    device: Device,
}

/// Which tracks a session has to do with.
#[derive(Debug, Clone, Copy)]
pub struct Tracks {
    /// Frames will come.
    pub video: bool,
    /// Samples will come.
    pub audio: bool,
}

impl Session {
    /// Gets everything ready that the tracks need.
    ///
    /// # Errors
    /// When the face detector does not load or the spectrogram's settings cannot be used.
    pub fn new(
        model: Model,
        mel: &MelConfig,
        sentence: Option<Sentence>,
        tracks: Tracks,
        keep_evidence: bool,
        device: &Device,
    ) -> Result<Self, CliError> {
        let plan = || MelPlan::new(mel).map_err(|e| CliError::Arguments(e.to_string()));
        Ok(Self {
            faces: tracks.video.then(|| Faces::new(device)).transpose()?,
            mel: tracks.audio.then(plan).transpose()?,
            model,
            sentence,
            seen: BTreeMap::new(),
            keep_evidence,
            device: device.clone(),
        })
    }

    /// Class names in the order of the logits.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.model.config().classes
    }

    /// Judges the next window. Windows must come in the order of time: the face tracker goes on from one to the next.
    ///
    /// # Errors
    /// When the device fails.
    pub fn judge(&mut self, window: &Window, watch: &mut Stopwatch) -> Result<Judgement, CliError> {
        let mut judgement = Judgement {
            start_s: window.start_s,
            end_s: window.end_s,
            ..Judgement::default()
        };
        watch.time("faces", || self.look(&window.fresh))?;
        let input = watch.time("mel", || self.gather(window, &mut judgement))?;
        judgement.faces_found = input.faces_found;
        judgement
            .notes
            .extend(input.absences.iter().copied().map(WindowNote::Input));
        match &self.sentence {
            None if input.is_empty() => judgement.notes.push(WindowNote::Nothing),
            Some(sentence) if input.is_empty() && sentence.empty => {
                judgement.notes.push(WindowNote::OnlyEmptySentence);
            }
            _ => {}
        }
        let prediction = if self.sentence.is_none() && input.is_empty() {
            None
        } else {
            let batch = input.batch(self.sentence.as_ref(), &self.device);
            Some(watch.time("model", || self.ask(&batch))?)
        };
        if let Some(prediction) = &prediction {
            fill(&mut judgement, prediction, &input);
        }
        if self.keep_evidence {
            judgement.evidence = Some(Evidence {
                frames: window.frames.clone(),
                chunks: self
                    .mel
                    .as_ref()
                    .zip(input.chunks.as_ref())
                    .map(|(plan, c)| each(&c.powers(plan), MELS * PIECE_FRAMES))
                    .unwrap_or_default(),
                points: self.points(window),
                crops: input.crops,
                prediction,
            });
        }
        Ok(judgement)
    }

    /// Tracks the face through frames that no earlier window had.
    fn look(&mut self, fresh: &[std::sync::Arc<Frame>]) -> Result<(), CliError> {
        let Some(faces) = &mut self.faces else {
            return Ok(());
        };
        for frame in fresh {
            self.seen.insert(frame.index, faces.next(frame)?);
        }
        Ok(())
    }

    /// The window's faces and sound, as far as they count.
    fn gather(
        &mut self,
        window: &Window,
        judgement: &mut Judgement,
    ) -> Result<WindowInput, CliError> {
        let faces: Vec<(&Frame, &CropResult)> = window
            .frames
            .iter()
            .filter_map(|frame| Some((&**frame, self.seen.get(&frame.index)?)))
            .collect();
        judgement.faces = faces
            .iter()
            .map(|(frame, face)| FaceEntry {
                t_s: frame.t_ms as f64 / 1000.0,
                found: face.found,
                bounds: face.bbox,
            })
            .collect();
        let crops: Vec<&CropResult> = faces.into_iter().map(|(_, face)| face).collect();
        let sound = self
            .mel
            .as_ref()
            .map(|plan| (plan, window.samples.as_deref().unwrap_or_default()));
        let input = WindowInput::gather(self.faces.is_some().then_some(&crops), sound)
            .map_err(|e| CliError::Arguments(e.to_string()))?;
        // Later windows begin later.
        if let Some(first) = window.frames.first().map(|frame| frame.index) {
            self.seen = self.seen.split_off(&first);
        }
        Ok(input)
    }

    /// The points of the face in each frame of the window.
    fn points(&self, window: &Window) -> Vec<Option<FacePoints>> {
        let seen = |frame: &std::sync::Arc<Frame>| self.seen.get(&frame.index);
        window
            .frames
            .iter()
            .filter_map(seen)
            .map(|face| face.points)
            .collect()
    }

    fn ask(&self, batch: &Batch) -> Result<Prediction, CliError> {
        Ok(pollster::block_on(async {
            self.model.forward_async(batch).await?.into_host().await
        })?)
    }
}

/// Takes the numbers of one utterance out of a prediction.
fn fill(judgement: &mut Judgement, prediction: &Prediction, input: &WindowInput) {
    judgement.frames = input.crops.len();
    judgement.chunks = input.chunks.as_ref().map_or(0, |chunks| chunks.count);
    judgement.logits = prediction.logits.first().cloned();
    judgement.probabilities = prediction.probabilities.first().cloned();
    let first =
        |(modality, rows): (&Modality, &Vec<Vec<f32>>)| Some((*modality, rows.first()?.clone()));
    judgement.shares = prediction.shares.iter().filter_map(first).collect();
    judgement.active_points = prediction
        .attention
        .iter()
        .map(|(modality, maps)| {
            (
                *modality,
                maps.iter().map(|map| map.active_points() as u64).collect(),
            )
        })
        .collect();
    judgement.macs.clone_from(&prediction.cost);
}

fn each(values: &[f32], length: usize) -> Vec<Vec<f32>> {
    values.chunks_exact(length).map(<[f32]>::to_vec).collect()
}
