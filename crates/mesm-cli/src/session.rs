//! From windows to judgements: faces tracked, sound cut into chunks, the model asked.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use mesm::{Batch, Modality, Model, Prediction};
use mesm_data::clip::{Frame, Window};
use mesm_features::crop::CROP_SIDE;
use mesm_features::face::{Mtcnn, MtcnnConfig};
use mesm_features::mel::{MELS, MelConfig, MelPieces, MelPlan, PIECE_FRAMES};
use mesm_features::picture::{CHANNELS, RgbFrame};
use mesm_features::track::{CropResult, FaceTracker, TrackerConfig};

use crate::error::CliError;
use crate::judgement::{Evidence, FaceEntry, Judgement};
use crate::notes::WindowNote;
use crate::stopwatch::Stopwatch;

/// The face detector's weights (from facenet-pytorch, MIT).
const MTCNN: &[u8] = include_bytes!("../../../static/mtcnn.safetensors");

/// Sound whose loudest sample is below -80 dB of full scale is digital silence, the last bit of a 16-bit recording:
/// there is no voice in it.
const SILENCE: f32 = 1e-4;

/// The sentence that chooses the points.
pub struct Sentence {
    /// Its vector, `[1, text_dim]`.
    pub vector: Tensor<2>,
    /// True where no words were given.
    pub empty: bool,
}

/// A model at work on one clip.
pub struct Session {
    model: Model,
    sentence: Option<Sentence>,
    tracker: Option<FaceTracker>,
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
        let detector = || {
            let detector = Mtcnn::from_safetensors(MTCNN, MtcnnConfig::default(), device)
                .map_err(|e| CliError::Faces(e.to_string()))?;
            Ok::<_, CliError>(FaceTracker::new(detector, TrackerConfig::default()))
        };
        let plan = || MelPlan::new(mel).map_err(|e| CliError::Arguments(e.to_string()));
        Ok(Self {
            tracker: tracks.video.then(detector).transpose()?,
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
        let crops = self.crops(window, &mut judgement);
        let chunks = watch.time("mel", || self.listen(window, &mut judgement.notes))?;
        let nothing_but_text = crops.is_empty() && chunks.is_none();
        match &self.sentence {
            None if nothing_but_text => judgement.notes.push(WindowNote::Nothing),
            Some(sentence) if nothing_but_text && sentence.empty => {
                judgement.notes.push(WindowNote::OnlyEmptySentence);
            }
            _ => {}
        }
        let prediction = if self.sentence.is_none() && nothing_but_text {
            None
        } else {
            let batch = self.batch(&crops, chunks.as_ref());
            Some(watch.time("model", || self.ask(&batch))?)
        };
        if let Some(prediction) = &prediction {
            fill(&mut judgement, prediction, crops.len(), chunks.as_ref());
        }
        if self.keep_evidence {
            judgement.evidence = Some(Evidence {
                frames: window.frames.clone(),
                chunks: chunks
                    .as_ref()
                    .map(|c| each(&c.values, MELS * PIECE_FRAMES))
                    .unwrap_or_default(),
                crops,
                prediction,
            });
        }
        Ok(judgement)
    }

    /// Tracks the face through frames that no earlier window had.
    fn look(&mut self, fresh: &[std::sync::Arc<Frame>]) -> Result<(), CliError> {
        let Some(tracker) = &mut self.tracker else {
            return Ok(());
        };
        for frame in fresh {
            let picture = RgbFrame::new(frame.width as usize, frame.height as usize, &frame.rgb)
                .map_err(|e| CliError::Arguments(format!("frame {}: {e}", frame.index)))?;
            let face = pollster::block_on(tracker.face(&picture))
                .map_err(|e| CliError::Faces(e.to_string()))?;
            self.seen.insert(frame.index, face);
        }
        Ok(())
    }

    /// The crops of the window's frames; none where no frame shows a face.
    fn crops(&mut self, window: &Window, judgement: &mut Judgement) -> Vec<Vec<f32>> {
        if self.tracker.is_none() {
            return Vec::new();
        }
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
        judgement.faces_found = faces.iter().filter(|(_, face)| face.found).count();
        let note = match (faces.len(), judgement.faces_found) {
            (0, _) => Some(WindowNote::NoFrames),
            (_, 0) => Some(WindowNote::NoFace),
            (frames, found) if found < frames => Some(WindowNote::SomeWithoutFace),
            _ => None,
        };
        judgement.notes.extend(note);
        let crops = if judgement.faces_found == 0 {
            Vec::new()
        } else {
            faces.iter().map(|(_, face)| face.crop.clone()).collect()
        };
        // Later windows begin later.
        if let Some(first) = window.frames.first().map(|frame| frame.index) {
            self.seen = self.seen.split_off(&first);
        }
        crops
    }

    /// The mel chunks of the window's sound.
    fn listen(
        &self,
        window: &Window,
        notes: &mut Vec<WindowNote>,
    ) -> Result<Option<MelPieces>, CliError> {
        let Some(plan) = &self.mel else {
            return Ok(None);
        };
        let samples = window.samples.as_deref().unwrap_or_default();
        let loudest = samples
            .iter()
            .fold(0.0_f32, |loudest, s| loudest.max(s.abs()));
        let absence = if samples.is_empty() {
            Some(WindowNote::NoSamples)
        } else if samples.len() < plan.min_samples() {
            Some(WindowNote::ShortSound)
        } else if loudest < SILENCE {
            Some(WindowNote::SilentSound)
        } else {
            None
        };
        if let Some(note) = absence {
            notes.push(note);
            return Ok(None);
        }
        plan.pieces(samples)
            .map(Some)
            .map_err(|e| CliError::Arguments(e.to_string()))
    }

    fn batch(&self, crops: &[Vec<f32>], chunks: Option<&MelPieces>) -> Batch {
        let faces = (!crops.is_empty()).then(|| {
            let shape = [crops.len(), CHANNELS, CROP_SIDE, CROP_SIDE];
            Tensor::from_data(TensorData::new(crops.concat(), shape), &self.device)
        });
        let mels = chunks.map(|chunks| {
            let shape = [chunks.count, 1, MELS, PIECE_FRAMES];
            Tensor::from_data(TensorData::new(chunks.values.clone(), shape), &self.device)
        });
        Batch {
            text: self
                .sentence
                .as_ref()
                .map(|sentence| sentence.vector.clone()),
            face_lens: faces.iter().map(|_| crops.len()).collect(),
            faces,
            mel_lens: chunks.iter().map(|chunks| chunks.count).collect(),
            mels,
        }
    }

    fn ask(&self, batch: &Batch) -> Result<Prediction, CliError> {
        Ok(pollster::block_on(async {
            self.model.forward_async(batch).await?.into_host().await
        })?)
    }
}

/// Takes the numbers of one utterance out of a prediction.
fn fill(
    judgement: &mut Judgement,
    prediction: &Prediction,
    frames: usize,
    chunks: Option<&MelPieces>,
) {
    judgement.frames = frames;
    judgement.chunks = chunks.map_or(0, |chunks| chunks.count);
    judgement.logits = prediction.logits.first().cloned();
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
