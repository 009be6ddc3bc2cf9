//! MMLatch (Paraskevopoulos et al., 2022) around LSTMs and cross-modal attention.

use burn::module::Module;
use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
use burn::tensor::{Device, Tensor};

use super::attention::{DotAttention, SymmetricAttention};
use super::batch::{Inputs, Padded, input_name};
use super::config::TwoPhaseConfig;
use super::feedback::{FeedbackMasks, Masked, check_aligned};
use super::kind::Padding;
use super::lstm::{Lstm, LstmConfig};
use crate::config::Modality;
use crate::output::ForwardError;

/// Dropout in training within the fusion: a constant of the authors' code, unless less is asked for.
const FUSION_DROPOUT: f64 = 0.1;

/// The late fusion baseline of the paper, with feedback or without: an LSTM with self-attention a modality, attention
/// between each two, an LSTM with self-attention over all of it, a linear layer.
///
/// The paper reads that LSTM's last state; as the authors' code, what its self-attention gives is added up over time.
#[derive(Module, Debug)]
pub(super) struct MmLatch {
    encoder: LatchEncoder,
    classifier: Linear,
}

/// The authors' `AVTEncoder`.
#[derive(Module, Debug)]
struct LatchEncoder {
    text: AttentiveLstm,
    acoustic: AttentiveLstm,
    visual: AttentiveLstm,
    fuser: LatchFusion,
    feedback: Option<FeedbackMasks>,
    padding_seen: bool,
}

/// An LSTM and self-attention over its states.
#[derive(Module, Debug)]
struct AttentiveLstm {
    rnn: Lstm,
    attention: DotAttention,
    dropout: Dropout,
    /// Whether the directions are added up, not put side by side.
    summed: bool,
}

#[derive(Module, Debug)]
struct LatchFusion {
    pairs: PairFusion,
    rnn: AttentiveLstm,
}

/// Attention between each two modalities, and from what came of voice and face to the text.
#[derive(Module, Debug)]
struct PairFusion {
    ta: SymmetricAttention,
    va: SymmetricAttention,
    tv: SymmetricAttention,
    tav: DotAttention,
}

/// What MMLatch computes on its way: for comparison with other implementations, and for figures.
#[derive(Debug, Clone)]
pub struct LatchTrace {
    /// What each modality became in the first stage, `[utterances, steps, width]`; empty without feedback.
    pub first_stage: Vec<(Modality, Tensor<3>)>,
    /// The masked features, `[utterances, steps, features]`; empty without feedback.
    pub masked: Vec<(Modality, Tensor<3>)>,
    /// What each modality became in the last stage, `[utterances, steps, width]`.
    pub encoded: Vec<(Modality, Tensor<3>)>,
    /// Text, voice, face, text with voice, text with face, voice with face, and all three side by side,
    /// `[utterances, steps, 7 width]`; `None` around MulT.
    pub pairs: Option<Tensor<3>>,
    /// What the last linear layer reads, `[utterances, any]`.
    pub fused: Tensor<2>,
}

/// Logits `[utterances, outputs]`, masks and the way to them.
pub(super) struct LatchOutput {
    pub(super) logits: Tensor<2>,
    pub(super) masks: Vec<(Modality, Tensor<3>)>,
    pub(super) trace: LatchTrace,
}

impl MmLatch {
    pub(super) fn new(config: &TwoPhaseConfig, device: &Device) -> Self {
        // The same for every modality.
        let width = config.width(Modality::Text);
        let dropout = |most: f64| DropoutConfig::new(config.dropout.min(most)).init();
        let unimodal = |modality| AttentiveLstm {
            rnn: Lstm::new(
                LstmConfig {
                    hidden: width,
                    dropout: 0.0,
                    ..LstmConfig::of_features(config, modality)
                },
                device,
            ),
            attention: DotAttention::new(width, dropout(1.0), device),
            dropout: dropout(1.0),
            summed: true,
        };
        let pair = || SymmetricAttention::new(width, dropout(FUSION_DROPOUT), device);
        let fuser = LatchFusion {
            pairs: PairFusion {
                ta: pair(),
                va: pair(),
                tv: pair(),
                tav: DotAttention::new(width, dropout(FUSION_DROPOUT), device),
            },
            rnn: AttentiveLstm {
                rnn: Lstm::new(
                    LstmConfig {
                        inputs: 7 * width,
                        hidden: width,
                        layers: 1,
                        bidirectional: true,
                        dropout: 0.0,
                    },
                    device,
                ),
                attention: DotAttention::new(2 * width, dropout(FUSION_DROPOUT), device),
                dropout: dropout(FUSION_DROPOUT),
                summed: false,
            },
        };
        Self {
            encoder: LatchEncoder {
                text: unimodal(Modality::Text),
                acoustic: unimodal(Modality::Acoustic),
                visual: unimodal(Modality::Visual),
                fuser,
                feedback: FeedbackMasks::new(config, width, device),
                padding_seen: config.padding == Padding::AsPublished,
            },
            classifier: LinearConfig::new(2 * width, config.classes.len()).init(device),
        }
    }

    pub(super) fn forward(&self, inputs: &Inputs) -> Result<LatchOutput, ForwardError> {
        check_aligned(inputs)?;
        let encoder = &self.encoder;
        let mut first_stage = Vec::new();
        let mut after = None;
        if let Some(feedback) = &encoder.feedback {
            first_stage = encoder.encode(inputs)?;
            after = Some(feedback.forward(inputs, &first_stage)?);
        }
        let (inputs, masks) = match &after {
            Some(Masked { masked, masks }) => (masked, masks.clone()),
            None => (inputs, Vec::new()),
        };
        let encoded = encoder.encode(inputs)?;
        let (pairs, fused) = encoder.fuse(inputs, &encoded)?;
        Ok(LatchOutput {
            logits: self.classifier.forward(fused.clone()),
            masks,
            trace: LatchTrace {
                first_stage,
                masked: after.iter().flat_map(Masked::values).collect(),
                encoded,
                pairs: Some(pairs),
                fused,
            },
        })
    }
}

impl Masked {
    /// The masked features.
    pub(super) fn values(&self) -> impl Iterator<Item = (Modality, Tensor<3>)> {
        let inputs = self.masked.iter();
        inputs.map(|(modality, input)| (*modality, input.values.clone()))
    }
}

impl LatchEncoder {
    /// What each modality becomes, `[utterances, steps, width]`.
    fn encode(&self, inputs: &Inputs) -> Result<Vec<(Modality, Tensor<3>)>, ForwardError> {
        let encoders = [
            (Modality::Text, &self.text),
            (Modality::Visual, &self.visual),
            (Modality::Acoustic, &self.acoustic),
        ];
        encoders
            .into_iter()
            .map(|(modality, encoder)| {
                let input = of(modality, inputs.get(&modality))?;
                Ok((modality, encoder.forward(input, self.padding_seen)))
            })
            .collect()
    }

    /// The pairs `[utterances, steps, 7 width]` and the utterances' vectors `[utterances, 2 width]`.
    fn fuse(
        &self,
        inputs: &Inputs,
        encoded: &[(Modality, Tensor<3>)],
    ) -> Result<(Tensor<3>, Tensor<2>), ForwardError> {
        let find = |modality| {
            let found = encoded.iter().find(|(m, _)| *m == modality);
            of(modality, found.map(|(_, values)| values.clone()))
        };
        let (text, visual, acoustic) = (
            find(Modality::Text)?,
            find(Modality::Visual)?,
            find(Modality::Acoustic)?,
        );
        let steps = of(Modality::Text, inputs.get(&Modality::Text))?;
        let keys = if self.padding_seen {
            None
        } else {
            steps.keys()
        };
        let pairs = self
            .fuser
            .pairs
            .forward(text, acoustic, visual, keys.as_ref());
        let out = self
            .fuser
            .rnn
            .forward(&steps.with(pairs.clone()), self.padding_seen);
        let [utterances, _, width] = out.dims();
        Ok((pairs, out.sum_dim(1).reshape([utterances, width])))
    }
}

fn of<T>(modality: Modality, found: Option<T>) -> Result<T, ForwardError> {
    found.ok_or(ForwardError::FeaturesMissing {
        input: input_name(modality),
    })
}

impl AttentiveLstm {
    /// `[utterances, steps, width]`. What padded steps read of the others is kept only if it is seen.
    fn forward(&self, x: &Padded, padding_seen: bool) -> Tensor<3> {
        let states = self
            .rnn
            .forward(x)
            .map(|states| self.dropout.forward(states));
        let states = if self.summed {
            states.summed()
        } else {
            states.side_by_side()
        };
        let read = self
            .attention
            .forward(states.clone(), states, x.keys().as_ref());
        if padding_seen { read } else { x.clear(read) }
    }
}

impl PairFusion {
    fn forward(
        &self,
        text: Tensor<3>,
        acoustic: Tensor<3>,
        visual: Tensor<3>,
        keys: Option<&Tensor<3>>,
    ) -> Tensor<3> {
        let ta = self.ta.forward(text.clone(), acoustic.clone(), keys);
        let va = self.va.forward(visual.clone(), acoustic.clone(), keys);
        let tv = self.tv.forward(text.clone(), visual.clone(), keys);
        let tav = self.tav.forward(va.clone(), text.clone(), keys);
        Tensor::cat(vec![text, acoustic, visual, ta, tv, va, tav], 2)
    }
}
