//! Sequences of every length on WebGPU: those that one kernel takes, and longer ones.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::sequence::{SequenceConfig, SequenceEncoder};
use mesm::weights::{Formula, load_params};
use mesm_tests::golden::values_async;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::devices::{graphics, processor};

const SEED: &str = "sequences";

async fn vectors(config: SequenceConfig, lens: &[usize], device: &Device) -> Vec<f32> {
    let encoder = SequenceEncoder::new(config, device);
    let encoder = load_params(encoder, &mut Formula::new(SEED, "")).unwrap();
    let formula = Formula::new(SEED, "");
    let count = lens.iter().sum::<usize>() * config.dim;
    let values: Vec<f32> = (0..count as u64)
        .map(|i| 2.0 * formula.unit("rows", i) - 1.0)
        .collect();
    let rows = Tensor::<1>::from_data(TensorData::new(values, [count]), device);
    let rows = rows.reshape([count / config.dim, config.dim]);
    values_async(encoder.forward(rows, lens)).await
}

#[wasm_bindgen_test]
async fn encoders_of_sequences_agree() {
    let (graphics, processor) = (graphics().await, processor());
    let of = |dim, heads, feedforward, layers| SequenceConfig {
        dim,
        layers,
        heads,
        feedforward,
        dropout: 0.1,
    };
    // The last hidden part is not whole; one is narrower than a part.
    for config in [of(64, 4, 200, 2), of(16, 2, 12, 3)] {
        for lens in [&[5][..], &[3, 3], &[4, 0, 15], &[1, 16, 2], &[40]] {
            let expected = vectors(config, lens, &processor).await;
            let here = vectors(config, lens, &graphics).await;
            assert_eq!(here.len(), expected.len());
            for (here, expected) in here.iter().zip(&expected) {
                assert!(
                    (here - expected).abs() < 1e-4,
                    "{config:?}, {lens:?}: {here}, {expected}"
                );
            }
        }
    }
}
