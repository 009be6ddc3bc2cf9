//! Writing a module's parameters as safetensors bytes.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use half::f16;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::Value;

use super::keys::{Step, is_transposed};
use super::load::{spec_at, transpose};
use super::quantised::{self, Bits, SCALE, Stored};
use super::source::{NamedTensors, ParamSpec, WeightsError, check_finite};

/// How floats are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatFormat {
    /// 4 bytes a value, exact.
    F32,
    /// 2 bytes a value; values beyond the range of half precision are refused.
    F16,
    /// 1 byte a value of a matrix, with a scale a row; 2 bytes elsewhere.
    Int8,
    /// As [`Self::Int8`], but half a byte for the table of word embeddings, with a scale for 32 values: half of a small
    /// text encoder is that table.
    Int8WithInt4Words,
}

/// Ends the name of the table of word embeddings.
const WORDS: &str = "word_embeddings.weight";

impl FloatFormat {
    /// In how many bits the whole numbers of this tensor are stored; `None` for floats.
    fn bits(self, name: &str, shape: &[usize]) -> Option<Bits> {
        let bits = match self {
            Self::F32 | Self::F16 => return None,
            Self::Int8WithInt4Words if name.ends_with(WORDS) => Bits::Four,
            Self::Int8 | Self::Int8WithInt4Words => Bits::Eight,
        };
        bits.for_shape(shape)
    }
}

/// The module's parameters and buffers by state-dict name, in PyTorch's layout.
///
/// # Errors
/// When a parameter cannot be read from its device.
pub async fn read_params_async<M: Module>(module: &M) -> Result<NamedTensors, WeightsError> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    let mut tensors = NamedTensors::default();
    for Pending {
        spec,
        transposed,
        read,
    } in collector.pending
    {
        let mut values = read.await.map_err(|reason| WeightsError::Device {
            name: spec.name.clone(),
            reason,
        })?;
        if transposed {
            // Burn's rows are PyTorch's columns.
            values = transpose(&values, spec.shape[1], spec.shape[0]);
        }
        tensors.insert(spec.name, spec.shape, values);
    }
    Ok(tensors)
}

/// [`read_params_async`], waiting for the device. Not for the browser, where a device can only be
/// read asynchronously.
///
/// # Errors
/// As [`read_params_async`].
pub fn read_params<M: Module>(module: &M) -> Result<NamedTensors, WeightsError> {
    crate::wait(read_params_async(module))
}

/// Tensors as the bytes of a safetensors file, with `metadata` in its header.
///
/// # Errors
/// When a value is not finite or does not fit the format.
#[allow(clippy::implicit_hasher)] // the safetensors crate takes this one
pub fn export_safetensors(
    tensors: &NamedTensors,
    format: FloatFormat,
    metadata: HashMap<String, String>,
) -> Result<Vec<u8>, WeightsError> {
    let mut encoded = Vec::new();
    for (name, shape, values) in tensors.iter() {
        encode(&mut encoded, name, shape, values, format)?;
    }
    let malformed = |error: safetensors::SafeTensorError| WeightsError::Malformed {
        format: "safetensors",
        reason: error.to_string(),
    };
    let views = encoded
        .iter()
        .map(|(name, tensor)| {
            TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)
                .map(|view| (name.as_str(), view))
                .map_err(malformed)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut bytes = serialize(views, Some(metadata)).map_err(malformed)?;
    sort_header(&mut bytes);
    Ok(bytes)
}

/// Sorts the entries of a safetensors header: the crate writes the metadata in the order of a hash map, which is another
/// one in every process, and the same weights should be the same bytes.
fn sort_header(bytes: &mut [u8]) {
    let Some((length, rest)) = bytes.split_first_chunk_mut::<8>() else {
        return;
    };
    let length = u64::from_le_bytes(*length) as usize;
    let Some(header) = rest.get_mut(..length) else {
        return;
    };
    let Ok(entries) = serde_json::from_slice::<BTreeMap<String, Value>>(header) else {
        return;
    };
    // Objects within are sorted too: `Value` keeps them so.
    let Ok(sorted) = serde_json::to_vec(&entries) else {
        return;
    };
    // Spaces fill the header up to a multiple of eight, as before.
    if sorted.len() <= header.len() {
        header.fill(b' ');
        header[..sorted.len()].copy_from_slice(&sorted);
    }
}

fn encode(
    out: &mut Vec<(String, Stored)>,
    name: &str,
    shape: &[usize],
    values: &[f32],
    format: FloatFormat,
) -> Result<(), WeightsError> {
    check_finite(name, values)?;
    if let Some(bits) = format.bits(name, shape) {
        let [numbers, scales] = quantised::store(values, shape, bits);
        out.push((name.to_owned(), numbers));
        out.push((format!("{name}{SCALE}"), scales));
        return Ok(());
    }
    let (dtype, bytes) = if format == FloatFormat::F32 {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        (Dtype::F32, bytes)
    } else {
        (Dtype::F16, halves(name, values)?)
    };
    let shape = shape.to_vec();
    out.push((
        name.to_owned(),
        Stored {
            dtype,
            shape,
            bytes,
        },
    ));
    Ok(())
}

fn halves(name: &str, values: &[f32]) -> Result<Vec<u8>, WeightsError> {
    let halves: Vec<f16> = values.iter().map(|v| f16::from_f32(*v)).collect();
    if let Some(index) = halves.iter().position(|h| !h.is_finite()) {
        return Err(WeightsError::NotFinite {
            name: name.to_owned(),
            index,
            value: values[index],
        });
    }
    Ok(halves.iter().flat_map(|h| h.to_le_bytes()).collect())
}

type ReadFuture = std::pin::Pin<Box<dyn Future<Output = Result<Vec<f32>, String>>>>;

struct Pending {
    spec: ParamSpec,
    transposed: bool,
    read: ReadFuture,
}

#[derive(Default)]
struct Collector {
    path: Vec<Step>,
    pending: Vec<Pending>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(Step {
            container: container_type.to_owned(),
            field: name.to_owned(),
        });
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        let spec = spec_at(&self.path, tensor.dims().to_vec());
        self.pending.push(Pending {
            spec,
            transposed: is_transposed(&self.path),
            read: Box::pin(async move {
                let data = tensor
                    .into_data_async()
                    .await
                    .map_err(|error| format!("{error:?}"))?;
                data.try_to_vec::<f32>()
                    .map_err(|error| format!("{error:?}"))
            }),
        });
    }
}
