//! The three networks alone, with formula parameters and with the shipped ones.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use mesm::weights::{Limits, SafetensorsSource, load_params};
use mesm_features::face::{ONet, PNet, RNet};
use mesm_tests::golden::{GoldenSet, Tolerance, list, text, values};
use safetensors::SafeTensors;
use serde_json::Value;

use crate::material::weights;

const NETS: Tolerance = Tolerance {
    abs: 1e-4,
    rel: 1e-4,
};

/// The network of a case: formula parameters, or its part of the shipped file.
fn loaded<M: Module>(set: &GoldenSet, case: &Value, net: M, name: &str) -> M {
    let file = weights();
    match text(&case["weights"], name) {
        "formula" => {
            let prefix = text(&case["prefix"], name);
            load_params(net, &mut set.formula(prefix)).unwrap()
        }
        "shipped" => {
            let tensors = SafeTensors::deserialize(&file).unwrap();
            let others = tensors
                .names()
                .into_iter()
                .filter(|key| !key.starts_with(name));
            let mut source = SafetensorsSource::new(&file, Limits::default())
                .unwrap()
                .ignoring(others)
                .under(format!("{name}."));
            load_params(net, &mut source).unwrap()
        }
        other => panic!("unknown weights {other}"),
    }
}

#[test]
fn raw_networks() {
    let set = GoldenSet::load("g7_mtcnn.json");
    let device = Device::flex();
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for case in set.list("raw_nets") {
        let name = text(&case["net"], "net");
        let x: Tensor<4> = set.tensor(&list(&case["inputs"], name)[0], &device);
        let outputs: Vec<(&str, Vec<f32>)> = match name {
            "pnet" => {
                let out = loaded(&set, case, PNet::new(&device), name).forward(x);
                vec![
                    ("reg", values(out.regression)),
                    ("prob", values(out.probability)),
                ]
            }
            "rnet" => {
                let out = loaded(&set, case, RNet::new(&device), name).forward(x);
                vec![
                    ("reg", values(out.regression)),
                    ("prob", values(out.probability)),
                ]
            }
            "onet" => {
                let out = loaded(&set, case, ONet::new(&device), name).forward(x);
                vec![
                    ("reg", values(out.regression)),
                    ("landmarks", values(out.landmarks)),
                    ("prob", values(out.probability)),
                ]
            }
            other => panic!("unknown network {other}"),
        };
        let recorded = case["outputs"].as_object().expect("outputs");
        assert_eq!(outputs.len(), recorded.len(), "{name}: number of outputs");
        for (output, got) in outputs {
            let label = format!("{name} {} {output}", case["weights"]);
            set.assert_close(&label, &got, &recorded[output], NETS);
        }
        let kind = (name.to_owned(), text(&case["weights"], name).to_owned());
        *seen.entry(kind).or_default() += 1;
    }
    for name in ["pnet", "rnet", "onet"] {
        for kind in ["formula", "shipped"] {
            assert!(
                seen.contains_key(&(name.to_owned(), kind.to_owned())),
                "no {name} {kind}"
            );
        }
    }
}
