//! What is not as it must be is named; weights go out and come back.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor};
use mesm::weights::{
    FloatFormat, Limits, SafetensorsSource, export_safetensors, load_params, read_params,
};
use mesm::{FeatureBatch, Sequence, TwoPhaseConfig, TwoPhaseKind};
use mesm_tests::golden::values;

use crate::small::{all, batch, config, label, model, utterances};

fn refused(config: &TwoPhaseConfig, batch: &FeatureBatch, words: &[&str]) {
    let error = model(config, &Device::flex()).forward(batch).unwrap_err();
    let error = error.to_string();
    for word in words {
        assert!(
            error.contains(word),
            "{}: {word} is not in {error:?}",
            label(config)
        );
    }
}

#[test]
fn wrong_shapes_name_the_input() {
    let device = Device::flex();
    let zeros = |shape: [usize; 3], lens: Vec<usize>| {
        Some(Sequence {
            values: Tensor::zeros(shape, &device),
            lens,
        })
    };
    for config in TwoPhaseKind::ALL.map(config) {
        let good = batch(&config, &utterances(config.kind), 0, 0.0, &device);
        let lens = good.text.as_ref().unwrap().lens.clone();
        let with = |visual: Option<Sequence>| FeatureBatch {
            visual,
            ..good.clone()
        };
        let lens = || lens.clone();
        refused(
            &config,
            &with(zeros([4, 4, 7], lens())),
            &["visual", "[4, 4, 7]", "3]"],
        );
        refused(
            &config,
            &with(zeros([3, 4, 3], lens())),
            &["visual", "[3, 4, 3]"],
        );
        refused(
            &config,
            &with(zeros([4, 2, 3], lens())),
            &["visual", "at most 2"],
        );
        refused(
            &config,
            &with(zeros([4, 4, 3], vec![1; 5])),
            &["visual", "[1, 1, 1, 1, 1]"],
        );
        refused(&config, &with(zeros([4, 0, 3], vec![0; 4])), &["visual"]);
        refused(&config, &FeatureBatch::default(), &["tva"]);
        let empty = FeatureBatch {
            text: zeros([0, 1, 6], Vec::new()),
            ..FeatureBatch::default()
        };
        refused(&config, &empty, &["text"]);
    }
}

#[test]
fn models_that_compare_modalities_need_all_of_them() {
    let device = Device::flex();
    for kind in [
        TwoPhaseKind::Mult,
        TwoPhaseKind::MmLatch,
        TwoPhaseKind::MmLatchMult,
    ] {
        let config = config(kind);
        let good = batch(&config, &utterances(kind), 0, 0.0, &device);
        let without = FeatureBatch {
            acoustic: None,
            ..good
        };
        refused(&config, &without, &["acoustic", "missing"]);
    }
    for kind in [TwoPhaseKind::MmLatch, TwoPhaseKind::MmLatchMult] {
        let config = config(kind);
        let ragged = batch(&config, &[(0, [3, 3, 2]), (1, [2, 2, 3])], 0, 0.0, &device);
        refused(
            &config,
            &ragged,
            &["acoustic", "[2, 3]", "[3, 2]", "aligned"],
        );
    }
}

#[test]
fn weights_go_out_and_come_back() {
    let device = Device::flex();
    for config in all() {
        let model = model(&config, &device);
        let batch = batch(&config, &utterances(config.kind), 0, 0.0, &device);
        let tensors = read_params(&model).unwrap();
        let bytes = export_safetensors(&tensors, FloatFormat::F32, HashMap::new()).unwrap();
        let mut source = SafetensorsSource::new(&bytes, Limits::default()).unwrap();
        let again = load_params(config.init(&device).unwrap(), &mut source).unwrap();
        assert_eq!(
            values(again.forward(&batch).unwrap().logits),
            values(model.forward(&batch).unwrap().logits),
            "{}",
            label(&config)
        );
    }
}

/// Parameters of the models without recorded outputs bear their authors' names.
#[test]
fn parameters_are_called_as_the_authors_call_them() {
    for (kind, expected) in [
        (
            TwoPhaseKind::Mult,
            &[
                "proj_l.weight",
                "trans_l_with_a.layers.0.self_attn.in_proj_weight",
                "trans_a_with_v.layers.0.layer_norms.1.bias",
                "trans_v_mem.layers.2.fc1.weight",
                "trans_v_mem.layer_norm.weight",
                "proj1.weight",
                "out_layer.bias",
            ][..],
        ),
        (
            TwoPhaseKind::EmoEmbs,
            &[
                "textEmoEmbs.weight",
                "affineAudio.weight",
                "affineVisual.bias",
                "RNNs.0.weight_ih_l0",
                "RNNs.2.bias_hh_l0_reverse",
                "modality_weights.weight",
            ],
        ),
        (
            TwoPhaseKind::MmLatchMult,
            &[
                "trans_a_mem.layer_norm.bias",
                "fm.f2.mask1.rnn.weight_hh_l0",
            ],
        ),
    ] {
        let tensors = read_params(&config(kind).init(&Device::flex()).unwrap()).unwrap();
        let names: Vec<&str> = tensors.iter().map(|(name, _, _)| name).collect();
        for name in expected {
            assert!(
                names.contains(name),
                "{kind}: {name} is not among {names:?}"
            );
        }
    }
}
