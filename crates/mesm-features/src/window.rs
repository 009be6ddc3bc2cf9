//! What a window gives the model: which faces and which sound count, by one rule for the native
//! program and the page.

use std::fmt;

use burn::tensor::{Device, Tensor, TensorData};
use mesm::Batch;
use serde::{Deserialize, Serialize};

use crate::crop::CROP_SIDE;
use crate::mel::{MELS, MelError, MelPieces, MelPlan, PIECE_FRAMES};
use crate::picture::CHANNELS;
use crate::track::CropResult;

/// Sound whose loudest sample is below -80 dB of full scale is digital silence, the last bit of a
/// 16-bit recording: there is no voice in it.
pub const SILENCE: f32 = 1e-4;

/// What is absent from a window, or replaced in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// There are frames and none shows a face: the faces are left out.
    NoFace,
    /// Some frames show no face: the authors' fallback crop stands in for them.
    SomeWithoutFace,
    /// There is a picture track, but no frame here.
    NoFrames,
    /// There is a sound track, but no sample here.
    NoSamples,
    /// Too few samples for one spectrogram frame.
    ShortSound,
    /// Digital silence.
    SilentSound,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoFace => "no face found: the faces are left out",
            Self::SomeWithoutFace => {
                "no face found in some frames: the authors' fallback crop stands in for them"
            }
            Self::NoFrames => "the video track has no frame here: the faces are left out",
            Self::NoSamples => "the audio track has no sample here: the voice is left out",
            Self::ShortSound => "too little sound for a spectrogram: the voice is left out",
            Self::SilentSound => "the audio track is silent: the voice is left out",
        })
    }
}

/// The words of a window, as the model reads them.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// The text encoder's vector, `[1, text_dim]`.
    pub vector: Tensor<2>,
    /// True where no words were given: the empty sentence chooses the points, and has no share in what comes out.
    pub empty: bool,
}

/// The faces and the sound of one window, as far as they count.
#[derive(Debug, Clone, Default)]
pub struct WindowInput {
    /// Face crops `[3, 48, 48]` in 0..=255, one a frame; empty where no frame shows a face.
    pub crops: Vec<Vec<f32>>,
    /// Frames in which a face was found.
    pub faces_found: usize,
    /// Mel chunks; `None` where there is no sound to speak of.
    pub chunks: Option<MelPieces>,
    /// What is absent or replaced.
    pub absences: Vec<Absence>,
}

impl WindowInput {
    /// Weighs what a window holds. `faces` and `sound` are `None` where there is no such track or
    /// it is not wanted, and nothing is said about it.
    ///
    /// # Errors
    /// When the sound cannot be made into a spectrogram.
    pub fn gather(
        faces: Option<&[&CropResult]>,
        sound: Option<(&MelPlan, &[f32])>,
    ) -> Result<Self, MelError> {
        let mut input = Self::default();
        if let Some(faces) = faces {
            input.look(faces);
        }
        if let Some((plan, samples)) = sound {
            match silence(plan, samples) {
                Some(absence) => input.absences.push(absence),
                None => input.chunks = Some(plan.pieces(samples)?),
            }
        }
        Ok(input)
    }

    /// Whether there is neither a face nor a sound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.crops.is_empty() && self.chunks.is_none()
    }

    /// The model's input for this one utterance.
    #[must_use]
    pub fn batch(&self, sentence: Option<&Sentence>, device: &Device) -> Batch {
        let faces = (!self.crops.is_empty()).then(|| {
            let shape = [self.crops.len(), CHANNELS, CROP_SIDE, CROP_SIDE];
            Tensor::from_data(TensorData::new(self.crops.concat(), shape), device)
        });
        let mels = self.chunks.as_ref().map(|chunks| {
            let shape = [chunks.count, 1, MELS, PIECE_FRAMES];
            Tensor::from_data(TensorData::new(chunks.values.clone(), shape), device)
        });
        Batch {
            spoken: sentence.iter().map(|sentence| !sentence.empty).collect(),
            text: sentence.map(|sentence| sentence.vector.clone()),
            face_lens: faces.iter().map(|_| self.crops.len()).collect(),
            faces,
            mel_lens: self.chunks.iter().map(|chunks| chunks.count).collect(),
            mels,
        }
    }

    fn look(&mut self, faces: &[&CropResult]) {
        self.faces_found = faces.iter().filter(|face| face.found).count();
        let absence = match (faces.len(), self.faces_found) {
            (0, _) => Some(Absence::NoFrames),
            (_, 0) => Some(Absence::NoFace),
            (frames, found) if found < frames => Some(Absence::SomeWithoutFace),
            _ => None,
        };
        self.absences.extend(absence);
        if self.faces_found > 0 {
            self.crops = faces.iter().map(|face| face.crop.clone()).collect();
        }
    }
}

fn silence(plan: &MelPlan, samples: &[f32]) -> Option<Absence> {
    if samples.is_empty() {
        return Some(Absence::NoSamples);
    }
    if samples.len() < plan.min_samples() {
        return Some(Absence::ShortSound);
    }
    samples
        .iter()
        .all(|sample| sample.abs() < SILENCE)
        .then_some(Absence::SilentSound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mel::MelConfig;

    fn face(found: bool) -> CropResult {
        CropResult {
            crop: vec![0.0; CHANNELS * CROP_SIDE * CROP_SIDE],
            found,
            bbox: None,
            probability: None,
            points: None,
            scanned: true,
        }
    }

    fn absences(faces: &[&CropResult], samples: &[f32]) -> Vec<Absence> {
        let plan = MelPlan::new(&MelConfig::default()).unwrap();
        WindowInput::gather(Some(faces), Some((&plan, samples)))
            .unwrap()
            .absences
    }

    #[test]
    fn absences_are_said() {
        let (seen, unseen) = (face(true), face(false));
        let tone: Vec<f32> = (0..8000).map(|i| (i as f32 * 0.1).sin()).collect();
        assert_eq!(absences(&[&seen], &tone), []);
        assert_eq!(absences(&[&unseen], &tone), [Absence::NoFace]);
        assert_eq!(
            absences(&[&seen, &unseen], &tone),
            [Absence::SomeWithoutFace]
        );
        assert_eq!(
            absences(&[], &vec![0.0; 8000]),
            [Absence::NoFrames, Absence::SilentSound]
        );
        assert_eq!(
            absences(&[&seen], &[]),
            [Absence::NoSamples],
            "an empty track is not a silent one"
        );
        assert_eq!(absences(&[&seen], &tone[..10]), [Absence::ShortSound]);
    }

    #[test]
    fn a_frame_without_a_face_keeps_its_place_if_another_has_one() {
        let (seen, unseen) = (face(true), face(false));
        let input = WindowInput::gather(Some(&[&unseen, &seen]), None).unwrap();
        assert_eq!((input.crops.len(), input.faces_found), (2, 1));
        assert!(!input.is_empty());
        assert!(WindowInput::gather(None, None).unwrap().is_empty());
    }
}
