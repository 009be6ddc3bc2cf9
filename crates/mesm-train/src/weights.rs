//! Trained weights as a file that the program and the page read.

use std::collections::HashMap;

use mesm::text::TextEncoder;
use mesm::weights::{
    CONFIG, FloatFormat, Limits, MEL, NamedTensors, ParamSource, ParamSpec, SafetensorsSource,
    WeightsError, export_safetensors, load_params, read_params,
};
use mesm::{Modality, Model};
use mesm_features::mel::MelConfig;
use serde::Serialize;

use crate::features::FeatureSettings;
use crate::learner::{EndToEnd, Learner};

/// Names of the text encoder's parameters begin so.
pub const TEXT_PREFIX: &str = "text_encoder.";
/// Entry of a weights file's header with what a two-phase model's features are, [`FeatureSettings`] as JSON.
pub const FEATURES: &str = "features";
/// Names of the text encoder's pooler begin so.
const POOLER: &str = "pooler.";

/// Parts of a [`snapshot`] by the prefix of their names.
const MODEL_PART: &str = "model.";
const ENCODER_PART: &str = "encoder.";

/// What a learner's inputs are made of; goes with its weights.
#[derive(Debug, Clone, PartialEq)]
pub enum InputSettings {
    /// The spectrogram of an end-to-end model.
    Spectrogram(MelConfig),
    /// The features of a two-phase one.
    Features(FeatureSettings),
}

/// The learner as safetensors: the model by the names of its state dict, the text encoder under [`TEXT_PREFIX`], their
/// settings in the header.
///
/// # Errors
/// When a value is not finite or does not fit the format.
pub fn to_bytes(
    learner: &Learner,
    inputs: &InputSettings,
    format: FloatFormat,
) -> Result<Vec<u8>, WeightsError> {
    match learner {
        Learner::EndToEnd(learner) => {
            let mut tensors = read_params(&learner.model)?;
            for (name, shape, values) in read_params(&learner.encoder)?.iter() {
                let name = format!("{TEXT_PREFIX}{name}");
                tensors.insert(name, shape.to_vec(), values.to_vec());
            }
            export_safetensors(&tensors, format, header(learner.model.config(), inputs))
        }
        Learner::TwoPhase(model) => {
            export_safetensors(&read_params(model)?, format, header(model.config(), inputs))
        }
    }
}

/// A model without a text encoder, as [`to_bytes`] writes it.
///
/// # Errors
/// As [`to_bytes`].
pub fn model_to_bytes(
    model: &Model,
    inputs: &InputSettings,
    format: FloatFormat,
) -> Result<Vec<u8>, WeightsError> {
    export_safetensors(&read_params(model)?, format, header(model.config(), inputs))
}

/// A text encoder as the `model.safetensors` of a folder of its own. The pooler, which no model here reads, stays out.
///
/// # Errors
/// As [`to_bytes`].
pub fn encoder_to_bytes(
    encoder: &TextEncoder,
    format: FloatFormat,
) -> Result<Vec<u8>, WeightsError> {
    let mut tensors = NamedTensors::default();
    for (name, shape, values) in read_params(encoder)?.iter() {
        if !name.starts_with(POOLER) {
            tensors.insert(name, shape.to_vec(), values.to_vec());
        }
    }
    export_safetensors(&tensors, format, HashMap::new())
}

fn header(config: &impl Serialize, inputs: &InputSettings) -> HashMap<String, String> {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let inputs = match inputs {
        InputSettings::Spectrogram(mel) => (MEL, json(serde_json::to_string(mel))),
        InputSettings::Features(features) => (FEATURES, json(serde_json::to_string(features))),
    };
    HashMap::from([
        (CONFIG.to_owned(), json(serde_json::to_string(config))),
        (inputs.0.to_owned(), inputs.1),
    ])
}

/// `learner` with the parameters of a file that [`to_bytes`] wrote.
///
/// # Errors
/// When the file does not hold exactly the learner's parameters.
pub fn from_bytes(learner: Learner, bytes: &[u8]) -> Result<Learner, WeightsError> {
    let source = || SafetensorsSource::new(bytes, Limits::default());
    Ok(match learner {
        Learner::EndToEnd(learner) => Learner::EndToEnd(EndToEnd {
            model: load_params(learner.model, &mut source()?.without([TEXT_PREFIX]))?,
            encoder: load_params(learner.encoder, &mut source()?.under(TEXT_PREFIX))?,
        }),
        Learner::TwoPhase(model) => Learner::TwoPhase(load_params(model, &mut source()?)?),
    })
}

/// `learner` with one modality's part of a file that [`to_bytes`] wrote, perhaps for a model of fewer modalities: its
/// branch, or for the text its output layer and the text encoder. Everything else stays. Of several files the mean is
/// taken: runs that went on from the same weights are better together than each alone (Wortsman et al., 2022).
///
/// # Errors
/// When a file lacks a parameter of that part or has it in another shape.
pub fn with_part(
    learner: EndToEnd,
    modality: Modality,
    files: &[impl AsRef<[u8]>],
) -> Result<EndToEnd, WeightsError> {
    let mean = |change: fn(SafetensorsSource<'_>) -> SafetensorsSource<'_>| {
        let open = |bytes| SafetensorsSource::new(bytes, Limits::default()).map(change);
        let sources = files.iter().map(AsRef::as_ref).map(open);
        Ok::<_, WeightsError>(Mean(sources.collect::<Result<Vec<_>, _>>()?))
    };
    let prefixes = match modality {
        Modality::Text => ["t_", "t_"],
        Modality::Visual => ["V.", "v_"],
        Modality::Acoustic => ["A.", "a_"],
    };
    let mut parts = Parts {
        kept: read_params(&learner.model)?,
        prefixes,
        file: mean(|source| source)?,
    };
    let encoder = match modality {
        Modality::Text => load_params(
            learner.encoder,
            &mut mean(|source| source.under(TEXT_PREFIX))?,
        )?,
        Modality::Visual | Modality::Acoustic => learner.encoder,
    };
    Ok(EndToEnd {
        model: load_params(learner.model, &mut parts)?,
        encoder,
    })
}

/// `model` with `shift`, a value a class, added to what one modality says of each.
///
/// # Errors
/// When the model does not have that modality, `shift` has another length, or the device cannot be read.
pub fn with_shift(model: Model, modality: Modality, shift: &[f32]) -> Result<Model, WeightsError> {
    let name = format!("{}_out.bias", modality.letter());
    let mut params = read_params(&model)?;
    let known = params.iter().find(|(known, ..)| **known == name);
    let mut values = known.map_or_else(Vec::new, |(_, _, values)| values.to_vec());
    if values.len() != shift.len() {
        return Err(WeightsError::Shape {
            name,
            expected: vec![values.len()],
            found: vec![shift.len()],
        });
    }
    for (value, shift) in values.iter_mut().zip(shift) {
        *value += shift;
    }
    params.insert(name, vec![values.len()], values);
    load_params(model, &mut params)
}

/// A model's own parameters, those under some prefixes from a file.
struct Parts<'a> {
    kept: NamedTensors,
    prefixes: [&'static str; 2],
    file: Mean<'a>,
}

/// The mean of some files.
struct Mean<'a>(Vec<SafetensorsSource<'a>>);

impl ParamSource for Mean<'_> {
    fn verify(&self, specs: &[ParamSpec]) -> Result<(), WeightsError> {
        self.0.iter().try_for_each(|file| file.verify(specs))
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        let count = self.0.len() as f32;
        let mut sum: Vec<f32> = Vec::new();
        for file in &mut self.0 {
            let values = file.take(spec)?;
            sum.resize(values.len(), 0.0);
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum += value / count;
            }
        }
        Ok(sum)
    }
}

impl ParamSource for Parts<'_> {
    fn verify(&self, specs: &[ParamSpec]) -> Result<(), WeightsError> {
        self.kept.verify(specs)
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        if self.prefixes.iter().any(|p| spec.name.starts_with(p)) {
            self.file.take(spec)
        } else {
            self.kept.take(spec)
        }
    }
}

/// All parameters and buffers of the learner by name.
///
/// # Errors
/// When the device cannot be read.
pub fn snapshot(learner: &Learner) -> Result<NamedTensors, WeightsError> {
    let mut all = NamedTensors::default();
    let mut add = |prefix: &str, part: NamedTensors| {
        for (name, shape, values) in part.iter() {
            all.insert(format!("{prefix}{name}"), shape.to_vec(), values.to_vec());
        }
    };
    match learner {
        Learner::EndToEnd(learner) => {
            add(MODEL_PART, read_params(&learner.model)?);
            add(ENCODER_PART, read_params(&learner.encoder)?);
        }
        Learner::TwoPhase(model) => add(MODEL_PART, read_params(model)?),
    }
    Ok(all)
}

/// `learner` with the parameters of a [`snapshot`].
///
/// # Errors
/// When the snapshot is of another learner.
pub fn restored(learner: Learner, snapshot: &NamedTensors) -> Result<Learner, WeightsError> {
    let part = |prefix: &str| {
        let mut part = NamedTensors::default();
        for (name, shape, values) in snapshot.iter() {
            if let Some(name) = name.strip_prefix(prefix) {
                part.insert(name, shape.to_vec(), values.to_vec());
            }
        }
        part
    };
    Ok(match learner {
        Learner::EndToEnd(learner) => Learner::EndToEnd(EndToEnd {
            model: load_params(learner.model, &mut part(MODEL_PART))?,
            encoder: load_params(learner.encoder, &mut part(ENCODER_PART))?,
        }),
        Learner::TwoPhase(model) => Learner::TwoPhase(load_params(model, &mut part(MODEL_PART))?),
    })
}
