//! What the device can do at most: the scale on which stages are judged.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::{BenchError, Clock};

/// Measured peaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roofline {
    /// Multiply-accumulates a second of a large `f32` matrix product, in 10^9.
    pub product_gmacs: f64,
    /// Bytes a second read and written by a pass over a large tensor, in 10^9.
    pub copy_gb: f64,
}

/// The best of several matrix products `[side, side]` and of several passes over `side^2 * 16` values.
///
/// # Errors
/// When the device fails.
pub async fn roofline(
    device: &Device,
    side: usize,
    rounds: usize,
    clock: Clock,
) -> Result<Roofline, BenchError> {
    let values = |count: usize| {
        let values: Vec<f32> = (0..count).map(|i| (i % 17) as f32 / 16.0).collect();
        TensorData::new(values, [count])
    };
    let a = Tensor::<1>::from_data(values(side * side), device).reshape([side, side]);
    let long = Tensor::<1>::from_data(values(side * side * 16), device);
    let (mut product, mut copy) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..=rounds {
        let start = clock();
        finish(a.clone().matmul(a.clone()).narrow(0, 0, 1)).await?;
        product = product.min(clock() - start);
        let start = clock();
        finish((long.clone() * 1.5).narrow(0, 0, 1)).await?;
        copy = copy.min(clock() - start);
    }
    let (macs, bytes) = ((side as f64).powi(3), (side * side * 16 * 4 * 2) as f64);
    Ok(Roofline {
        product_gmacs: macs / product * 1e-9,
        copy_gb: bytes / copy * 1e-9,
    })
}

/// Waits for a result by reading a little of it.
async fn finish<const D: usize>(tensor: Tensor<D>) -> Result<(), BenchError> {
    tensor
        .into_data_async()
        .await
        .map(drop)
        .map_err(|error| BenchError::Device(format!("{error:?}")))
}
