//! G9's wrapped Transformer encoder.

use burn::tensor::{Device, Tensor};
use mesm::sequence::{SequenceConfig, SequenceEncoder};
use mesm::weights::load_params;
use mesm_tests::golden::{GoldenSet, Tolerance, sizes, text, values};

const TOLERANCE: Tolerance = Tolerance {
    abs: 2e-4,
    rel: 1e-3,
};

#[test]
fn wrapped_encoder() {
    let set = GoldenSet::load("g9_baselines.json");
    let device = Device::flex();
    let case = set
        .list("cases")
        .iter()
        .find(|case| case["name"] == "wrapped_encoder")
        .expect("the case wrapped_encoder");
    let size = |key: &str| usize::try_from(case[key].as_u64().expect(key)).unwrap();
    let config = SequenceConfig {
        dim: size("dim"),
        layers: size("layers"),
        heads: size("heads"),
        feedforward: size("feed_forward"),
        dropout: 0.1,
    };
    let mut formula = set.formula(text(&case["prefix"], "prefix"));
    let encoder = load_params(SequenceEncoder::new(config, &device), &mut formula).unwrap();

    let ragged: Tensor<2> = set.tensor(&case["inputs"][0], &device);
    let got = values(encoder.forward(ragged, &sizes(&case["lens"])));
    set.assert_close("cls_with_lens", &got, &case["cls_with_lens"], TOLERANCE);

    let full: Tensor<3> = set.tensor(&case["inputs"][1], &device);
    let [batch, len, dim] = full.dims();
    let got = values(encoder.forward(full.reshape([batch * len, dim]), &vec![len; batch]));
    set.assert_close(
        "cls_without_lens",
        &got,
        &case["cls_without_lens"],
        TOLERANCE,
    );
}
