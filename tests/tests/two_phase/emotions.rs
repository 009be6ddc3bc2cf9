//! The embeddings of EmoEmbs, and the feedback of MMLatch.

use burn::tensor::{Device, Tensor, TensorData};
use mesm::weights::{Formula, read_params};
use mesm::{FeatureBatch, Feedback, Modality, TwoPhaseConfig, TwoPhaseKind};
use mesm_tests::golden::values;

use crate::small::{batch, config, model, utterances};

fn embeddings(rows: &[&str], device: &Device) -> Tensor<2> {
    let formula = Formula::new("emotions", "");
    let values: Vec<f32> = rows
        .iter()
        .flat_map(|name| (0..6).map(|i| formula.signed(name, i)))
        .collect();
    Tensor::from_data(TensorData::new(values, [rows.len(), 6]), device)
}

#[test]
fn emotions_are_the_rows_of_the_embeddings() {
    let device = Device::flex();
    let config = config(TwoPhaseKind::EmoEmbs);
    let batch = batch(&config, &utterances(config.kind), 0, 0.0, &device);
    let run = |rows: &[&str]| {
        let model = model(&config, &device);
        let model = model
            .with_emotion_embeddings(embeddings(rows, &device))
            .unwrap();
        let stored = read_params(&model).unwrap();
        let stored = stored
            .iter()
            .find(|(name, _, _)| *name == "textEmoEmbs.weight");
        assert_eq!(stored.unwrap().2, values(embeddings(rows, &device)));
        let output = model.forward(&batch).unwrap();
        let own: Vec<Vec<f32>> = output
            .modalities
            .into_iter()
            .map(|(_, logits)| values(logits))
            .collect();
        (values(output.logits), own)
    };
    let (fused, own) = run(&["joy", "anger"]);
    let (exchanged, _) = run(&["anger", "joy"]);
    for (one, other) in fused.chunks(2).zip(exchanged.chunks(2)) {
        assert!((one[0] - other[1]).abs() < 1e-6 && (one[1] - other[0]).abs() < 1e-6);
    }
    // The weighted sum, by hand: the authors list the voice before the face.
    let weights = read_params(&model(&config, &device)).unwrap();
    let weights = weights
        .iter()
        .find(|(name, _, _)| *name == "modality_weights.weight");
    let weights = weights.unwrap().2.to_vec();
    for (i, fused) in fused.iter().enumerate() {
        let sum = own[0][i] * weights[0] + own[2][i] * weights[1] + own[1][i] * weights[2];
        assert!((sum - fused).abs() < 1e-6, "{sum} {fused}");
    }
}

/// Text scores are dot products in the space of the words: twice the embedding, twice the score.
#[test]
fn text_is_compared_in_the_space_of_words() {
    let device = Device::flex();
    let config = TwoPhaseConfig {
        modalities: "t".parse().unwrap(),
        ..config(TwoPhaseKind::EmoEmbs)
    };
    let batch = batch(&config, &utterances(config.kind), 0, 0.0, &device);
    let run = |factor: f32| {
        let embeddings = embeddings(&["joy", "anger"], &device) * factor;
        let model = model(&config, &device)
            .with_emotion_embeddings(embeddings)
            .unwrap();
        values(model.forward(&batch).unwrap().logits)
    };
    for (once, twice) in run(1.0).into_iter().zip(run(2.0)) {
        assert!((2.0 * once - twice).abs() < 1e-6, "{once} {twice}");
    }
}

#[test]
fn embeddings_of_another_model_or_shape_are_refused() {
    let device = Device::flex();
    for kind in TwoPhaseKind::ALL {
        let model = model(&config(kind), &device);
        let rows = embeddings(&["joy", "anger"], &device);
        let accepted = model.clone().with_emotion_embeddings(rows);
        if kind == TwoPhaseKind::EmoEmbs {
            accepted.unwrap();
            let rows = embeddings(&["joy", "anger", "fear"], &device);
            let error = model.with_emotion_embeddings(rows).unwrap_err().to_string();
            assert!(
                error.contains("[3, 6]") && error.contains("[2, 6]"),
                "{error}"
            );
        } else {
            let error = accepted.unwrap_err().to_string();
            assert!(error.contains(kind.name()), "{error}");
        }
    }
}

/// The mask of a modality is made from the two others alone (equation 4).
#[test]
fn masks_come_from_the_other_modalities() {
    let device = Device::flex();
    for kind in [TwoPhaseKind::MmLatch, TwoPhaseKind::MmLatchMult] {
        for feedback in [Feedback::Linear, Feedback::Lstm] {
            let config = TwoPhaseConfig {
                feedback,
                ..config(kind)
            };
            let model = model(&config, &device);
            let usual = batch(&config, &[(0, [3; 3])], 0, 0.0, &device);
            let other_face = batch(&config, &[(7, [3; 3])], 0, 0.0, &device).visual;
            let changed = FeatureBatch {
                visual: other_face,
                ..usual.clone()
            };
            let masks = |batch: &FeatureBatch| {
                let masks = model.forward(batch).unwrap().masks;
                let shapes: Vec<_> = masks.iter().map(|(m, mask)| (*m, mask.dims())).collect();
                let expected = Modality::FUSION_ORDER.map(|m| (m, [1, 3, config.features(m)]));
                assert_eq!(shapes, expected);
                masks
                    .into_iter()
                    .map(|(_, mask)| values(mask))
                    .collect::<Vec<_>>()
            };
            let (usual, changed) = (masks(&usual), masks(&changed));
            assert!(usual.iter().flatten().all(|m| *m > 0.0 && *m < 1.0));
            let moved: Vec<bool> = usual.iter().zip(&changed).map(|(a, b)| a != b).collect();
            // In MulT every modality has read every other one before it gives feedback.
            let expected = [true, kind == TwoPhaseKind::MmLatchMult, true];
            assert_eq!(moved, expected, "{kind} {feedback}");
        }
    }
}

#[test]
fn without_feedback_it_is_plain_mult() {
    let device = Device::flex();
    let config = TwoPhaseConfig {
        feedback: Feedback::None,
        ..config(TwoPhaseKind::MmLatchMult)
    };
    let plain = TwoPhaseConfig {
        kind: TwoPhaseKind::Mult,
        ..config.clone()
    };
    let batch = batch(&config, &utterances(config.kind), 0, 0.0, &device);
    let [found, expected] = [config, plain].map(|config| {
        let output = model(&config, &device).forward(&batch).unwrap();
        assert!(output.masks.is_empty());
        values(output.logits)
    });
    assert_eq!(found, expected);
}
