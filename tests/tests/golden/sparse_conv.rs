//! G3: the sparse block, layer by layer, forward and backward, on both paths.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use mesm::sparse::gathered::{self, SparseRows};
use mesm::sparse::masked::{self, MaskedMap};
use mesm::sparse::{Sites, SparseBlock};
use mesm::weights::{load_params, read_params};
use mesm_tests::golden::{GoldenSet, Tolerance, list, sizes, text, values};
use mesm_tests::gradients::{Renamed, gradients};
use serde_json::Value;

const TOLERANCE: Tolerance = Tolerance {
    abs: 1e-5,
    rel: 1e-4,
};

/// Channels of the recorded block, and of the recorded stack of three.
const BLOCK: [usize; 2] = [4, 6];
const STACK: [usize; 4] = [4, 6, 8, 10];

/// The part of the sparse network that the goldens hold.
#[derive(Module, Debug)]
struct Stack {
    sparse_layers: Vec<SparseBlock>,
}

impl Stack {
    fn load(
        set: &GoldenSet,
        prefix: &str,
        widths: &[usize],
        rename: fn(&str) -> String,
        device: &Device,
    ) -> Self {
        let stack = Self {
            sparse_layers: widths
                .windows(2)
                .map(|pair| SparseBlock::new(pair[0], pair[1], device))
                .collect(),
        };
        let formula = set.formula(prefix);
        load_params(stack, &mut Renamed { formula, rename }).unwrap()
    }
}

/// `sparse_layers.0.0.2.weight` is `2.weight` in the goldens of one block.
fn name_in_block(key: &str) -> String {
    key.strip_prefix("sparse_layers.0.0.").unwrap().to_owned()
}

/// `sparse_layers.1.0.2.weight` is `1.2.weight` in the goldens of the stack.
fn name_in_stack(key: &str) -> String {
    key.strip_prefix("sparse_layers.")
        .unwrap()
        .replacen(".0.", ".", 1)
}

fn sites_of(set: &GoldenSet, rule: &Value) -> Sites {
    let shape = sizes(&rule["shape"]);
    Sites::from_flags(shape[0], shape[1], shape[2], &set.active(rule))
}

/// Golden locations `(y, x, sample)` as rising flat positions.
fn flat(locations: &Value, (height, width): (usize, usize)) -> Vec<u32> {
    let mut flat: Vec<u32> = list(locations, "locations")
        .iter()
        .map(|place| {
            let place = sizes(place);
            ((place[2] * height + place[0]) * width + place[1]) as u32
        })
        .collect();
    flat.sort_unstable();
    flat
}

fn masked_map(rows: &SparseRows) -> MaskedMap {
    let device = rows.features.device();
    let (n, h, w) = rows.sites.size();
    let flags: Vec<f32> = rows
        .sites
        .flags()
        .into_iter()
        .map(|active| f32::from(u8::from(active)))
        .collect();
    let mask = Tensor::<4>::from_data(TensorData::new(flags, [n, 1, h, w]), &device);
    MaskedMap::new(rows.clone().into_map(), mask)
}

/// The active rows of a masked map.
fn rows_of(map: &MaskedMap) -> SparseRows {
    let [n, _, h, w] = map.mask.dims();
    let flags: Vec<bool> = values(map.mask.clone())
        .into_iter()
        .map(|v| v > 0.5)
        .collect();
    SparseRows::from_map(map.features.clone(), Sites::from_flags(n, h, w, &flags))
}

#[test]
fn layer_by_layer() {
    let set = GoldenSet::load("g3_sparse_conv.json");
    let device = Device::flex();
    let mut layers_seen = 0;
    for case in set.list("cases") {
        let Some(layers) = case["layers"].as_array() else {
            continue;
        };
        let name = text(&case["name"], "name");
        let stack = Stack::load(
            &set,
            text(&case["prefix"], "prefix"),
            &BLOCK,
            name_in_block,
            &device,
        );
        let block = &stack.sparse_layers[0];
        let (conv1, norm1, conv2, norm2) = block.layers();
        let sites = sites_of(&set, &case["active_rule"]);
        let (_, height, width) = sites.size();
        assert_eq!(
            sites.flat(),
            flat(&case["input_locations_yxb"], (height, width)),
            "{name}: active sites"
        );
        let mut rows = SparseRows {
            features: set.tensor(&case["inputs"][0], &device),
            sites,
        };
        let mut map = masked_map(&rows);
        let neighbours = rows.sites.neighbours();
        for (i, layer) in layers.iter().enumerate() {
            rows.features = match i {
                0 => gathered::convolve(conv1, rows.features, &neighbours),
                1 => gathered::normalise(norm1, rows.features),
                2 => gathered::convolve(conv2, rows.features, &neighbours),
                3 => gathered::normalise(norm2, rows.features),
                _ => {
                    rows = gathered::pool(rows);
                    rows.features.clone()
                }
            };
            map = match i {
                0 => masked::convolve(conv1, map),
                1 => masked::normalise(norm1, map),
                2 => masked::convolve(conv2, map),
                3 => masked::normalise(norm2, map),
                _ => masked::pool(map),
            };
            let (_, height, width) = rows.sites.size();
            let recorded = flat(&layer["locations_yxb_sorted"], (height, width));
            assert_eq!(rows.sites.flat(), recorded, "{name} layer {i}: sites");
            let label = format!("{name} layer {i}");
            let expected = &layer["features_sorted"];
            set.assert_close(&label, &values(rows.features.clone()), expected, TOLERANCE);
            let from_map = rows_of(&map);
            assert_eq!(from_map.sites, rows.sites, "{label}: masked sites");
            set.assert_close(&label, &values(from_map.features), expected, TOLERANCE);
            layers_seen += 1;
        }
    }
    assert!(layers_seen >= 5, "no layers were recorded");
}

#[test]
fn training_mode_gathered() {
    training_mode(|block, rows| gathered::block(block, rows).features);
}

#[test]
fn training_mode_masked_dense() {
    training_mode(|block, rows| rows_of(&masked::block(block, masked_map(&rows))).features);
}

fn training_mode(forward: impl Fn(&SparseBlock, SparseRows) -> Tensor<2>) {
    let set = GoldenSet::load("g3_sparse_conv.json");
    let device = Device::flex().autodiff();
    let mut cases = 0;
    for case in set.list("cases") {
        if case.get("train_mode_grads").is_none() {
            continue;
        }
        cases += 1;
        let name = text(&case["name"], "name");
        let prefix = text(&case["prefix"], "prefix");
        let stack = Stack::load(&set, prefix, &BLOCK, name_in_block, &device);
        let features: Tensor<2> = set.tensor(&case["inputs"][0], &device).require_grad();
        let rows = SparseRows {
            features: features.clone(),
            sites: sites_of(&set, &case["active_rule"]),
        };
        let output = forward(&stack.sparse_layers[0], rows);
        set.assert_close(
            &format!("{name} training"),
            &values(output.clone()),
            &case["train_mode_features_sorted"],
            TOLERANCE,
        );
        let probe_name = text(&case["grad_probe"], "grad_probe")
            .split(' ')
            .next()
            .unwrap();
        let count = output.dims().iter().product::<usize>() as u64;
        let formula = set.formula("");
        let probe: Vec<f32> = (0..count).map(|i| formula.signed(probe_name, i)).collect();
        let probe = Tensor::<2>::from_data(TensorData::new(probe, output.dims()), &device);
        let grads = (output * probe).sum().backward();

        let expected = &case["train_mode_grads"];
        let got = values(features.grad(&grads).expect("gradient of the input"));
        set.assert_close(
            &format!("{name} d input"),
            &got,
            &expected["input_features"],
            TOLERANCE,
        );
        for (key, gradient) in gradients(&stack, &grads) {
            let key = name_in_block(&key);
            let gradient = gradient.unwrap_or_else(|| panic!("{name}: no gradient for {key}"));
            set.assert_close(
                &format!("{name} d {key}"),
                &gradient,
                &expected[&key],
                TOLERANCE,
            );
        }
        let after = read_params(&stack).unwrap();
        let recorded = case["train_mode_running_after"].as_object().unwrap();
        assert!(!recorded.is_empty());
        for (key, _, got) in after.iter() {
            let key = name_in_block(key);
            if let Some(expected) = recorded.get(&key) {
                set.assert_close(&format!("{name} {key}"), got, expected, TOLERANCE);
            } else {
                assert!(!key.contains("running"), "{name}: {key} is not recorded");
            }
        }
    }
    assert!(cases > 0, "no case with gradients");
}

#[test]
fn stacks_of_three_blocks() {
    let set = GoldenSet::load("g3_sparse_conv.json");
    let device = Device::flex();
    let mut cases = 0;
    for case in set.list("cases") {
        let expected = &case["dense_output"];
        if expected.is_null() {
            continue;
        }
        cases += 1;
        let name = text(&case["name"], "name");
        let prefix = text(&case["prefix"], "prefix");
        let stack = Stack::load(&set, prefix, &STACK, name_in_stack, &device);
        let input = SparseRows {
            features: set.tensor(&case["inputs"][0], &device),
            sites: sites_of(&set, &case["active_rule"]),
        };
        let map = stack
            .sparse_layers
            .iter()
            .fold(masked_map(&input), |map, block| masked::block(block, map));
        let rows = stack
            .sparse_layers
            .iter()
            .fold(input, |rows, block| gathered::block(block, rows));
        set.assert_close(name, &values(rows.into_map()), expected, TOLERANCE);
        set.assert_close(name, &values(map.features), expected, TOLERANCE);
    }
    assert!(cases > 0, "no stack was recorded");
}

#[test]
fn max_pool_starts_from_zero() {
    let set = GoldenSet::load("g3_sparse_conv.json");
    let device = Device::flex();
    let case = &set.json["max_pool_alone"];
    // Recorded rows follow their own order of locations; ours follow the position.
    let locations = list(&case["input_locations_yxb"], "locations");
    let mut order: Vec<usize> = (0..locations.len()).collect();
    order.sort_by_key(|&i| {
        let place = sizes(&locations[i]);
        (place[2], place[0], place[1])
    });
    let recorded: Vec<f32> = list(&case["input"]["data"], "input")
        .iter()
        .map(|v| v.as_f64().unwrap() as f32)
        .collect();
    let features: Vec<f32> = order
        .iter()
        .flat_map(|&i| recorded[2 * i..2 * i + 2].to_vec())
        .collect();
    let mut active = vec![false; 16];
    for site in flat(&case["input_locations_yxb"], (4, 4)) {
        active[site as usize] = true;
    }
    let rows = SparseRows {
        features: Tensor::from_data(TensorData::new(features, [order.len(), 2]), &device),
        sites: Sites::from_flags(1, 4, 4, &active),
    };
    let map = masked::pool(masked_map(&rows));
    let pooled = gathered::pool(rows);
    assert_eq!(
        pooled.sites.flat(),
        flat(&case["output_locations_yxb"], (2, 2))
    );
    for features in [pooled.features, rows_of(&map).features] {
        set.assert_close(
            "max_pool_alone",
            &values(features),
            &case["output"],
            TOLERANCE,
        );
    }
}
