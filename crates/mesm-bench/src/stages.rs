//! Where the time of a call goes.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn::tensor::Device;
use mesm::{Batch, Model, Probe, Stage};
use serde::{Deserialize, Serialize};

use crate::{BenchError, Clock, Spread};

/// The time of one stage in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageTime {
    /// The stage's name.
    pub stage: String,
    /// Median of its seconds in a call, all branches and layers together.
    pub median_s: f64,
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
    for _ in 0..rounds {
        let last = RefCell::new(clock());
        let call: RefCell<BTreeMap<Stage, f64>> = RefCell::default();
        let listener = |stage: Stage| {
            // A device that fails here fails the call as well.
            drop(device.sync());
            let now = clock();
            *call.borrow_mut().entry(stage).or_default() += now - last.replace(now);
        };
        model.forward_probed(batch, Probe::new(&listener)).await?;
        for (stage, time) in call.into_inner() {
            seconds.entry(stage).or_default().push(time);
        }
    }
    Ok(seconds
        .into_iter()
        .map(|(stage, seconds)| StageTime {
            stage: stage.to_string(),
            median_s: Spread::of(seconds).median_s,
        })
        .collect())
}
