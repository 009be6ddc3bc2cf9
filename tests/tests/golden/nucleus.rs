//! G1: nucleus selection, on the host and by pairwise comparison.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::nucleus::{nucleus, nucleus_mask};
use mesm_tests::golden::{GoldenSet, list, mask, number, sizes, values};
use serde_json::Value;

/// Below this distance of the running sum from p, one point more or fewer is rounding.
const MARGIN: f64 = 1e-5;

#[test]
fn dense_maps() {
    let set = GoldenSet::load("g1_nucleus.json");
    let mut compared = 0;
    for case in set.list("dense_cases") {
        let shape = sizes(&case["map"]["shape"]);
        let points: usize = shape[1..].iter().product();
        let weights = floats(&case["map"]["data"]);
        let maps: Vec<&[f32]> = weights.chunks(points).collect();
        let stable = case["sort_is_stable"].as_bool().expect("sort_is_stable");
        for by_p in list(&case["by_p"], "by_p") {
            compared += compare(&case["name"], &maps, &by_p["dense"], by_p, stable);
        }
    }
    assert!(compared > 0, "no mask was compared");
}

#[test]
fn ragged_maps() {
    let set = GoldenSet::load("g1_nucleus.json");
    for case in set.list("ragged_cases") {
        let weights = floats(&case["values"]["data"]);
        let mut maps = Vec::new();
        let mut rest = weights.as_slice();
        for len in sizes(&case["lens"]) {
            let (map, after) = rest.split_at(len);
            maps.push(map);
            rest = after;
        }
        for by_p in list(&case["by_p"], "by_p") {
            compare(&case["name"], &maps, by_p, by_p, true);
        }
    }
}

/// Compares both selections with the recorded one; returns how many masks were compared.
fn compare(name: &Value, maps: &[&[f32]], recorded: &Value, by_p: &Value, stable: bool) -> usize {
    let p = number(&by_p["p"]) as f32;
    let on_host: Vec<bool> = maps.iter().flat_map(|map| flags(map, p)).collect();
    let on_device: Vec<bool> = maps.iter().flat_map(|map| device_flags(map, p)).collect();
    assert_eq!(
        on_host, on_device,
        "{name} p={p}: the two selections differ"
    );
    if recorded.get("error").is_some() {
        // The reference refuses a map whose mass stays below p; here such a map is kept whole.
        let whole = maps
            .iter()
            .any(|map| flags(map, p).iter().all(|kept| *kept));
        assert!(
            whole,
            "{name} p={p}: the reference raises, but no map was kept whole"
        );
        return 0;
    }
    let expected = mask(&recorded["mask"]);
    assert_eq!(on_host.len(), expected.len(), "{name} p={p}");
    let margin = by_p["margin"].as_f64();
    let mut start = 0;
    for map in maps {
        let range = start..start + map.len();
        start = range.end;
        let (got, expected) = (&on_host[range.clone()], &expected[range]);
        let count = |flags: &[bool]| flags.iter().filter(|kept| **kept).count();
        if stable && margin.is_none_or(|m| m >= MARGIN) {
            assert_eq!(got, expected, "{name} p={p}");
        }
        let allowed = usize::from(margin.is_some_and(|m| m < MARGIN));
        assert!(
            count(got).abs_diff(count(expected)) <= allowed,
            "{name} p={p}: {} points kept, reference {}",
            count(got),
            count(expected)
        );
    }
    1
}

#[test]
fn padding_is_never_kept() {
    let device = Device::flex();
    let weights = Tensor::<2>::from_floats([[0.6, 0.4, 0.0, 0.0]], &device);
    let allowed = Tensor::<2>::from_floats([[1.0, 1.0, 0.0, 0.0]], &device);
    let kept = values(nucleus_mask(&weights, Some(&allowed), 1.0));
    assert_eq!(kept, [1.0, 1.0, 0.0, 0.0]);
}

fn floats(value: &Value) -> Vec<f32> {
    list(value, "weights")
        .iter()
        .map(|v| number(v) as f32)
        .collect()
}

fn flags(map: &[f32], p: f32) -> Vec<bool> {
    let mut flags = vec![false; map.len()];
    for i in nucleus(map, p) {
        flags[i] = true;
    }
    flags
}

fn device_flags(map: &[f32], p: f32) -> Vec<bool> {
    let data = TensorData::new(map.to_vec(), [1, map.len()]);
    let weights = Tensor::<2>::from_data(data, &Device::flex());
    values(nucleus_mask(&weights, None, p))
        .into_iter()
        .map(|v| v > 0.5)
        .collect()
}
