//! G3: the sparse block on both paths.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use mesm::sparse::gathered::{self, SparseRows};
use mesm::sparse::masked::{self, MaskedMap};
use mesm::sparse::{Sites, SparseBlock};
use mesm::weights::{ParamSource, ParamSpec, WeightsError, load_params};
use mesm_tests::golden::{GoldenSet, Tolerance, list, sizes, text, values_async};

use crate::devices::on_both_devices;

const SET: &[u8] = include_bytes!("../../../../tests/golden/g3_sparse_conv.json");
const TOLERANCE: Tolerance = Tolerance {
    abs: 1e-5,
    rel: 1e-4,
};

on_both_devices!(blocks_on_both_paths);

/// A block's keys, `0.0.weight`, are `0.weight` in the goldens.
struct OneBlock(mesm::weights::Formula);

impl ParamSource for OneBlock {
    fn verify(&self, _: &[ParamSpec]) -> Result<(), WeightsError> {
        Ok(())
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        self.0.take(&ParamSpec {
            name: spec.name.replacen("0.", "", 1),
            shape: spec.shape.clone(),
        })
    }
}

async fn blocks_on_both_paths(device: &Device) {
    let set = GoldenSet::parse("g3_sparse_conv.json", SET);
    let mut compared = 0;
    for case in set.list("cases") {
        let Some(last) = case["layers"].as_array().and_then(|layers| layers.last()) else {
            continue;
        };
        let name = text(&case["name"], "name");
        let mut source = OneBlock(set.formula(text(&case["prefix"], "prefix")));
        let block = load_params(SparseBlock::new(4, 6, device), &mut source).unwrap();
        let shape = sizes(&case["active_rule"]["shape"]);
        let active = set.active(&case["active_rule"]);
        let sites = Sites::from_flags(shape[0], shape[1], shape[2], &active);
        let input = SparseRows {
            features: set.tensor(&case["inputs"][0], device),
            sites,
        };
        let expected = &last["features_sorted"];

        let flags: Vec<f32> = active.iter().map(|a| f32::from(u8::from(*a))).collect();
        let mask = TensorData::new(flags, [shape[0], 1, shape[1], shape[2]]);
        let map = MaskedMap::new(input.clone().into_map(), Tensor::from_data(mask, device));
        let map = masked::block(&block, map);
        let rows = gathered::block(&block, input);
        assert_eq!(
            rows.sites.len(),
            list(&last["locations_yxb_sorted"], "locations").len(),
            "{name}: sites"
        );
        let from_map = SparseRows::from_map(map.features, rows.sites.clone());
        for (path, features) in [("gathered", rows.features), ("masked", from_map.features)] {
            let label = format!("{name} {path}");
            set.assert_close(&label, &values_async(features).await, expected, TOLERANCE);
        }
        let mask: Vec<bool> = values_async(map.mask)
            .await
            .iter()
            .map(|v| *v > 0.5)
            .collect();
        assert_eq!(mask, rows.sites.flags(), "{name}: active sites");
        compared += 1;
    }
    assert!(compared > 0, "no block was recorded");
    // The block is a module like any other.
    assert!(SparseBlock::new(4, 6, device).num_params() > 0);
}
