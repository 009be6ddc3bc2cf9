//! G0: the closed formula itself, bit for bit.

use mesm_tests::golden::{GoldenSet, list, sizes, text};

#[test]
fn hashes_and_draws() {
    let set = GoldenSet::load("g0_formula.json");
    let formula = set.formula("");
    for generator in set.list("generators") {
        let name = text(&generator["name"], "name");
        let floats = |key: &str| -> Vec<f32> {
            list(&generator[key], key)
                .iter()
                .map(|v| v.as_f64().unwrap() as f32)
                .collect()
        };
        for (i, hash) in list(&generator["h"], "h").iter().enumerate() {
            let expected: u64 = text(hash, "h").parse().unwrap();
            assert_eq!(formula.hash(name, i as u64), expected, "{name}[{i}]");
        }
        for (i, (u, r)) in floats("u").into_iter().zip(floats("r")).enumerate() {
            assert_eq!(formula.unit(name, i as u64).to_bits(), u.to_bits());
            assert_eq!(formula.signed(name, i as u64).to_bits(), r.to_bits());
        }
        for (i, int) in list(&generator["ints_below_50"], "ints").iter().enumerate() {
            assert_eq!(formula.int(name, i as u64, 50), int.as_u64().unwrap());
        }
    }
}

#[test]
fn parameters_of_every_kind() {
    let set = GoldenSet::load("g0_formula.json");
    for parameter in set.list("parameters") {
        let name = text(&parameter["name"], "name");
        let values = set.formula("").parameter(name, &sizes(&parameter["shape"]));
        for (i, bits) in list(&parameter["first8_bits"], "bits").iter().enumerate() {
            assert_eq!(
                u64::from(values[i].to_bits()),
                bits.as_u64().unwrap(),
                "{name}[{i}]"
            );
        }
        let last = list(&parameter["last"], "last")[0].as_f64().unwrap() as f32;
        assert_eq!(values.last().unwrap().to_bits(), last.to_bits(), "{name}");
    }
}
