//! Where the time of a call goes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::Device;
use mesm::{Batch, Model, Prediction, Probe, Stage};
use serde::{Deserialize, Serialize};

use crate::{BenchError, Clock, Roofline, Spread};

/// The time of one stage in a call, and what it must at least do in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage's name.
    pub stage: String,
    /// Median of its seconds in a call, all branches and layers together.
    pub median_s: f64,
    /// Multiply-accumulates, pairs of active points counted; 0 where none are counted.
    pub macs: u64,
    /// Bytes of the kept rows that a stage without products reads and writes; 0 where none are counted.
    pub bytes: u64,
}

impl StageTime {
    /// Share of its time in which the device would have done this at its peak; none for stages whose work is not counted.
    #[must_use]
    pub fn of_peak(&self, roofline: &Roofline) -> Option<f64> {
        let macs_s = self.macs as f64 / roofline.product_gmacs;
        let bytes_s = self.bytes as f64 / roofline.copy_gb;
        let least_s = macs_s.max(bytes_s) * 1e-9;
        (least_s > 0.0).then_some(least_s / self.median_s)
    }
}

/// The stages of calls of `model`, one device synchronisation after each: for devices that can be waited for. On a device
/// that works ahead of its caller they add up to more than a call takes.
///
/// # Errors
/// When the model fails.
pub async fn stages(
    model: &Model,
    batch: &Batch,
    rounds: usize,
    device: &Device,
    clock: Clock,
) -> Result<Vec<StageTime>, BenchError> {
    let mut seconds: BTreeMap<Stage, Vec<f64>> = BTreeMap::new();
    let mut last_output = None;
    for _ in 0..rounds {
        let last = RefCell::new(clock());
        let call: RefCell<BTreeMap<Stage, f64>> = RefCell::default();
        let listener = |stage: Stage| {
            // A device that fails here fails the call as well.
            drop(device.sync());
            let now = clock();
            *call.borrow_mut().entry(stage).or_default() += now - last.replace(now);
        };
        last_output = Some(model.forward_probed(batch, Probe::new(&listener)).await?);
        for (stage, time) in call.into_inner() {
            seconds.entry(stage).or_default().push(time);
        }
    }
    // All calls do the same.
    let work = match last_output {
        Some(output) => work_of(model, &output.into_host().await?),
        None => BTreeMap::new(),
    };
    let times = seconds.into_iter().map(|(stage, seconds)| {
        let (macs, bytes) = work.get(&stage).copied().unwrap_or_default();
        StageTime {
            stage: stage.to_string(),
            median_s: Spread::of(seconds).median_s,
            macs,
            bytes,
        }
    });
    Ok(times.collect())
}

/// Multiply-accumulates and bytes of each stage of a call.
fn work_of(model: &Model, prediction: &Prediction) -> BTreeMap<Stage, (u64, u64)> {
    let mut work: BTreeMap<Stage, (u64, u64)> = BTreeMap::new();
    for cost in prediction.cost.values() {
        for (stage, macs) in [
            (Stage::LowLevel, cost.dense_macs),
            (Stage::Attention, cost.attention_macs),
            (Stage::Product, cost.sparse_macs_pairs),
            (Stage::Flatten, cost.flatten_macs),
        ] {
            work.entry(stage).or_default().0 += macs;
        }
    }
    let value = size_of::<f32>();
    let widths = model.config().widths;
    for (layer, maps) in prediction
        .attention
        .values()
        .flat_map(|layers| layers.iter().enumerate())
    {
        let kept = maps.active_points() * value;
        // A row is read and written; a pool reads the rows of the block behind it, and writes fewer.
        work.entry(Stage::Gather).or_default().1 += (2 * kept * widths[layer]) as u64;
        work.entry(Stage::Pool).or_default().1 += (kept * widths[layer + 1]) as u64;
    }
    work
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_stands_against_what_bounds_it() {
        let peak = Roofline {
            product_gmacs: 50.0,
            copy_gb: 20.0,
        };
        let stage = |macs, bytes| StageTime {
            stage: String::new(),
            median_s: 0.5,
            macs,
            bytes,
        };
        assert_eq!(
            stage(10_000_000_000, 0).of_peak(&peak),
            Some(0.4),
            "0.2 s of products"
        );
        assert_eq!(
            stage(0, 1_000_000_000).of_peak(&peak),
            Some(0.1),
            "0.05 s of memory"
        );
        assert_eq!(stage(0, 0).of_peak(&peak), None);
    }
}
