//! G7: the networks of the face detector, with the shipped weights.

use burn::tensor::{Device, Tensor};
use mesm::weights::{Limits, SafetensorsSource, load_params};
use mesm_features::face::{ONet, RNet};
use mesm_tests::golden::{GoldenSet, Tolerance, text, values_async};

use crate::devices::on_both_devices;

const SET: &[u8] = include_bytes!("../../../../tests/golden/g7_mtcnn.json");
const WEIGHTS: &[u8] = include_bytes!("../../../../static/mtcnn.safetensors");
const TOLERANCE: Tolerance = Tolerance {
    abs: 1e-4,
    rel: 1e-4,
};

on_both_devices!(refining_networks);

fn shipped(net: &str) -> SafetensorsSource<'static> {
    SafetensorsSource::new(WEIGHTS, Limits::default())
        .unwrap()
        .under(format!("{net}."))
}

async fn refining_networks(device: &Device) {
    let set = GoldenSet::parse("g7_mtcnn.json", SET);
    let mut compared = 0;
    for case in set.list("raw_nets") {
        if case["weights"] != "shipped" {
            continue;
        }
        let name = text(&case["net"], "net");
        let x: Tensor<4> = set.tensor(&case["inputs"][0], device);
        let (regression, probability) = match name {
            "rnet" => {
                let out = load_params(RNet::new(device), &mut shipped(name))
                    .unwrap()
                    .forward(x);
                (out.regression, out.probability)
            }
            "onet" => {
                let out = load_params(ONet::new(device), &mut shipped(name))
                    .unwrap()
                    .forward(x);
                (out.regression, out.probability)
            }
            _ => continue,
        };
        for (output, tensor) in [("reg", regression), ("prob", probability)] {
            let label = format!("{name} {output}");
            let got = values_async(tensor).await;
            set.assert_close(&label, &got, &case["outputs"][output], TOLERANCE);
        }
        compared += 1;
    }
    assert!(compared > 0, "no network with shipped weights");
}
