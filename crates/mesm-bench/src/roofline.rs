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

/// Seconds that one matrix product may take.
const PATIENCE_S: f64 = 1.0;

/// The best of several matrix products `[side, side]` and of several passes over `side^2 * 16` values. `side` is `most`, or
/// what a device can be expected to multiply in a second: software that stands in for a card would be busy with the
/// largest for an hour, as kernels are tried on it.
///
/// # Errors
/// When the device fails.
pub async fn roofline(
    device: &Device,
    most: usize,
    rounds: usize,
    clock: Clock,
) -> Result<Roofline, BenchError> {
    let mut side = most.min(256);
    loop {
        let (product_s, copy_s) = best(device, side, rounds, clock).await?;
        let next = most.min(4 * side);
        let growth = (next as f64 / side as f64).powi(3);
        if next > side && product_s * growth < PATIENCE_S {
            side = next;
            continue;
        }
        let (macs, bytes) = ((side as f64).powi(3), (side * side * 16 * 4 * 2) as f64);
        return Ok(Roofline {
            product_gmacs: macs / product_s * 1e-9,
            copy_gb: bytes / copy_s * 1e-9,
        });
    }
}

/// Seconds of the shortest product and of the shortest pass.
async fn best(
    device: &Device,
    side: usize,
    rounds: usize,
    clock: Clock,
) -> Result<(f64, f64), BenchError> {
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
    Ok((product, copy))
}

/// Waits for a result by reading a little of it.
async fn finish<const D: usize>(tensor: Tensor<D>) -> Result<(), BenchError> {
    tensor
        .into_data_async()
        .await
        .map(drop)
        .map_err(|error| BenchError::Device(format!("{error:?}")))
}
