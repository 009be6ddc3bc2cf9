//! What a two-phase model reads: a row of numbers for each word, each picture of the face, each 400 ms of the voice.

mod align;
mod reader;
mod scale;
mod words;

use std::path::PathBuf;

use burn::tensor::{Device, Tensor, TensorData};
use mesm::two_phase::{FeatureBatch, Sequence};
use mesm_data::store::StoreError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub(crate) use align::at_steps;
pub use reader::FeatureReader;
pub use scale::Scale;
pub use words::WordTable;

/// Where features come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureConfig {
    /// Word vectors as text, a word and its numbers a line (GloVe's files). Without them the pieces of words are looked
    /// up in the text encoder's own table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_vectors: Option<PathBuf>,
    /// Folder with OpenFace's output of each utterance, `ID.csv`. Without it the features are computed from the crops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openface: Option<PathBuf>,
    /// Folder with DisVoice's output of each utterance, `ID.csv`, a row each 400 ms. Without it the features are computed
    /// from the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disvoice: Option<PathBuf>,
    /// Words of an utterance that are read.
    pub max_words: usize,
}

impl Default for FeatureConfig {
    /// 50 words, as the paper.
    fn default() -> Self {
        Self {
            word_vectors: None,
            openface: None,
            disvoice: None,
            max_words: 50,
        }
    }
}

/// Everything that fixes the features of a trained model; goes with its weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSettings {
    /// Where they come from.
    pub config: FeatureConfig,
    /// Numbers of a word.
    pub text_dim: usize,
    /// Middle and spread of the numbers of a face.
    pub visual: Scale,
    /// Middle and spread of the numbers of 400 ms of a voice.
    pub acoustic: Scale,
    /// Whether all modalities of an utterance have as many rows as it has words: models that add modalities up step by
    /// step need that.
    pub aligned: bool,
}

/// Features that cannot be had.
#[derive(Debug, Error)]
pub enum FeatureError {
    /// A row of the data.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A picture or a sound, or what was computed from it.
    #[error("{at}: {reason}")]
    Media {
        /// Which one.
        at: String,
        /// What is wrong.
        reason: String,
    },
    /// A text.
    #[error("a text: {0}")]
    Text(String),
    /// A file that another program wrote.
    #[error("{0}")]
    File(String),
    /// A row whose number of features is another than that of the rows before.
    #[error("{at}: {found} numbers a row; the others have {expected}")]
    Width {
        /// Which one.
        at: String,
        /// What the others have.
        expected: usize,
        /// What was found.
        found: usize,
    },
}

/// Features of some utterances, one modality after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// Of words.
    pub words: FeatureRows,
    /// Of pictures of the face.
    pub faces: FeatureRows,
    /// Of 400 ms each of the voice.
    pub voices: FeatureRows,
}

/// Rows of the utterances of a batch, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FeatureRows {
    /// `[rows, features]`.
    pub values: Vec<f32>,
    /// Rows of each utterance; empty where the modality is not read at all.
    pub lens: Vec<usize>,
    /// Features of a row.
    pub width: usize,
}

impl FeatureRows {
    /// Adds an utterance with rows of `width` numbers.
    pub(crate) fn push(&mut self, values: &[f32], width: usize) {
        self.width = width;
        self.lens.push(values.len() / width.max(1));
        self.values.extend_from_slice(values);
    }

    /// `[utterances, longest, features]`, zeros after each end; one step at least.
    fn sequence(&self, device: &Device) -> Option<Sequence> {
        let longest = self.lens.iter().copied().max()?.max(1);
        let mut padded = Vec::with_capacity(self.lens.len() * longest * self.width);
        let mut rest = self.values.as_slice();
        for len in &self.lens {
            let (own, others) = rest.split_at(len * self.width);
            padded.extend_from_slice(own);
            padded.resize(padded.len() + (longest - len) * self.width, 0.0);
            rest = others;
        }
        let shape = [self.lens.len(), longest, self.width];
        Some(Sequence {
            values: Tensor::from_data(TensorData::new(padded, shape), device),
            lens: self.lens.clone(),
        })
    }
}

impl Features {
    /// The features on `device`, padded.
    #[must_use]
    pub fn batch(&self, device: &Device) -> FeatureBatch {
        FeatureBatch {
            text: self.words.sequence(device),
            visual: self.faces.sequence(device),
            acoustic: self.voices.sequence(device),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorter_utterances_end_in_zeros() {
        let mut rows = FeatureRows::default();
        rows.push(&[1.0, 2.0], 2);
        rows.push(&[], 2);
        rows.push(&[3.0, 4.0, 5.0, 6.0], 2);
        let sequence = rows.sequence(&Device::flex()).unwrap();
        assert_eq!(sequence.lens, [1, 0, 2]);
        assert_eq!(sequence.values.dims(), [3, 2, 2]);
        let values = sequence.values.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(
            values,
            [1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 4.0, 5.0, 6.0]
        );
        assert!(FeatureRows::default().sequence(&Device::flex()).is_none());
    }
}
