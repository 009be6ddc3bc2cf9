//! A text encoder on WebGPU says what it says on the processor, padding included.

use burn::tensor::{Device, Int, Tensor, TensorData};
use mesm::text::{Activation, Family, TextConfig};
use mesm::weights::Formula;
use mesm_tests::golden::values_async;
use wasm_bindgen_test::wasm_bindgen_test;

use crate::devices::{graphics, processor};

/// Sentences of 5 and of 3 tokens.
const IDS: [[i32; 5]; 2] = [[1, 9, 4, 7, 2], [1, 3, 2, 0, 0]];
const MASK: [[i32; 5]; 2] = [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]];

async fn states(family: Family, device: &Device) -> Vec<f32> {
    let config = TextConfig {
        family,
        vocab_size: 12,
        embedding_size: 24,
        hidden_size: 24,
        num_hidden_layers: 2,
        num_hidden_groups: 1,
        inner_group_num: 1,
        num_attention_heads: 3,
        intermediate_size: 32,
        activation: Activation::Gelu,
        max_position_embeddings: 8,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
        hidden_dropout: 0.1,
        attention_dropout: 0.1,
    };
    let encoder = config.init(false, device).unwrap();
    let encoder = encoder.load(&mut Formula::new("text", "")).unwrap();
    let table = |rows: [[i32; 5]; 2]| -> Tensor<2, Int> {
        Tensor::from_data(TensorData::from(rows), device)
    };
    let states = encoder.forward(table(IDS), table(MASK), None).unwrap();
    // What is computed of padding means nothing.
    let [first, second] = [(0, 5), (1, 3)].map(|(row, tokens)| {
        let states = states.clone().narrow(0, row, 1);
        states.narrow(1, 0, tokens)
    });
    let mut values = values_async(first).await;
    values.extend(values_async(second).await);
    values
}

#[wasm_bindgen_test]
async fn encoders_agree() {
    for family in [Family::Bert, Family::Albert] {
        let expected = states(family, &processor()).await;
        let here = states(family, &graphics().await).await;
        assert_eq!(here.len(), expected.len());
        for (here, expected) in here.iter().zip(&expected) {
            assert!((here - expected).abs() < 1e-4, "{here}, {expected}");
        }
    }
}
