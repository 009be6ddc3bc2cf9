//! What a forward pass gives: tensors on the device, then plain numbers on the host.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{Activation, Modality, ModelKind};
use crate::cost::{BranchSizes, Cost};
use crate::sparse::network_read as read;
use crate::sparse::{AttentionLayer, Selection, Sites, dither};

/// Why a forward pass could not be carried out.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// No modality was given that the model has weights for.
    #[error(
        "nothing to look at: give at least one of text, faces or mel chunks that the model has weights for"
    )]
    NoInput,
    /// MESM was called without text.
    #[error(
        "MESM needs the text vector: text chooses the points. Encode the empty sentence if nothing was said"
    )]
    TextNeeded,
    /// An input has the wrong shape.
    #[error("{input} has shape {found:?}; expected {expected}")]
    Shape {
        /// Which input.
        input: &'static str,
        /// What the model takes.
        expected: String,
        /// What it was given.
        found: Vec<usize>,
    },
    /// The lengths do not add up to the rows given, or their number is not that of the utterances.
    #[error("{input}: lengths {lens:?} do not fit {rows} rows of {utterances} utterance(s)")]
    Lengths {
        /// Which input.
        input: &'static str,
        /// Rows an utterance.
        lens: Vec<usize>,
        /// Rows given.
        rows: usize,
        /// Utterances in the batch.
        utterances: usize,
    },
    /// A two-phase model got no features that it has weights for.
    #[error(
        "nothing to look at: give the features of at least one of the modalities `{modalities}`"
    )]
    NoFeatures {
        /// What the model has weights for, as letters.
        modalities: String,
    },
    /// A two-phase model cannot do without these features.
    #[error("the {input} features are missing: the model compares every modality with the others")]
    FeaturesMissing {
        /// Which input.
        input: &'static str,
    },
    /// The lengths of feature sequences are not those of the utterances.
    #[error(
        "{input}: lengths {lens:?} do not fit {utterances} utterance(s) of at most {longest} steps"
    )]
    Steps {
        /// Which input.
        input: &'static str,
        /// Steps an utterance.
        lens: Vec<usize>,
        /// Utterances in the batch.
        utterances: usize,
        /// Steps given for each.
        longest: usize,
    },
    /// Modalities whose steps must belong together have different ones.
    #[error(
        "{input} has lengths {found:?} where the text has {expected:?}, or is padded to another one: feedback needs features aligned to the same steps, one for each word"
    )]
    NotAligned {
        /// Which input.
        input: &'static str,
        /// Its steps an utterance.
        found: Vec<usize>,
        /// Those of the text.
        expected: Vec<usize>,
    },
    /// The device failed while it computed or was read.
    #[error("the device failed: {0}")]
    Device(String),
}

/// One modality's part in an output, on the device.
#[derive(Debug, Clone)]
pub struct ModalityOutput {
    /// Which modality.
    pub modality: Modality,
    /// Its own logits, `[utterances, classes]`.
    pub logits: Tensor<2>,
    /// Its share of the fused logits, `[utterances, classes]`: the shares of all modalities add
    /// up to the logits, because fusion is linear and has no bias.
    pub share: Tensor<2>,
    /// Rows (frames or chunks) of each utterance; empty for text.
    pub lens: Vec<usize>,
    /// Height and width of the branch's input; `None` for text.
    pub input_size: Option<(usize, usize)>,
    /// What the attention layers decided; empty for text and for FE2E.
    pub attention: Vec<AttentionLayer>,
    /// Flattened features of each row after the branch's two linear layers, `[rows, trans_dim]`;
    /// `None` for text.
    pub flattened: Option<Tensor<2>>,
    /// The sequence's vector, `[utterances, trans_dim]`; `None` for text.
    pub pooled: Option<Tensor<2>>,
}

/// The result of a forward pass, on the device.
#[derive(Debug, Clone)]
pub struct Output {
    /// Fused logits, `[utterances, classes]`.
    pub logits: Tensor<2>,
    /// Every modality that took part, in fusion order.
    pub modalities: Vec<ModalityOutput>,
    pub(crate) kind: ModelKind,
    pub(crate) widths: [usize; 4],
    pub(crate) flatten: [usize; 2],
    pub(crate) query_dim: usize,
    pub(crate) activation: Activation,
    pub(crate) dither: f32,
}

/// The result of a forward pass as plain numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Fused logits, `[utterance][class]`.
    pub logits: Vec<Vec<f32>>,
    /// Probabilities of the classes, `[utterance][class]`, as the model's [`Activation`] says.
    pub probabilities: Vec<Vec<f32>>,
    /// Each modality's own logits, `[utterance][class]`.
    pub modality_logits: BTreeMap<Modality, Vec<Vec<f32>>>,
    /// Each modality's share of the logits, `[utterance][class]`; they add up to `logits`.
    pub shares: BTreeMap<Modality, Vec<Vec<f32>>>,
    /// The three attention layers of each sparse branch; empty for FE2E.
    pub attention: BTreeMap<Modality, Vec<AttentionMaps>>,
    /// Multiply-accumulates of each branch.
    pub cost: BTreeMap<Modality, Cost>,
}

/// One attention layer over all frames or chunks of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttentionMaps {
    /// Height of each map.
    pub height: usize,
    /// Width of each map.
    pub width: usize,
    /// Softmax weights, one row-major map a frame that adds up to 1, 0 at points that were no candidates. Where the model has a
    /// [dither](crate::sparse::dither), without its pattern: what the attention had to say before it.
    pub weights: Vec<Vec<f32>>,
    /// Whether each point was kept, one row-major map a frame.
    pub masks: Vec<Vec<bool>>,
}

impl AttentionMaps {
    /// Kept points of all frames.
    #[must_use]
    pub fn active_points(&self) -> usize {
        self.masks.iter().flatten().filter(|kept| **kept).count()
    }

    fn sites(&self) -> Sites {
        let flags: Vec<bool> = self.masks.iter().flatten().copied().collect();
        Sites::from_flags(self.masks.len(), self.height, self.width, &flags)
    }
}

impl Output {
    /// Reads everything back, without blocking.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn into_host(self) -> Result<Prediction, ForwardError> {
        let logits = rows(self.logits).await?;
        let mut prediction = Prediction {
            probabilities: logits
                .iter()
                .map(|row| self.activation.probabilities(row))
                .collect(),
            logits,
            modality_logits: BTreeMap::new(),
            shares: BTreeMap::new(),
            attention: BTreeMap::new(),
            cost: BTreeMap::new(),
        };
        for part in self.modalities {
            let modality = part.modality;
            prediction
                .modality_logits
                .insert(modality, rows(part.logits).await?);
            prediction.shares.insert(modality, rows(part.share).await?);
            let Some(input) = part.input_size else {
                continue;
            };
            let frames = part.lens.iter().sum();
            let mut maps = Vec::with_capacity(part.attention.len());
            for layer in part.attention {
                maps.push(layer_to_host(layer, frames, self.dither).await?);
            }
            let sites: Vec<Sites> = maps.iter().map(AttentionMaps::sites).collect();
            let sizes = BranchSizes {
                kind: self.kind,
                channels_in: modality.channels(),
                input,
                widths: self.widths,
                flatten: self.flatten,
                query_dim: self.query_dim,
            };
            prediction
                .cost
                .insert(modality, sizes.cost(frames, part.lens.len(), &sites));
            if self.kind == ModelKind::Mesm {
                prediction.attention.insert(modality, maps);
            }
        }
        Ok(prediction)
    }
}

async fn layer_to_host(
    layer: AttentionLayer,
    frames: usize,
    dither: f32,
) -> Result<AttentionMaps, ForwardError> {
    let points = layer.height * layer.width;
    let (weights, mask) = match layer.selection {
        Selection::Host { weights, mask } => (weights, mask),
        Selection::Device { weights, mask } => {
            let mask = read(mask).await?;
            (
                read(weights).await?,
                mask.into_iter().map(|v| v > 0.5).collect(),
            )
        }
    };
    debug_assert_eq!(weights.len(), frames * points);
    let mut weights: Vec<Vec<f32>> = weights.chunks(points).map(<[f32]>::to_vec).collect();
    if dither > 0.0 {
        for map in &mut weights {
            dither::take_back(map, layer.width, dither);
        }
    }
    Ok(AttentionMaps {
        height: layer.height,
        width: layer.width,
        weights,
        masks: mask.chunks(points).map(<[bool]>::to_vec).collect(),
    })
}

async fn rows(tensor: Tensor<2>) -> Result<Vec<Vec<f32>>, ForwardError> {
    let [_, columns] = tensor.dims();
    let values = read(tensor).await?;
    Ok(values.chunks(columns).map(<[f32]>::to_vec).collect())
}
