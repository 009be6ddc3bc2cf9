//! Parameters from the checkpoints that `torch.save` writes (`.pt`, PyTorch 1.6 and later).
//!
//! Such a file is a ZIP archive: `data.pkl`, a pickle that names the tensors, and one stored
//! entry per storage under `data/`. The pickle is read as data and never executed: calls in it
//! are recorded, and only the three that rebuild tensors are understood.

mod archive;
mod pickle;
mod state_dict;
mod tensor;

use std::collections::BTreeMap;

use self::archive::Archive;
use self::tensor::StoredTensor;
use super::safetensors_source::Limits;
use super::source::{ParamSource, ParamSpec, WeightsError, check_finite, check_names, check_shape};

/// Integer buffers of PyTorch and Hugging Face modules that no model here has: they are left out
/// of a checkpoint. Any other integer tensor is an error when it is asked for.
const INTEGER_BUFFERS: [&str; 3] = ["num_batches_tracked", "position_ids", "token_type_ids"];

/// A PyTorch checkpoint held in memory: a state dict, alone or under `state_dict`,
/// `model_state_dict` or `model` of a dictionary.
///
/// In the authors' files the multimodal model's names stand bare, ALBERT's under `T.albert.` and
/// the face detector's under `mtcnn.`:
///
/// ```no_run
/// # fn main() -> Result<(), mesm::weights::WeightsError> {
/// # let bytes = Vec::new();
/// use mesm::weights::{Checkpoint, Limits};
/// let checkpoint = Checkpoint::new(&bytes, Limits::default())?;
/// let text = checkpoint.clone().under("T.albert.");
/// let multimodal = checkpoint.without(["T.", "mtcnn."]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Checkpoint<'a> {
    tensors: BTreeMap<String, StoredTensor<'a>>,
}

impl<'a> Checkpoint<'a> {
    /// Reads the directory and the pickle of `bytes` and checks every checksum; the values stay
    /// where they are until they are taken.
    ///
    /// # Errors
    /// When the bytes exceed the limit, are no such archive, hold something else than a state
    /// dict, or describe tensors that reach outside their storage.
    pub fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, WeightsError> {
        if bytes.len() > limits.bytes {
            return Err(WeightsError::TooLarge {
                found: bytes.len(),
                limit: limits.bytes,
            });
        }
        let mut archive = Archive::open(bytes)?;
        let pickle = pickle::read(archive.pickle()?)?;
        let mut tensors = state_dict::tensors(&pickle, &mut archive)?;
        tensors.retain(|name, tensor| {
            let last = name.rsplit('.').next().unwrap_or_default();
            tensor.is_float() || !INTEGER_BUFFERS.contains(&last)
        });
        Ok(Self { tensors })
    }

    /// Keeps only the tensors under `prefix`, and drops it from their names.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        self.tensors = self
            .tensors
            .into_iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor)))
            .collect();
        self
    }

    /// Drops every tensor whose name begins with one of `prefixes`.
    #[must_use]
    pub fn without<'p>(mut self, prefixes: impl IntoIterator<Item = &'p str>) -> Self {
        for prefix in prefixes {
            self.tensors.retain(|name, _| !name.starts_with(prefix));
        }
        self
    }

    /// Whether any tensor's name begins with `prefix`.
    #[must_use]
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.tensors.keys().any(|name| name.starts_with(prefix))
    }

    /// Names and shapes, in the order of the names.
    #[must_use]
    pub fn specs(&self) -> Vec<ParamSpec> {
        self.tensors
            .iter()
            .map(|(name, tensor)| ParamSpec {
                name: name.clone(),
                shape: tensor.shape().to_vec(),
            })
            .collect()
    }

    fn tensor(&self, spec: &ParamSpec) -> Result<&StoredTensor<'a>, WeightsError> {
        let tensor = self
            .tensors
            .get(&spec.name)
            .ok_or_else(|| WeightsError::Missing {
                count: 1,
                first: spec.name.clone(),
            })?;
        check_shape(spec, tensor.shape())?;
        Ok(tensor)
    }
}

impl ParamSource for Checkpoint<'_> {
    fn verify(&self, specs: &[ParamSpec]) -> Result<(), WeightsError> {
        let names: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
        check_names(specs, &names)?;
        for spec in specs {
            self.tensor(spec)?;
        }
        for spec in specs {
            check_finite(&spec.name, &self.tensor(spec)?.floats(&spec.name)?)?;
        }
        Ok(())
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        self.tensor(spec)?.floats(&spec.name)
    }
}

fn malformed(reason: impl Into<String>) -> WeightsError {
    WeightsError::Malformed {
        format: "PyTorch",
        reason: reason.into(),
    }
}
