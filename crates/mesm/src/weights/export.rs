//! Writing a module's parameters as safetensors bytes.

use std::collections::{BTreeMap, HashMap};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use half::f16;
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::Value;

use super::keys::{Step, is_transposed};
use super::load::{spec_at, transpose};
use super::source::{NamedTensors, ParamSpec, WeightsError, check_finite};

/// How floats are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloatFormat {
    /// 4 bytes a value, exact.
    F32,
    /// 2 bytes a value; values beyond the range of half precision are refused.
    F16,
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
    let dtype = match format {
        FloatFormat::F32 => Dtype::F32,
        FloatFormat::F16 => Dtype::F16,
    };
    let encoded = tensors
        .iter()
        .map(|(name, shape, values)| Ok((name, shape, encode(name, values, format)?)))
        .collect::<Result<Vec<_>, WeightsError>>()?;
    let malformed = |error: safetensors::SafeTensorError| WeightsError::Malformed {
        format: "safetensors",
        reason: error.to_string(),
    };
    let views = encoded
        .iter()
        .map(|(name, shape, bytes)| {
            TensorView::new(dtype, shape.to_vec(), bytes)
                .map(|view| (*name, view))
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

fn encode(name: &str, values: &[f32], format: FloatFormat) -> Result<Vec<u8>, WeightsError> {
    check_finite(name, values)?;
    Ok(match format {
        FloatFormat::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        FloatFormat::F16 => {
            let halves: Vec<f16> = values.iter().map(|v| f16::from_f32(*v)).collect();
            if let Some(index) = halves.iter().position(|h| !h.is_finite()) {
                return Err(WeightsError::NotFinite {
                    name: name.to_owned(),
                    index,
                    value: values[index],
                });
            }
            halves.iter().flat_map(|h| h.to_le_bytes()).collect()
        }
    })
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
