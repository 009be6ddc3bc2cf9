//! G1: nucleus selection by pairwise comparison, without sort or read-back.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::nucleus::{nucleus, nucleus_mask};
use mesm_tests::golden::{GoldenSet, list, mask, number, sizes, text, values_async};

use crate::devices::on_both_devices;

const SET: &[u8] = include_bytes!("../../../../tests/golden/g1_nucleus.json");
/// Below this distance of the running sum from p, one point more or fewer is rounding.
const MARGIN: f64 = 1e-5;

on_both_devices!(maps_of_every_shape);

async fn maps_of_every_shape(device: &Device) {
    let set = GoldenSet::parse("g1_nucleus.json", SET);
    let mut compared = 0;
    for case in set.list("dense_cases") {
        let name = text(&case["name"], "name");
        let shape = sizes(&case["map"]["shape"]);
        let points: usize = shape[1..].iter().product();
        let weights: Vec<f32> = list(&case["map"]["data"], "data")
            .iter()
            .map(|v| number(v) as f32)
            .collect();
        let stable = case["sort_is_stable"].as_bool().expect("sort_is_stable");
        for by_p in list(&case["by_p"], "by_p") {
            let p = number(&by_p["p"]) as f32;
            let data = TensorData::new(weights.clone(), [shape[0], points]);
            let kept = nucleus_mask(&Tensor::from_data(data, device), None, p);
            let kept: Vec<bool> = values_async(kept).await.iter().map(|v| *v > 0.5).collect();
            // Natively the host's selection is held against the reference in every case.
            for (map, kept) in weights.chunks(points).zip(kept.chunks(points)) {
                let on_host = nucleus(map, p);
                let here: Vec<usize> = (0..points).filter(|&i| kept[i]).collect();
                assert_eq!(here, on_host, "{name} p={p}");
            }
            // The reference refuses a map lighter than p; above it was held against the host's rule.
            let refused = by_p["dense"].get("error").is_some();
            if refused || !stable || number(&by_p["margin"]) < MARGIN {
                continue;
            }
            assert_eq!(kept, mask(&by_p["dense"]["mask"]), "{name} p={p}");
            compared += 1;
        }
    }
    assert!(compared > 50, "only {compared} masks were compared");
}
