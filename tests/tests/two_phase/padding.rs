//! What stands past an utterance's end, and who else is in its batch.

use burn::tensor::{Device, Tensor};
use mesm::{FeatureBatch, Padding, TwoPhaseConfig, TwoPhaseKind};
use mesm_tests::golden::values;

use crate::small::{Lens, all, batch, config, label, model, utterances};

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-6)
}

/// Logits of each utterance in one batch, and of each by itself.
fn together_and_alone(
    config: &TwoPhaseConfig,
    which: &[(usize, Lens)],
    extra: usize,
) -> [Vec<Vec<f32>>; 2] {
    let device = Device::flex();
    let model = model(config, &device);
    let logits = |which: &[(usize, Lens)], extra: usize, past: f32| -> Vec<Vec<f32>> {
        let batch = batch(config, which, extra, past, &device);
        let logits = values(model.forward(&batch).unwrap().logits);
        logits
            .chunks(config.classes.len())
            .map(<[f32]>::to_vec)
            .collect()
    };
    let alone = which.iter().map(|one| logits(&[*one], 0, 0.0).remove(0));
    [logits(which, extra, f32::NAN), alone.collect()]
}

#[test]
fn company_and_padding_change_nothing() {
    for config in all() {
        let which = utterances(config.kind);
        let [together, alone] = together_and_alone(&config, &which, 2);
        for (a, b) in together.iter().zip(&alone) {
            assert!(a.iter().all(|v| v.is_finite()), "{}: {a:?}", label(&config));
            assert!(close(a, b), "{}: {a:?} {b:?}", label(&config));
        }
        assert!(!close(&alone[0], &alone[1]), "{}", label(&config));
    }
}

/// An utterance without a face, one without a voice, and in a batch that makes others padded.
#[test]
fn an_utterance_may_lack_a_modality() {
    let which = [(0, [3, 0, 2]), (1, [2, 4, 0]), (2, [0, 1, 5])];
    for kind in [
        TwoPhaseKind::LfLstm,
        TwoPhaseKind::LfTrans,
        TwoPhaseKind::EmoEmbs,
        TwoPhaseKind::Mult,
    ] {
        for causal in [false, true] {
            let config = TwoPhaseConfig {
                causal,
                ..config(kind)
            };
            let [together, alone] = together_and_alone(&config, &which, 1);
            for (a, b) in together.iter().zip(&alone) {
                assert!(a.iter().all(|v| v.is_finite()), "{kind}: {a:?}");
                assert!(close(a, b), "{kind}: {a:?} {b:?}");
            }
        }
    }
}

/// As the authors' code, the longest utterance of a batch matters to all the others, except in MulT; what the padding is
/// filled with still does not.
#[test]
fn padding_is_seen_as_published() {
    let device = Device::flex();
    for kind in TwoPhaseKind::ALL {
        let config = TwoPhaseConfig {
            padding: Padding::AsPublished,
            ..config(kind)
        };
        let which = utterances(kind);
        let [together, alone] = together_and_alone(&config, &which, 0);
        let moved = together
            .iter()
            .zip(&alone)
            .any(|(a, b)| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-4));
        let seen = !matches!(kind, TwoPhaseKind::Mult | TwoPhaseKind::MmLatchMult);
        assert_eq!(moved, seen, "{kind}: {together:?} {alone:?}");
        let model = model(&config, &device);
        let [zeros, other] = [0.0, f32::NAN].map(|past| {
            let batch = batch(&config, &which, 3, past, &device);
            values(model.forward(&batch).unwrap().logits)
        });
        assert!(close(&zeros, &other), "{kind}");
    }
}

/// Late fusion leaves out what the batch does not hold, and that is the same as an utterance that lacks it.
#[test]
fn late_fusion_does_without_a_modality() {
    let device = Device::flex();
    for kind in [
        TwoPhaseKind::LfLstm,
        TwoPhaseKind::LfTrans,
        TwoPhaseKind::EmoEmbs,
    ] {
        let config = config(kind);
        let model = model(&config, &device);
        let full = batch(&config, &[(0, [3, 2, 4])], 0, 0.0, &device);
        let without = FeatureBatch {
            visual: None,
            ..full.clone()
        };
        let lacking = batch(&config, &[(0, [3, 0, 4])], 0, 0.0, &device);
        let without = model.forward(&without).unwrap();
        let lacking = model.forward(&lacking).unwrap();
        assert_eq!(without.modalities.len(), 2, "{kind}");
        assert_eq!(lacking.modalities.len(), 3, "{kind}");
        let [without, lacking] = [without, lacking].map(|output| values(output.logits));
        assert!(close(&without, &lacking), "{kind}: {without:?} {lacking:?}");
        assert!(!close(
            &without,
            &values(model.forward(&full).unwrap().logits)
        ));
    }
}

/// The order of the letters is not an order of anything.
#[test]
fn modalities_have_no_order() {
    let device = Device::flex();
    for kind in TwoPhaseKind::ALL {
        let which = utterances(kind);
        let run = |modalities: &str| -> (Vec<f32>, Vec<mesm::Modality>) {
            let config = TwoPhaseConfig {
                modalities: modalities.parse().unwrap(),
                ..config(kind)
            };
            let batch = batch(&config, &which, 0, 0.0, &device);
            let output = model(&config, &device).forward(&batch).unwrap();
            let named = output.modalities.iter().map(|(m, _): &(_, Tensor<2>)| *m);
            (values(output.logits.clone()), named.collect())
        };
        assert_eq!(run("tav"), run("vta"), "{kind}");
    }
}
