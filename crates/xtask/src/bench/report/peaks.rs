//! What the machine can do at most, and what a stage needs of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::figures::{each, number};

/// The highest peaks that were seen with each number of threads, of a product and of a pass over memory: a single try may
/// fall into a moment in which the machine does something else.
#[derive(Default)]
pub(super) struct Peaks(BTreeMap<u64, [f64; 2]>);

impl Peaks {
    pub(super) fn of_all(native: &Value) -> Self {
        let mut peaks = Self::default();
        for setting in native
            .as_object()
            .into_iter()
            .flat_map(|all| all.values().flat_map(each))
        {
            let found = ["product_gmacs", "copy_gb"].map(|key| number(&setting["roofline"][key]));
            let highest = peaks.0.entry(threads(setting)).or_default();
            for (highest, found) in highest.iter_mut().zip(found) {
                *highest = highest.max(found);
            }
        }
        peaks
    }

    /// Those of a product, in 10^9 multiply-accumulates a second, and of a pass over memory, in 10^9 bytes a second.
    pub(super) fn of(&self, setting: &Value) -> [f64; 2] {
        self.0
            .get(&threads(setting))
            .copied()
            .unwrap_or([f64::NAN; 2])
    }

    /// Milliseconds of a stage, and their share at the peak.
    pub(super) fn cell(&self, setting: &Value, stage: &Value) -> String {
        let seconds = number(&stage["median_s"]);
        let [product, copy] = self.of(setting);
        let least = (number(&stage["macs"]) / product).max(number(&stage["bytes"]) / copy) * 1e-9;
        if least > 0.0 {
            format!("{:.2} ({:.0} %)", 1e3 * seconds, 100.0 * least / seconds)
        } else {
            format!("{:.2}", 1e3 * seconds)
        }
    }
}

fn threads(setting: &Value) -> u64 {
    setting["threads"].as_u64().unwrap_or_default()
}
