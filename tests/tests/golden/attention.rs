//! G2: cross-modal attention over dense maps and over rows of active points.

use burn::tensor::{Device, Tensor};
use mesm::AttentionMode;
use mesm::attention::CrossModalAttention;
use mesm::nucleus::nucleus;
use mesm::weights::load_params;
use mesm_tests::golden::{GoldenSet, Tolerance, mask, number, sizes, text, values};
use serde_json::Value;

const TOLERANCE: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-4,
};

fn size(case: &Value, key: &str) -> usize {
    usize::try_from(case[key].as_u64().expect(key)).unwrap()
}

#[test]
fn maps_and_selections() {
    let set = GoldenSet::load("g2_attention.json");
    let device = Device::flex();
    let (mut dense, mut sparse) = (0, 0);
    for case in set.list("cases") {
        let name = text(&case["name"], "name");
        let mut formula = set.formula(text(&case["prefix"], "prefix"));
        let layer = CrossModalAttention::new(
            size(case, "x_channels"),
            size(case, "y_size"),
            size(case, "k"),
            AttentionMode::Frozen,
            &device,
        );
        let layer = load_params(layer, &mut formula).unwrap();
        let y: Tensor<2> = set.tensor(&case["inputs"][1], &device);
        let owner: Vec<i32> = sizes(&case["x_lens"])
            .into_iter()
            .enumerate()
            .flat_map(|(u, len)| std::iter::repeat_n(u as i32, len))
            .collect();
        let query = layer
            .project_query(y)
            .select(0, Tensor::from_ints(owner.as_slice(), &device));
        if case.get("active_rule").is_none() {
            let x: Tensor<4> = set.tensor(&case["inputs"][0], &device);
            let [n, c, h, w] = x.dims();
            let points = x.permute([0, 2, 3, 1]).reshape([n, h * w, c]);
            let weights = values(layer.weights(points, query, None));
            set.assert_close(name, &weights, &case["softmax"], TOLERANCE);
            dense += 1;
        } else {
            sparse_case(&set, case, &layer, &query, &device);
            sparse += 1;
        }
    }
    assert!(dense > 0 && sparse > 0, "both kinds of case must be there");
}

fn sparse_case(
    set: &GoldenSet,
    case: &Value,
    layer: &CrossModalAttention,
    query: &Tensor<2>,
    device: &Device,
) {
    let name = text(&case["name"], "name");
    let p = number(&case["p"]) as f32;
    let x: Tensor<2> = set.tensor(&case["inputs"][0], device);
    let [_, channels] = x.dims();
    let mut kept = Vec::new();
    let mut weights = Vec::new();
    let mut start = 0;
    for (frame, len) in sizes(&case["points_per_sample"]).into_iter().enumerate() {
        let points = x.clone().narrow(0, start, len).reshape([1, len, channels]);
        let frame_query = query.clone().narrow(0, frame, 1);
        let map = values(layer.weights(points, frame_query, None));
        let mut flags = vec![false; len];
        for i in nucleus(&map, p) {
            flags[i] = true;
        }
        kept.extend(flags);
        weights.extend(map);
        start += len;
    }
    if case.get("softmax").is_some() {
        set.assert_close(name, &weights, &case["softmax"], TOLERANCE);
    }
    if number(&case["margin"]) < 1e-5 {
        return;
    }
    assert_eq!(kept, mask(&case["mask"]), "{name}: mask");
    let rows: Vec<i32> = (0..kept.len() as i32)
        .filter(|&i| kept[i as usize])
        .collect();
    assert_eq!(rows.len(), size(case, "kept"), "{name}: kept");
    let new_x = values(x.select(0, Tensor::from_ints(rows.as_slice(), device)));
    set.assert_close(name, &new_x, &case["new_x"], TOLERANCE);
}
