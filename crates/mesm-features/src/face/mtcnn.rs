//! The cascade.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::{Limits, ParamSource, SafetensorsSource, load_params};

use super::area::area_resample;
use super::boxes::{BoundingBox, Overlap, suppress};
use super::config::MtcnnConfig;
use super::detection::{Detection, Stages};
use super::error::FaceError;
use super::nets::{MtcnnNets, ONet, RNet};
use super::pyramid::{CELL, Level, levels};
use crate::picture::{CHANNELS, Intensity, Picture, push_channels_first};

/// The weights are 2 MB; a file larger than this is not theirs.
const WEIGHT_LIMIT: Limits = Limits { bytes: 16 << 20 };

/// Pixels between P-net's positions.
const STRIDE: f32 = 2.0;

/// Overlaps above which the weaker candidate goes: within a pyramid level, between levels and
/// after R-net, after O-net.
const LEVEL_OVERLAP: f32 = 0.5;
const STAGE_OVERLAP: f32 = 0.7;

/// Most candidates that are compared with each other, and most that R-net looks at, best first.
/// A frame with a few people has about 50; the limits keep the time of a hostile one in bounds.
const MAX_COMPARED: usize = 8192;
const MAX_LOOKED_AT: usize = 2048;

/// Candidates in one pass through R-net and O-net.
const BATCH: usize = 256;

/// The face detector.
#[derive(Debug)]
pub struct Mtcnn {
    nets: MtcnnNets,
    config: MtcnnConfig,
    device: Device,
}

/// A box on its way through the cascade.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    bounds: BoundingBox,
    score: f32,
    /// Corrections of the four edges, in sides of the box.
    regression: [f32; 4],
}

impl Mtcnn {
    /// A detector with parameters named `pnet.*`, `rnet.*` and `onet.*` from `source`.
    ///
    /// # Errors
    /// When a setting is out of range or the parameters are not exactly the detector's.
    pub fn new(
        config: MtcnnConfig,
        source: &mut impl ParamSource,
        device: &Device,
    ) -> Result<Self, FaceError> {
        config.validate()?;
        let nets = load_params(MtcnnNets::new(device), source)?;
        Ok(Self {
            nets,
            config,
            device: device.clone(),
        })
    }

    /// A detector with the parameters of a safetensors file.
    ///
    /// # Errors
    /// Those of [`Mtcnn::new`], and when the bytes are no safetensors file or more than 16 MiB.
    pub fn from_safetensors(
        bytes: &[u8],
        config: MtcnnConfig,
        device: &Device,
    ) -> Result<Self, FaceError> {
        Self::new(
            config,
            &mut SafetensorsSource::new(bytes, WEIGHT_LIMIT)?,
            device,
        )
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &MtcnnConfig {
        &self.config
    }

    /// All faces of a frame, the largest box first.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn detect<T: Intensity>(
        &self,
        frame: &Picture<'_, T>,
    ) -> Result<Vec<Detection>, FaceError> {
        Ok(self.detect_traced(frame).await?.0)
    }

    /// [`detect`](Self::detect), and what each stage had to do.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn detect_traced<T: Intensity>(
        &self,
        frame: &Picture<'_, T>,
    ) -> Result<(Vec<Detection>, Stages), FaceError> {
        let mut stages = Stages {
            levels: levels(frame.height(), frame.width(), &self.config),
            ..Stages::default()
        };
        let proposals = self.propose(frame, &stages.levels).await?;
        let faces = self.refine_counted(frame, &proposals, &mut stages).await?;
        Ok((faces, stages))
    }

    /// The faces that R-net and O-net find in `windows` (squares with a face that fills much of
    /// them), the largest box first: a scan without the pyramid, for a place that is known.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn refine<T: Intensity>(
        &self,
        frame: &Picture<'_, T>,
        windows: &[BoundingBox],
    ) -> Result<Vec<Detection>, FaceError> {
        self.refine_counted(frame, windows, &mut Stages::default())
            .await
    }

    /// P-net over the whole pyramid: squares that may hold a face.
    async fn propose<T: Intensity>(
        &self,
        frame: &Picture<'_, T>,
        levels: &[Level],
    ) -> Result<Vec<BoundingBox>, FaceError> {
        let mut outputs = Vec::with_capacity(levels.len());
        let mut grids = Vec::with_capacity(levels.len());
        for level in levels {
            let mut values = Vec::new();
            push_net_input(
                &area_resample(frame, level.height, level.width),
                &mut values,
            );
            let shape = [1, CHANNELS, level.height, level.width];
            let output = self.nets.pnet.forward(Tensor::from_data(
                TensorData::new(values, shape),
                &self.device,
            ));
            let [_, _, height, width] = output.regression.dims();
            grids.push((level.scale as f32, height, width));
            outputs.push(output.probability.slice([0..1, 1..2]).flatten::<1>(0, 3));
            outputs.push(output.regression.flatten::<1>(0, 3));
        }
        if outputs.is_empty() {
            return Ok(Vec::new());
        }
        // One read-back for the whole pyramid.
        let values = host("P-net", Tensor::cat(outputs, 0)).await?;
        let mut rest = values.as_slice();
        let mut candidates = Vec::new();
        for (scale, height, width) in grids {
            let (level, after) = rest.split_at(5 * height * width);
            rest = after;
            let found = self.level_candidates(level, height * width, width, scale);
            candidates.extend(strongest(found, LEVEL_OVERLAP));
        }
        Ok(strongest(candidates, STAGE_OVERLAP)
            .into_iter()
            .take(MAX_LOOKED_AT)
            .map(|c| c.bounds.moved(c.regression, 0.0).squared())
            .collect())
    }

    /// Positions of one level that may hold a face; `values` is `[5, positions]`: probability,
    /// then the four corrections.
    fn level_candidates(
        &self,
        values: &[f32],
        positions: usize,
        width: usize,
        scale: f32,
    ) -> Vec<Candidate> {
        let side = CELL as f32;
        (0..positions)
            .filter(|i| values[*i] >= self.config.thresholds[0])
            .map(|i| {
                let (x, y) = ((i % width) as f32, (i / width) as f32);
                let edge = |at: f32, offset: f32| ((STRIDE * at + offset) / scale).floor();
                Candidate {
                    bounds: BoundingBox {
                        x1: edge(x, 1.0),
                        y1: edge(y, 1.0),
                        x2: edge(x, side),
                        y2: edge(y, side),
                    },
                    score: values[i],
                    regression: std::array::from_fn(|k| values[(k + 1) * positions + i]),
                }
            })
            .collect()
    }

    async fn refine_counted<T: Intensity>(
        &self,
        frame: &Picture<'_, T>,
        windows: &[BoundingBox],
        stages: &mut Stages,
    ) -> Result<Vec<Detection>, FaceError> {
        let (windows, answers) = self.look(frame, windows, Net::R).await?;
        stages.rnet_candidates = windows.len();
        let passed = windows
            .iter()
            .zip(answers.as_chunks::<{ Net::R.values() }>().0)
            .filter(|(_, answer)| answer[0] > self.config.thresholds[1])
            .map(|(bounds, answer)| Candidate {
                bounds: *bounds,
                score: answer[0],
                regression: [answer[1], answer[2], answer[3], answer[4]],
            })
            .collect();
        let windows: Vec<BoundingBox> = strongest(passed, STAGE_OVERLAP)
            .into_iter()
            .map(|c| c.bounds.moved(c.regression, 1.0).squared())
            .collect();

        let (windows, answers) = self.look(frame, &windows, Net::O).await?;
        stages.onet_candidates = windows.len();
        let passed: Vec<Detection> = windows
            .iter()
            .zip(answers.as_chunks::<{ Net::O.values() }>().0)
            .filter(|(_, answer)| answer[0] > self.config.thresholds[2])
            .map(|(bounds, answer)| Detection::from_answer(bounds, answer))
            .collect();
        let boxes: Vec<BoundingBox> = passed.iter().map(Detection::bounding_box).collect();
        let scores: Vec<f32> = passed.iter().map(|face| face.probability).collect();
        let mut faces: Vec<Detection> = suppress(&boxes, &scores, STAGE_OVERLAP, Overlap::Smaller)
            .into_iter()
            .map(|i| passed[i])
            .collect();
        faces.sort_by(|a, b| b.bounding_box().area().total_cmp(&a.bounding_box().area()));
        Ok(faces)
    }

    /// One network's answers for the part of every window inside the frame; windows that lie
    /// outside are left out. The answers are `[windows, values]`: probability, corrections of
    /// the edges, landmarks.
    async fn look<T: Intensity>(
        &self,
        frame: &Picture<'_, T>,
        windows: &[BoundingBox],
        net: Net,
    ) -> Result<(Vec<BoundingBox>, Vec<f32>), FaceError> {
        let (inside, parts): (Vec<BoundingBox>, Vec<Picture<'_, T>>) = windows
            .iter()
            .filter_map(|window| {
                let (x0, y0, x1, y1) = window.pixels(frame.width(), frame.height());
                Some((*window, frame.window(x0, y0, x1, y1)?))
            })
            .unzip();
        let side = net.side();
        let mut outputs = Vec::new();
        for parts in parts.chunks(BATCH) {
            let mut values = Vec::with_capacity(parts.len() * CHANNELS * side * side);
            for part in parts {
                push_net_input(&area_resample(part, side, side), &mut values);
            }
            let shape = [parts.len(), CHANNELS, side, side];
            let input = Tensor::from_data(TensorData::new(values, shape), &self.device);
            outputs.push(match net {
                Net::R => {
                    let output = self.nets.rnet.forward(input);
                    Tensor::cat(
                        vec![face_probability(output.probability), output.regression],
                        1,
                    )
                }
                Net::O => {
                    let output = self.nets.onet.forward(input);
                    let probability = face_probability(output.probability);
                    Tensor::cat(vec![probability, output.regression, output.landmarks], 1)
                }
            });
        }
        if outputs.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let answers = host(net.name(), Tensor::cat(outputs, 0)).await?;
        Ok((inside, answers))
    }
}

/// The two networks that look at single candidates.
#[derive(Debug, Clone, Copy)]
enum Net {
    R,
    O,
}

impl Net {
    const fn name(self) -> &'static str {
        match self {
            Self::R => "R-net",
            Self::O => "O-net",
        }
    }

    const fn side(self) -> usize {
        match self {
            Self::R => RNet::SIDE,
            Self::O => ONet::SIDE,
        }
    }

    /// Numbers in an answer.
    const fn values(self) -> usize {
        match self {
            Self::R => 5,
            Self::O => 15,
        }
    }
}

/// `[batch, 2]` to the second column, `[batch, 1]`.
fn face_probability(probability: Tensor<2>) -> Tensor<2> {
    let [batch, _] = probability.dims();
    probability.slice([0..batch, 1..2])
}

/// The candidates that no better one overlaps, best first, at most [`MAX_COMPARED`].
fn strongest(mut candidates: Vec<Candidate>, limit: f32) -> Vec<Candidate> {
    if candidates.len() > MAX_COMPARED {
        candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
        candidates.truncate(MAX_COMPARED);
    }
    let boxes: Vec<BoundingBox> = candidates.iter().map(|c| c.bounds).collect();
    let scores: Vec<f32> = candidates.iter().map(|c| c.score).collect();
    suppress(&boxes, &scores, limit, Overlap::Union)
        .into_iter()
        .map(|i| candidates[i])
        .collect()
}

/// `[height, width, 3]` of 0..255 as a network's input, `[3, height, width]`.
fn push_net_input(interleaved: &[f32], out: &mut Vec<f32>) {
    push_channels_first(interleaved, |value| (value - 127.5) * 0.007_812_5, out);
}

/// The values of a tensor, without blocking.
async fn host<const D: usize>(net: &'static str, tensor: Tensor<D>) -> Result<Vec<f32>, FaceError> {
    let data = tensor
        .into_data_async()
        .await
        .map_err(|error| FaceError::Device {
            net,
            reason: format!("{error:?}"),
        })?;
    data.convert::<f32>()
        .try_to_vec()
        .map_err(|error| FaceError::Device {
            net,
            reason: format!("{error:?}"),
        })
}
