//! Parameters from safetensors bytes that nobody vouches for.

use std::collections::HashMap;

use half::{bf16, f16};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::de::DeserializeOwned;

use super::quantised::{self, SCALE};
use super::source::{ParamSource, ParamSpec, WeightsError, check_finite, check_names, check_shape};

/// Bounds on what is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest accepted file in bytes.
    pub bytes: usize,
}

impl Default for Limits {
    /// 1 GiB: four times the largest text encoder in use here.
    fn default() -> Self {
        Self { bytes: 1 << 30 }
    }
}

/// A safetensors file held in memory.
#[derive(Debug)]
pub struct SafetensorsSource<'a> {
    file: SafeTensors<'a>,
    metadata: HashMap<String, String>,
    prefix: Option<String>,
    excluded: Vec<String>,
    ignored: Vec<String>,
}

impl<'a> SafetensorsSource<'a> {
    /// Reads the header of `bytes`; tensors stay where they are until they are taken.
    ///
    /// # Errors
    /// When the bytes exceed the limit or the header is not that of a safetensors file whose
    /// offsets lie inside the bytes.
    pub fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, WeightsError> {
        if bytes.len() > limits.bytes {
            return Err(WeightsError::TooLarge {
                found: bytes.len(),
                limit: limits.bytes,
            });
        }
        let malformed = |error: safetensors::SafeTensorError| WeightsError::Malformed {
            format: "safetensors",
            reason: error.to_string(),
        };
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let file = SafeTensors::deserialize(bytes).map_err(malformed)?;
        Ok(Self {
            file,
            metadata,
            prefix: None,
            excluded: Vec::new(),
            ignored: Vec::new(),
        })
    }

    /// Reads only the tensors under `prefix`, and drops it from their names.
    #[must_use]
    pub fn under(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Leaves out every tensor whose full name begins with one of `prefixes`: other parts of one file.
    #[must_use]
    pub fn without<P: Into<String>>(mut self, prefixes: impl IntoIterator<Item = P>) -> Self {
        self.excluded.extend(prefixes.into_iter().map(Into::into));
        self
    }

    /// Names (after the prefix is dropped) that may be present and are not read: integer buffers
    /// such as BERT's `embeddings.position_ids`, heads that are not used.
    #[must_use]
    pub fn ignoring<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.ignored.extend(names.into_iter().map(Into::into));
        self
    }

    /// The file's free-form metadata.
    #[must_use]
    pub fn metadata(&self) -> &HashMap<String, String> {
        &self.metadata
    }

    /// An entry of the file's metadata that holds JSON; `None` where there is no such entry.
    ///
    /// # Errors
    /// When it is not what is wanted.
    pub fn entry<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, serde_json::Error> {
        self.metadata
            .get(name)
            .map(|json| serde_json::from_str(json))
            .transpose()
    }

    /// Whether any tensor's name begins with `prefix`.
    #[must_use]
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.file
            .names()
            .iter()
            .any(|name| name.starts_with(prefix))
    }

    fn names(&self) -> Vec<&str> {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        self.file
            .names()
            .into_iter()
            .filter(|name| !self.excluded.iter().any(|out| name.starts_with(out)))
            .filter_map(|name| name.strip_prefix(prefix))
            .filter(|name| !self.ignored.iter().any(|ignored| ignored == name))
            .filter(|name| !self.is_scale(name))
            .collect()
    }

    /// Whether a tensor is the scales of another.
    fn is_scale(&self, name: &str) -> bool {
        name.strip_suffix(SCALE)
            .and_then(|matrix| self.view(matrix).ok())
            .is_some_and(|matrix| quantised::is_quantised(matrix.dtype()))
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, WeightsError> {
        let view = self.view(name)?;
        Ok(quantised::shape(view.dtype(), view.shape()))
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, WeightsError> {
        let view = self.view(name)?;
        let scale_name = format!("{name}{SCALE}");
        match self.view(&scale_name) {
            Ok(scale) if quantised::is_quantised(view.dtype()) => {
                quantised::read(name, &view, &floats(&scale_name, &scale)?, scale.shape())
            }
            _ => floats(name, &view),
        }
    }

    fn view(&self, name: &str) -> Result<TensorView<'_>, WeightsError> {
        let full = format!("{}{name}", self.prefix.as_deref().unwrap_or_default());
        self.file.tensor(&full).map_err(|_| WeightsError::Missing {
            count: 1,
            first: full,
        })
    }
}

impl ParamSource for SafetensorsSource<'_> {
    fn verify(&self, specs: &[ParamSpec]) -> Result<(), WeightsError> {
        check_names(specs, &self.names())?;
        // Shapes of all tensors before the values of any: the cheap check first.
        for spec in specs {
            check_shape(spec, &self.shape(&spec.name)?)?;
        }
        for spec in specs {
            check_finite(&spec.name, &self.values(&spec.name)?)?;
        }
        Ok(())
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        check_shape(spec, &self.shape(&spec.name)?)?;
        self.values(&spec.name)
    }
}

#[allow(clippy::cast_possible_truncation)] // f64 weights are rounded once, on purpose
fn floats(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, WeightsError> {
    let data = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => read::<4>(data, f32::from_le_bytes),
        Dtype::F16 => read::<2>(data, |b| f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => read::<2>(data, |b| bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => read::<8>(data, |b| f64::from_le_bytes(b) as f32),
        other => {
            return Err(WeightsError::Dtype {
                name: name.to_owned(),
                dtype: format!("{other:?}"),
            });
        }
    })
}

fn read<const N: usize>(data: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.as_chunks::<N>()
        .0
        .iter()
        .map(|b| convert(*b))
        .collect()
}
