//! A model with its inputs and its answer, for other programs to compute the same.

use std::collections::HashMap;

use burn::tensor::Tensor;
use mesm::weights::{FloatFormat, export_safetensors, read_params_async};
use mesm::{Batch, Model};

use crate::BenchError;

/// The model's parameters by their state-dict names, the batch as `input.text`, `input.faces` and `input.mels`, and the
/// `logits`, as safetensors bytes.
///
/// # Errors
/// When the device fails.
pub async fn case(model: &Model, batch: &Batch) -> Result<Vec<u8>, BenchError> {
    let mut tensors = read_params_async(model).await?;
    let logits = model.forward_async(batch).await?.logits;
    let named = [
        ("input.text", batch.text.clone().map(flat)),
        ("input.faces", batch.faces.clone().map(flat)),
        ("input.mels", batch.mels.clone().map(flat)),
        ("logits", Some(flat(logits))),
    ];
    for (name, found) in named {
        let Some((shape, values)) = found else {
            continue;
        };
        let values = values
            .into_data_async()
            .await
            .map_err(|error| BenchError::Device(format!("{error:?}")))?
            .try_to_vec()
            .map_err(|error| BenchError::Device(format!("{error:?}")))?;
        tensors.insert(name, shape, values);
    }
    Ok(export_safetensors(
        &tensors,
        FloatFormat::F32,
        HashMap::new(),
    )?)
}

fn flat<const D: usize>(tensor: Tensor<D>) -> (Vec<usize>, Tensor<1>) {
    let shape = tensor.dims();
    (
        shape.to_vec(),
        tensor.reshape([shape.iter().product::<usize>()]),
    )
}
