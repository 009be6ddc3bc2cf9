//! What a forward pass gives: tensors on the device, then plain numbers on the host.

use std::collections::BTreeMap;
use std::fmt::Debug;

use burn::tensor::{Tensor, TensorData, Transaction};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{Activation, Modality, ModelKind};
use crate::cost::{BranchSizes, Cost};
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

    /// Of weights and kept points of all frames, row-major.
    fn new((height, width): (usize, usize), weights: &[f32], mask: &[bool], dither: f32) -> Self {
        let points = height * width;
        let mut weights: Vec<Vec<f32>> = weights.chunks(points).map(<[f32]>::to_vec).collect();
        if dither > 0.0 {
            for map in &mut weights {
                dither::take_back(map, width, dither);
            }
        }
        Self {
            height,
            width,
            weights,
            masks: mask.chunks(points).map(<[bool]>::to_vec).collect(),
        }
    }

    fn sites(&self) -> Sites {
        let flags: Vec<bool> = self.masks.iter().flatten().copied().collect();
        Sites::from_flags(self.masks.len(), self.height, self.width, &flags)
    }
}

impl Output {
    /// Reads everything back, at once and without blocking.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn into_host(self) -> Result<Prediction, ForwardError> {
        let mut read = self.read().await?.into_iter();
        let mut values = || read.next().unwrap_or_default();
        let [_, classes] = self.logits.dims();
        let rows = |values: Vec<f32>| -> Vec<Vec<f32>> {
            values.chunks(classes).map(<[f32]>::to_vec).collect()
        };
        let logits = rows(values());
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
            prediction.modality_logits.insert(modality, rows(values()));
            prediction.shares.insert(modality, rows(values()));
            let Some(input) = part.input_size else {
                continue;
            };
            let frames = part.lens.iter().sum();
            let maps: Vec<AttentionMaps> = part
                .attention
                .into_iter()
                .map(|layer| {
                    let (height, width) = (layer.height, layer.width);
                    let (weights, mask) = match layer.selection {
                        Selection::Host { weights, mask } => (weights, mask),
                        Selection::Device { .. } => {
                            let weights = values();
                            (weights, values().into_iter().map(|v| v > 0.5).collect())
                        }
                    };
                    debug_assert_eq!(weights.len(), frames * height * width);
                    AttentionMaps::new((height, width), &weights, &mask, self.dither)
                })
                .collect();
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

    /// The values of what lies on the device, in the order in which [`into_host`](Self::into_host) takes them: a device
    /// that is asked for one tensor after the other answers each time as late as for all of them.
    async fn read(&self) -> Result<Vec<Vec<f32>>, ForwardError> {
        let mut all = Transaction::default().register(self.logits.clone());
        for part in &self.modalities {
            all = all
                .register(part.logits.clone())
                .register(part.share.clone());
            for layer in &part.attention {
                if let Selection::Device { weights, mask } = &layer.selection {
                    all = all.register(weights.clone()).register(mask.clone());
                }
            }
        }
        let failed = |error: &dyn Debug| ForwardError::Device(format!("{error:?}"));
        let read = all.execute_async().await.map_err(|error| failed(&error))?;
        let values = read.into_iter().map(TensorData::try_into_vec);
        values
            .collect::<Result<_, _>>()
            .map_err(|error| failed(&error))
    }
}
