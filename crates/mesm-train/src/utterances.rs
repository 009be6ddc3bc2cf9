//! A batch of utterances in memory, before it goes to a device.

use burn::tensor::{Device, Tensor, TensorData};
use mesm_features::mel::{MELS, PIECE_FRAMES};

use crate::features::Features;

/// Side of a face crop.
pub(crate) const FACE_SIDE: usize = 48;
/// Values of a face crop.
pub(crate) const FACE_VALUES: usize = 3 * FACE_SIDE * FACE_SIDE;
/// Values of a mel chunk.
pub(crate) const CHUNK_VALUES: usize = MELS * PIECE_FRAMES;

/// Some utterances with what is known of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Utterances {
    /// Name of each, for messages.
    pub ids: Vec<String>,
    /// The corpus of each; of composed ones that of the first row.
    pub sources: Vec<String>,
    /// Who is seen or heard; of composed ones the subject of the first row.
    pub subjects: Vec<String>,
    /// What the model should say, `[utterances, outputs]` row after row: classes in `[0, 1]`, or sentiment in -3..3.
    pub targets: Vec<f32>,
    /// The one class each belongs to, where it has one.
    pub labels: Vec<Option<u8>>,
    /// Token ids of each text; empty if the batch has no text at all, otherwise one list an utterance: that of the empty
    /// sentence where words are absent.
    pub tokens: Vec<Vec<u32>>,
    /// Whether each text has words.
    pub spoken: Vec<bool>,
    /// Face crops one after the other, `[crops, 3, 48, 48]`, RGB in 0..255.
    pub face_values: Vec<f32>,
    /// How many belong to each utterance.
    pub face_lens: Vec<usize>,
    /// Mel chunks one after the other, `[chunks, 1, 128, 32]`.
    pub mel_values: Vec<f32>,
    /// How many belong to each utterance.
    pub mel_lens: Vec<usize>,
    /// What a two-phase model reads instead of tokens, crops and chunks. The lengths above count its steps.
    pub features: Features,
}

impl Utterances {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds the crops of one utterance, each `[3, 48, 48]`.
    pub(crate) fn push_faces(&mut self, crops: impl Iterator<Item = Vec<f32>>) {
        let before = self.face_values.len();
        for crop in crops {
            self.face_values.extend(crop);
        }
        let added = self.face_values.len() - before;
        self.face_lens.push(added / FACE_VALUES);
    }

    /// Adds the chunks of one utterance, `[chunks, 1, 128, 32]`.
    pub(crate) fn push_chunks(&mut self, values: &[f32]) {
        self.mel_values.extend_from_slice(values);
        self.mel_lens.push(values.len() / CHUNK_VALUES);
    }

    /// The faces on `device`; `None` if there are none at all.
    #[must_use]
    pub fn faces(&self, device: &Device) -> Option<Tensor<4>> {
        let shape = [
            self.face_values.len() / FACE_VALUES,
            3,
            FACE_SIDE,
            FACE_SIDE,
        ];
        rows(&self.face_values, shape, device)
    }

    /// The chunks on `device`; `None` if there are none at all.
    #[must_use]
    pub fn mels(&self, device: &Device) -> Option<Tensor<4>> {
        let shape = [self.mel_values.len() / CHUNK_VALUES, 1, MELS, PIECE_FRAMES];
        rows(&self.mel_values, shape, device)
    }

    /// 1 for each utterance with faces, 0 for the others.
    #[must_use]
    pub fn with_faces(&self) -> Vec<f32> {
        presence(self.face_lens.iter().map(|len| *len > 0))
    }

    /// 1 for each utterance with sound, 0 for the others.
    #[must_use]
    pub fn with_sound(&self) -> Vec<f32> {
        presence(self.mel_lens.iter().map(|len| *len > 0))
    }

    /// 1 for each utterance with words, 0 for the others.
    #[must_use]
    pub fn with_words(&self) -> Vec<f32> {
        presence(self.spoken.iter().copied())
    }
}

fn rows(values: &[f32], shape: [usize; 4], device: &Device) -> Option<Tensor<4>> {
    (!values.is_empty()).then(|| Tensor::from_data(TensorData::new(values.to_vec(), shape), device))
}

fn presence(present: impl Iterator<Item = bool>) -> Vec<f32> {
    present.map(|there| f32::from(u8::from(there))).collect()
}
