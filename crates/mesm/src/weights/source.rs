//! Where parameters come from, and what can be wrong with them.

use std::collections::BTreeMap;

use thiserror::Error;

/// The state-dict name and shape of one parameter or buffer, as PyTorch writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamSpec {
    /// State-dict key, for example `V.low_level.0.weight`.
    pub name: String,
    /// PyTorch's shape: linear weights are `[out, in]`, convolutions `[out, in, height, width]`,
    /// submanifold convolutions `[9, 1, in, out]`.
    pub shape: Vec<usize>,
}

/// What is wrong with a set of weights.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// The bytes are larger than the stated limit.
    #[error(
        "the weights are {found} bytes; at most {limit} are read. Export a smaller file or raise the limit"
    )]
    TooLarge {
        /// Size of the input in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The container itself could not be read.
    #[error("the weights are not a readable {format} file: {reason}")]
    Malformed {
        /// `safetensors` or `PyTorch`.
        format: &'static str,
        /// The parser's own words.
        reason: String,
    },
    /// Parameters of the model are absent from the source.
    #[error(
        "{count} parameter(s) of the model are missing from the weights, first `{first}`: was the file made for another model configuration?"
    )]
    Missing {
        /// How many are missing.
        count: usize,
        /// Name of the first one.
        first: String,
    },
    /// The source holds tensors that the model does not have.
    #[error(
        "the weights hold {count} tensor(s) the model does not have, first `{first}`: was the file made for another model configuration?"
    )]
    Unexpected {
        /// How many are left over.
        count: usize,
        /// Name of the first one.
        first: String,
    },
    /// A tensor has another shape than the model's parameter.
    #[error("`{name}` has shape {found:?}; the model expects {expected:?}")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape in the model.
        expected: Vec<usize>,
        /// Shape in the source.
        found: Vec<usize>,
    },
    /// A tensor is stored in a type that cannot be a float parameter.
    #[error(
        "`{name}` is stored as {dtype}; F32, F16, BF16 or F64 is needed, or I8 or U8 beside `{name}.scale`"
    )]
    Dtype {
        /// Name of the tensor.
        name: String,
        /// The type found.
        dtype: String,
    },
    /// The scales of a matrix of whole numbers are not its own.
    #[error(
        "`{name}.scale` has shape {scale:?}: it does not divide `{name}`, stored as {shape:?}, evenly"
    )]
    Scale {
        /// Name of the matrix.
        name: String,
        /// Its stored shape.
        shape: Vec<usize>,
        /// Shape of the scales.
        scale: Vec<usize>,
    },
    /// A value is NaN or infinite.
    #[error("`{name}` holds {value} at flat index {index}; only finite weights are accepted")]
    NotFinite {
        /// Name of the tensor.
        name: String,
        /// Row-major position of the value.
        index: usize,
        /// The value itself.
        value: f32,
    },
    /// A tensor could not be read back from its device for export.
    #[error("`{name}` could not be read from its device: {reason}")]
    Device {
        /// Name of the tensor.
        name: String,
        /// The backend's own words.
        reason: String,
    },
}

/// A source of parameters by state-dict name.
pub trait ParamSource {
    /// Checks that the source holds exactly `specs`: every name, every shape, nothing else, all
    /// values finite. Called once, before the first [`take`](Self::take), so that a bad file
    /// never touches a device.
    ///
    /// # Errors
    /// The first difference found.
    fn verify(&self, specs: &[ParamSpec]) -> Result<(), WeightsError>;

    /// The values of one parameter in row-major order of PyTorch's shape.
    ///
    /// # Errors
    /// When the parameter is absent or cannot be converted to `f32`.
    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError>;
}

impl<S: ParamSource + ?Sized> ParamSource for Box<S> {
    fn verify(&self, specs: &[ParamSpec]) -> Result<(), WeightsError> {
        (**self).verify(specs)
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        (**self).take(spec)
    }
}

/// Parameters held in memory, name to (shape, values).
#[derive(Debug, Clone, Default)]
pub struct NamedTensors {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl NamedTensors {
    /// Adds or replaces a tensor; `values` are row-major and as many as `shape` says.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(name.into(), (shape, values));
    }

    /// Names, shapes and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize], &[f32])> {
        self.tensors
            .iter()
            .map(|(name, (shape, values))| (name.as_str(), shape.as_slice(), values.as_slice()))
    }
}

impl ParamSource for NamedTensors {
    fn verify(&self, specs: &[ParamSpec]) -> Result<(), WeightsError> {
        let names: Vec<&str> = self.tensors.keys().map(String::as_str).collect();
        check_names(specs, &names)?;
        for spec in specs {
            if let Some((shape, values)) = self.tensors.get(&spec.name) {
                check_shape(spec, shape)?;
                check_finite(&spec.name, values)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        self.tensors
            .remove(&spec.name)
            .map(|(_, values)| values)
            .ok_or_else(|| WeightsError::Missing {
                count: 1,
                first: spec.name.clone(),
            })
    }
}

/// Compares the names of the model with those of a source, both ways.
pub(super) fn check_names(specs: &[ParamSpec], found: &[&str]) -> Result<(), WeightsError> {
    let wanted: std::collections::BTreeSet<&str> = specs.iter().map(|s| s.name.as_str()).collect();
    let present: std::collections::BTreeSet<&str> = found.iter().copied().collect();
    let mut missing = wanted.difference(&present);
    if let Some(first) = missing.next() {
        return Err(WeightsError::Missing {
            count: 1 + missing.count(),
            first: (*first).to_owned(),
        });
    }
    let mut extra = present.difference(&wanted);
    if let Some(first) = extra.next() {
        return Err(WeightsError::Unexpected {
            count: 1 + extra.count(),
            first: (*first).to_owned(),
        });
    }
    Ok(())
}

pub(super) fn check_shape(spec: &ParamSpec, found: &[usize]) -> Result<(), WeightsError> {
    if spec.shape == found {
        return Ok(());
    }
    Err(WeightsError::Shape {
        name: spec.name.clone(),
        expected: spec.shape.clone(),
        found: found.to_vec(),
    })
}

pub(super) fn check_finite(name: &str, values: &[f32]) -> Result<(), WeightsError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(index) => Err(WeightsError::NotFinite {
            name: name.to_owned(),
            index,
            value: values[index],
        }),
    }
}
