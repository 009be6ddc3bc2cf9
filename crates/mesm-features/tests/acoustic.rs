//! Acoustic features against `python_speech_features`, librosa and scipy: `acoustic/reference.json`, made by
//! `acoustic/make_reference.py`, holds their numbers and versions.

#![allow(clippy::expect_used, clippy::unwrap_used)] // a failed expectation is a failed test

use std::f64::consts::{PI, TAU};

use mesm::weights::Formula;
use mesm_features::handcrafted::{ACOUSTIC_DIM, ACOUSTIC_NAMES, AcousticPlan};
use serde::Deserialize;

/// Both sides compute in double precision; the recorded values have nine digits and ours are rounded to single
/// precision.
const RELATIVE: f64 = 2e-6;
const ABSOLUTE: f64 = 2e-6;

#[derive(Deserialize)]
struct Reference {
    seed: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    waveform: String,
    sample_rate: u32,
    samples: u32,
    rows: Vec<Vec<f64>>,
}

impl Case {
    fn sound(&self, seed: &str) -> Vec<f32> {
        let formula = Formula::new(seed, "");
        let (rate, kind) = (self.sample_rate, self.waveform.as_str());
        let duration = f64::from(self.samples) / f64::from(rate);
        let noise =
            |i: u32| 0.5 * f64::from(formula.signed(&format!("{kind}.{rate}"), u64::from(i)));
        let value = |i: u32| {
            let t = f64::from(i) / f64::from(rate);
            match kind {
                "sine" => 0.5 * (TAU * 440.0 * t).sin(),
                "chirp" => 0.5 * (TAU * (100.0 * t + 3900.0 / (2.0 * duration) * t * t)).sin(),
                "voice" => {
                    let phase = TAU * (110.0 * t + 40.0 * t * t / duration);
                    let tones = (1..16).map(|k| (f64::from(k) * phase).sin() / f64::from(k));
                    let beat = 1.0 + 0.5 * (2.0 * PI * 7.0 * t).sin();
                    0.2 * beat * tones.sum::<f64>() + 0.02 * noise(i)
                }
                "noise" => noise(i),
                other => panic!("unknown waveform {other}"),
            }
        };
        (0..self.samples).map(|i| value(i) as f32).collect()
    }
}

#[test]
fn features_are_those_of_the_python_libraries() {
    let reference: Reference =
        serde_json::from_str(include_str!("acoustic/reference.json")).expect("reference.json");
    assert_eq!(reference.cases.len(), 6);
    for case in &reference.cases {
        let label = format!("{} at {} Hz", case.waveform, case.sample_rate);
        let plan = AcousticPlan::new(case.sample_rate).unwrap();
        let features = plan.extract(&case.sound(&reference.seed)).unwrap();
        assert_eq!(features.len(), case.rows.len() * ACOUSTIC_DIM, "{label}");
        let (rows, _) = features.as_chunks::<ACOUSTIC_DIM>();
        for (window, (row, expected)) in rows.iter().zip(&case.rows).enumerate() {
            assert_eq!(expected.len(), ACOUSTIC_DIM, "{label}");
            for ((got, expected), name) in row.iter().zip(expected).zip(ACOUSTIC_NAMES) {
                let off = (f64::from(*got) - expected).abs();
                assert!(
                    off <= ABSOLUTE + RELATIVE * expected.abs(),
                    "{label}, window {window}, {name}: got {got}, expected {expected}"
                );
            }
        }
    }
}
