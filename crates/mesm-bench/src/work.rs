//! The unit of work, and the models that do it.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::{Formula, load_params};
use mesm::{Batch, Model, ModelConfig, ModelKind};
use serde::{Deserialize, Serialize};

use crate::BenchError;

/// Seed of weights and inputs: the same everywhere, so that a peer can compute with the same.
const SEED: &str = "mesm bench";

/// The model's widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Those of the papers.
    Paper,
    /// Those of the page.
    Web,
}

impl Size {
    /// The configuration of that size.
    #[must_use]
    pub fn config(self, kind: ModelKind, top_p: f32) -> ModelConfig {
        let paper = ModelConfig {
            kind,
            top_p,
            ..ModelConfig::default()
        };
        match self {
            Self::Paper => paper,
            Self::Web => ModelConfig {
                text_dim: 384,
                widths: [24, 48, 96, 128],
                flatten_dim: 192,
                trans_dim: 64,
                trans_layers: 2,
                trans_heads: 4,
                trans_feedforward: 256,
                ..paper
            },
        }
    }
}

/// A batch: as many utterances, each of as many face frames and mel chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Face frames of an utterance.
    pub frames: usize,
    /// Mel chunks of an utterance.
    pub chunks: usize,
    /// Utterances.
    pub utterances: usize,
}

impl Work {
    /// The batch on a device, for models of that size.
    #[must_use]
    pub fn batch(self, size: Size, device: &Device) -> Batch {
        let text_dim = size.config(ModelKind::Mesm, 0.5).text_dim;
        let formula = Formula::new(SEED, "");
        let tensor = |name: &str, count: usize, value: &dyn Fn(f32) -> f32| {
            let values: Vec<f32> = (0..count as u64)
                .map(|i| value(formula.unit(name, i)))
                .collect();
            TensorData::new(values, [count])
        };
        let (frames, chunks) = (self.utterances * self.frames, self.utterances * self.chunks);
        let mut batch = Batch {
            text: Some(
                Tensor::<1>::from_data(
                    tensor("text", self.utterances * text_dim, &|u| 2.0 * u - 1.0),
                    device,
                )
                .reshape([self.utterances, text_dim]),
            ),
            ..Batch::default()
        };
        if frames > 0 {
            let data = tensor("faces", frames * 3 * 48 * 48, &|u| 255.0 * u);
            batch.faces = Some(Tensor::<1>::from_data(data, device).reshape([frames, 3, 48, 48]));
            batch.face_lens = vec![self.frames; self.utterances];
        }
        if chunks > 0 {
            let data = tensor("mels", chunks * 128 * 32, &|u| 4.0 * u);
            batch.mels = Some(Tensor::<1>::from_data(data, device).reshape([chunks, 1, 128, 32]));
            batch.mel_lens = vec![self.chunks; self.utterances];
        }
        batch
    }
}

/// A model of that size with weights by formula.
///
/// # Errors
/// When `top_p` is not a share.
pub fn model(
    size: Size,
    kind: ModelKind,
    top_p: f32,
    device: &Device,
) -> Result<Model, BenchError> {
    let model = size.config(kind, top_p).init(device)?;
    Ok(load_params(model, &mut Formula::new(SEED, ""))?)
}
