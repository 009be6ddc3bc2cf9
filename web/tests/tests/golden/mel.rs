//! G7: mel spectrograms.

use std::f64::consts::TAU;

use mesm_features::mel::{MelConfig, MelPlan, MelStyle};
use mesm_tests::golden::{GoldenSet, number};
use safetensors::SafeTensors;
use wasm_bindgen_test::wasm_bindgen_test;

const SET: &[u8] = include_bytes!("../../../../tests/golden/g7_audio.json");
const MAPS: &[u8] = include_bytes!("../../../../tests/golden/g7_mel.safetensors");

#[wasm_bindgen_test]
fn spectrograms_of_a_sine() {
    let set = GoldenSet::parse("g7_audio.json", SET);
    let maps = SafeTensors::deserialize(MAPS).unwrap();
    let mut compared = 0;
    for case in set.list("cases") {
        if case["waveform"] != "sine" {
            continue;
        }
        let rate = number(&case["sample_rate"]);
        let samples: Vec<f32> = (0..number(&case["samples"]) as usize)
            .map(|i| (0.5 * (TAU * 440.0 * (i as f64 / rate)).sin()) as f32)
            .collect();
        let config = MelConfig {
            sample_rate_hz: rate as u32,
            style: if case["style"] == "mosei" {
                MelStyle::Mosei
            } else {
                MelStyle::Iemocap
            },
            ..MelConfig::default()
        };
        let got = MelPlan::new(&config)
            .unwrap()
            .spectrogram(&samples)
            .unwrap();
        let tensor = maps.tensor(case["tensor"].as_str().unwrap()).unwrap();
        let expected: Vec<f32> = tensor
            .data()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        assert_eq!(got.values.len(), expected.len(), "{}", case["name"]);
        let largest = expected.iter().copied().fold(0.0, f32::max);
        for (got, expected) in got.values.iter().zip(&expected) {
            assert!(
                (got - expected).abs() <= 1e-3 * largest,
                "{}: {got} {expected}",
                case["name"]
            );
        }
        compared += 1;
    }
    assert!(compared > 0, "no sine was recorded");
}
