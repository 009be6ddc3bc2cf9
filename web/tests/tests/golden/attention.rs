//! G2: the attention weights over dense maps.

use burn::tensor::{Device, Tensor};
use mesm::AttentionMode;
use mesm::attention::CrossModalAttention;
use mesm::weights::load_params;
use mesm_tests::golden::{GoldenSet, Tolerance, sizes, text, values_async};

use crate::devices::on_both_devices;

const SET: &[u8] = include_bytes!("../../../../tests/golden/g2_attention.json");
const TOLERANCE: Tolerance = Tolerance {
    abs: 1e-6,
    rel: 1e-4,
};

on_both_devices!(softmax_maps);

async fn softmax_maps(device: &Device) {
    let set = GoldenSet::parse("g2_attention.json", SET);
    let mut compared = 0;
    for case in set.list("cases") {
        if case.get("active_rule").is_some() {
            continue;
        }
        let name = text(&case["name"], "name");
        let size = |key: &str| usize::try_from(case[key].as_u64().expect(key)).unwrap();
        let layer = CrossModalAttention::new(
            size("x_channels"),
            size("y_size"),
            size("k"),
            AttentionMode::Frozen,
            device,
        );
        let mut formula = set.formula(text(&case["prefix"], "prefix"));
        let layer = load_params(layer, &mut formula).unwrap();
        let owner: Vec<i32> = sizes(&case["x_lens"])
            .into_iter()
            .enumerate()
            .flat_map(|(u, len)| std::iter::repeat_n(u as i32, len))
            .collect();
        let query = layer
            .project_query(set.tensor(&case["inputs"][1], device))
            .select(0, Tensor::from_ints(owner.as_slice(), device));
        let x: Tensor<4> = set.tensor(&case["inputs"][0], device);
        let [n, c, h, w] = x.dims();
        let points = x.permute([0, 2, 3, 1]).reshape([n, h * w, c]);
        let weights = values_async(layer.weights(points, query, None)).await;
        set.assert_close(name, &weights, &case["softmax"], TOLERANCE);
        compared += 1;
    }
    assert!(compared > 0, "no dense case");
}
