//! FE2E and MESM as one model: what differs is the convolutional network of a branch.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Device, Tensor};
use mesm_kernels::ChannelScale;

use crate::config::{ConfigError, Modality, ModelConfig, ModelKind, SparsePath};
use crate::dense::DenseCnn;
use crate::judge::judge;
use crate::linear::{linear, linear_relu_of_maps};
use crate::norm::BatchNorm;
use crate::output::{ForwardError, ModalityOutput, Output};
use crate::sequence::{SequenceConfig, SequenceEncoder};
use crate::sparse::{AttentionLayer, SparseCnn, SparseOptions};
use crate::stage::{Probe, Stage};

/// Mean and standard deviation of the authors' face crops, RGB in 0..255.
const FACE_SCALE: ChannelScale = ChannelScale {
    means: [159.0, 111.0, 102.0],
    deviations: [37.0, 33.0, 32.0],
};

/// One batch of utterances.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The text encoder's first-token vector of each utterance, `[utterances, text_dim]`.
    pub text: Option<Tensor<2>>,
    /// Whether anything was said in each utterance; empty where it was in all of them. Where it was not, the vector of the
    /// empty sentence still chooses the points, and the text has no share in the logits.
    pub spoken: Vec<bool>,
    /// Face crops of all utterances one after the other, `[frames, 3, 48, 48]`, RGB in 0..255.
    pub faces: Option<Tensor<4>>,
    /// How many of them belong to each utterance.
    pub face_lens: Vec<usize>,
    /// Mel chunks of all utterances one after the other, `[chunks, 1, 128, 32]`.
    pub mels: Option<Tensor<4>>,
    /// How many of them belong to each utterance.
    pub mel_lens: Vec<usize>,
}

/// FE2E or MESM.
#[derive(Module, Debug)]
pub struct Model {
    visual: Option<Branch>,
    acoustic: Option<Branch>,
    t_out: Option<Linear>,
    weighted_fusion: Option<Linear>,
    #[module(skip)]
    config: ModelConfig,
    /// Bits of the share whose statistics the sparse layers have now; none before anyone has set them.
    #[module(skip)]
    settled_at: Option<u32>,
}

/// Convolutions over each frame, two linear layers, a sequence encoder, and logits.
#[derive(Module, Debug)]
struct Branch {
    cnn: Cnn,
    flatten: Flatten,
    transformer: SequenceEncoder,
    out: Linear,
}

/// The convolutional network of a branch. One of these a model: their difference in size does
/// not matter.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
enum Cnn {
    Dense(DenseCnn),
    Sparse(SparseCnn),
}

/// Flattened feature maps to the sequence encoder's width.
#[derive(Module, Debug)]
struct Flatten {
    hidden: Linear,
    output: Linear,
}

/// What a branch gives for its rows.
struct BranchOutput {
    flattened: Tensor<2>,
    pooled: Tensor<2>,
    attention: Vec<AttentionLayer>,
}

impl ModelConfig {
    /// A model with freshly initialised parameters on `device`.
    ///
    /// # Errors
    /// When a setting is out of range, or MESM is asked for without text.
    pub fn init(&self, device: &Device) -> Result<Model, ConfigError> {
        self.check()?;
        Ok(Model::new(self.clone(), device))
    }
}

impl Model {
    fn new(config: ModelConfig, device: &Device) -> Self {
        let classes = config.classes.len();
        let branch = |modality: Modality| {
            config
                .modalities
                .contains(modality)
                .then(|| Branch::new(&config, modality, device))
        };
        let count = config.modalities.count();
        Self {
            visual: branch(Modality::Visual),
            acoustic: branch(Modality::Acoustic),
            t_out: config
                .modalities
                .contains(Modality::Text)
                .then(|| LinearConfig::new(config.text_dim, classes).init(device)),
            weighted_fusion: (count > 1)
                .then(|| LinearConfig::new(count, 1).with_bias(false).init(device)),
            config,
            settled_at: None,
        }
    }

    /// The settings the model was made with.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Changes the share of the attention mass that MESM keeps; takes effect at the next call.
    ///
    /// # Errors
    /// When `p` is not in `(0, 1]`.
    pub fn set_top_p(&mut self, p: f32) -> Result<(), ConfigError> {
        ModelConfig::check_top_p(p)?;
        self.config.top_p = p;
        self.settle();
        Ok(())
    }

    /// Changes how the sparse blocks are computed; takes effect at the next call.
    pub fn set_sparse_path(&mut self, path: SparsePath) {
        self.config.sparse_path = path;
        self.settle();
    }

    /// The normalisations whose statistics depend on how many points are kept, in the order of the branches and layers;
    /// none of FE2E.
    pub(crate) fn sparse_norms_mut(&mut self) -> impl Iterator<Item = &mut BatchNorm> {
        let branches = [&mut self.visual, &mut self.acoustic];
        let branches = branches.into_iter().flatten();
        let sparse = branches.filter_map(|branch| match &mut branch.cnn {
            Cnn::Dense(_) => None,
            Cnn::Sparse(cnn) => Some(cnn),
        });
        sparse.flat_map(SparseCnn::norms_mut)
    }

    /// Changes what shares [`ModelConfig::calibrated_at`] names.
    pub(crate) fn set_calibrated_at(&mut self, shares: Vec<f32>) {
        self.config.calibrated_at = shares;
        self.settled_at = None;
    }

    /// Notes that the sparse layers get the statistics of this share; false where they have them.
    pub(crate) fn settles_at(&mut self, share: f32) -> bool {
        self.settled_at.replace(share.to_bits()) != Some(share.to_bits())
    }

    /// Fused logits, each modality's own and its share, and the attention of each layer.
    ///
    /// A modality that the batch does not hold is left out; so is its share, for those utterances
    /// whose length is 0 or in which nothing was said. MESM needs the text whatever else there is.
    ///
    /// # Errors
    /// When an input has the wrong shape or nothing was given, and when the device fails.
    pub async fn forward_async(&self, batch: &Batch) -> Result<Output, ForwardError> {
        self.forward_probed(batch, Probe::default()).await
    }

    /// [`forward_async`](Self::forward_async), telling `probe` of each stage of each branch.
    ///
    /// # Errors
    /// As [`forward_async`](Self::forward_async).
    pub async fn forward_probed(
        &self,
        batch: &Batch,
        probe: Probe<'_>,
    ) -> Result<Output, ForwardError> {
        if self.settled_at.is_none() && !self.config.calibrated_at.is_empty() {
            // Weights were loaded under a share that need not be their file's.
            let mut settled = Box::new(self.clone());
            settled.settle();
            return Box::pin(settled.answer(batch, probe)).await;
        }
        self.answer(batch, probe).await
    }

    /// See [`forward_probed`](Self::forward_probed), with the statistics that the model has.
    async fn answer(&self, batch: &Batch, probe: Probe<'_>) -> Result<Output, ForwardError> {
        let utterances = self.utterances(batch)?;
        let text = batch.text.as_ref().filter(|_| self.t_out.is_some());
        let mut parts: Vec<ModalityOutput> = Vec::with_capacity(3);
        let mut total = None;
        if let (Some(text), Some(out)) = (text, &self.t_out) {
            let spoken = match batch.spoken.len() {
                0 => vec![true; utterances],
                found if found == utterances => batch.spoken.clone(),
                found => {
                    return Err(ForwardError::Shape {
                        input: "spoken",
                        expected: format!("[{utterances}]"),
                        found: vec![found],
                    });
                }
            };
            let judged = judge(out, text, &spoken, self.fusion(Modality::Text), None);
            total = Some(judged.total);
            parts.push(ModalityOutput {
                modality: Modality::Text,
                share: judged.share,
                logits: judged.logits,
                lens: Vec::new(),
                input_size: None,
                attention: Vec::new(),
                flattened: None,
                pooled: None,
            });
        }
        let inputs = [
            (
                Modality::Visual,
                &self.visual,
                &batch.faces,
                &batch.face_lens,
            ),
            (
                Modality::Acoustic,
                &self.acoustic,
                &batch.mels,
                &batch.mel_lens,
            ),
        ];
        for (modality, branch, rows, lens) in inputs {
            let (Some(branch), Some(rows)) = (branch, rows) else {
                continue;
            };
            check_rows(modality, rows, lens, utterances)?;
            let scale = (modality == Modality::Visual).then_some(&FACE_SCALE);
            let output = branch
                .forward(rows.clone(), scale, lens, text, &self.config, probe)
                .await?;
            let present: Vec<bool> = lens.iter().map(|&len| len > 0).collect();
            let fusion = self.fusion(modality);
            let judged = judge(&branch.out, &output.pooled, &present, fusion, total);
            probe.done(Stage::Sequence);
            total = Some(judged.total);
            parts.push(ModalityOutput {
                modality,
                share: judged.share,
                logits: judged.logits,
                lens: lens.clone(),
                input_size: Some(modality.input_size()),
                attention: output.attention,
                flattened: Some(output.flattened),
                pooled: Some(output.pooled),
            });
        }
        Ok(Output {
            logits: total.ok_or(ForwardError::NoInput)?,
            modalities: parts,
            kind: self.config.computed_as(),
            widths: self.config.widths,
            flatten: [self.config.flatten_dim, self.config.trans_dim],
            query_dim: self.config.text_dim,
            activation: self.config.activation,
            dither: self.config.dither,
        })
    }

    /// [`forward_async`](Self::forward_async), waiting for the device: for native programs.
    ///
    /// # Errors
    /// As [`forward_async`](Self::forward_async).
    pub fn forward(&self, batch: &Batch) -> Result<Output, ForwardError> {
        crate::wait(self.forward_async(batch))
    }

    /// The low-level features of a sparse branch, `[rows, width, height / 2, width / 2]`; `None`
    /// for FE2E and for modalities the model does not have.
    #[must_use]
    pub fn low_level(&self, modality: Modality, rows: &Tensor<4>) -> Option<Tensor<4>> {
        let (branch, scale) = match modality {
            Modality::Text => return None,
            Modality::Visual => (self.visual.as_ref()?, Some(&FACE_SCALE)),
            Modality::Acoustic => (self.acoustic.as_ref()?, None),
        };
        match &branch.cnn {
            Cnn::Dense(_) => None,
            Cnn::Sparse(cnn) => Some(cnn.low_level(rows.clone(), scale)),
        }
    }

    /// The weights of the modalities `[modalities, 1]` and the place of one of them, where there are several.
    fn fusion(&self, modality: Modality) -> Option<(Tensor<2>, usize)> {
        let place = self.config.modalities.iter().position(|m| m == modality);
        let layer = self.weighted_fusion.as_ref();
        layer
            .zip(place)
            .map(|(layer, place)| (layer.weight.val(), place))
    }

    /// The number of utterances the inputs agree on.
    fn utterances(&self, batch: &Batch) -> Result<usize, ForwardError> {
        if let Some(text) = &batch.text {
            let [utterances, dim] = text.dims();
            if dim != self.config.text_dim || utterances == 0 {
                return Err(ForwardError::Shape {
                    input: "text",
                    expected: format!("[utterances, {}]", self.config.text_dim),
                    found: text.dims().to_vec(),
                });
            }
            return Ok(utterances);
        }
        if self.config.computed_as() == ModelKind::Mesm {
            return Err(ForwardError::TextNeeded);
        }
        if batch.faces.is_some() && self.visual.is_some() {
            Ok(batch.face_lens.len())
        } else if batch.mels.is_some() && self.acoustic.is_some() {
            Ok(batch.mel_lens.len())
        } else {
            Err(ForwardError::NoInput)
        }
    }
}

impl Branch {
    fn new(config: &ModelConfig, modality: Modality, device: &Device) -> Self {
        let channels = modality.channels();
        let (height, width) = modality.input_size();
        let features = config.widths[3] * (height / 16) * (width / 16);
        let cnn = match config.kind {
            ModelKind::Fe2e => Cnn::Dense(DenseCnn::new(channels, config.widths, device)),
            ModelKind::Mesm => Cnn::Sparse(SparseCnn::new(
                channels,
                config.widths,
                config.text_dim,
                config.attention,
                config.dither,
                config.calibrated_at.len(),
                device,
            )),
        };
        Self {
            cnn,
            flatten: Flatten {
                hidden: LinearConfig::new(features, config.flatten_dim).init(device),
                output: LinearConfig::new(config.flatten_dim, config.trans_dim).init(device),
            },
            transformer: SequenceEncoder::new(
                SequenceConfig {
                    dim: config.trans_dim,
                    layers: config.trans_layers,
                    heads: config.trans_heads,
                    feedforward: config.trans_feedforward,
                    dropout: config.dropout,
                },
                device,
            ),
            out: LinearConfig::new(config.trans_dim, config.classes.len()).init(device),
        }
    }

    async fn forward(
        &self,
        rows: Tensor<4>,
        scale: Option<&ChannelScale>,
        lens: &[usize],
        text: Option<&Tensor<2>>,
        config: &ModelConfig,
        probe: Probe<'_>,
    ) -> Result<BranchOutput, ForwardError> {
        let (map, attention) = match &self.cnn {
            Cnn::Dense(cnn) => (cnn.forward(rows, scale), Vec::new()),
            Cnn::Sparse(cnn) => {
                let options = SparseOptions {
                    top_p: config.top_p,
                    dither: config.dither,
                    point_order: config.point_order,
                    attention: config.attention,
                    path: config.sparse_path,
                };
                cnn.forward(rows, scale, text.cloned(), lens, options, probe)
                    .await?
            }
        };
        if attention.is_empty() {
            probe.done(Stage::LowLevel);
        }
        let hidden = linear_relu_of_maps(&self.flatten.hidden, map);
        let flattened = linear(&self.flatten.output, hidden);
        probe.done(Stage::Flatten);
        let pooled = self.transformer.forward(flattened.clone(), lens);
        Ok(BranchOutput {
            flattened,
            pooled,
            attention,
        })
    }
}

fn check_rows(
    modality: Modality,
    rows: &Tensor<4>,
    lens: &[usize],
    utterances: usize,
) -> Result<(), ForwardError> {
    let input = if modality == Modality::Visual {
        "faces"
    } else {
        "mels"
    };
    let [count, channels, height, width] = rows.dims();
    let expected = modality.input_size();
    if count == 0 || channels != modality.channels() || (height, width) != expected {
        return Err(ForwardError::Shape {
            input,
            expected: format!(
                "[at least 1, {}, {}, {}]",
                modality.channels(),
                expected.0,
                expected.1
            ),
            found: rows.dims().to_vec(),
        });
    }
    if lens.len() != utterances || lens.iter().sum::<usize>() != count {
        return Err(ForwardError::Lengths {
            input,
            lens: lens.to_vec(),
            rows: count,
            utterances,
        });
    }
    Ok(())
}
