//! G9 and G10: the late fusion baselines and MMLatch from features to outputs, with the authors' parameter names.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use mesm::weights::{load_params, param_specs};
use mesm::{
    FeatureBatch, Feedback, LatchTrace, Modality, Padding, Sequence, TwoPhaseConfig, TwoPhaseKind,
    TwoPhaseModel,
};
use mesm_tests::golden::{GoldenSet, Tolerance, list, number, sizes, text, values};
use serde_json::Value;

const TOLERANCE: Tolerance = Tolerance {
    abs: 2e-4,
    rel: 1e-3,
};

/// The model with the file's parameters, whose names and shapes must be those of the reference where it lists them.
fn model_of(set: &GoldenSet, case: &Value, config: &TwoPhaseConfig) -> TwoPhaseModel {
    let model = config.init(&Device::flex()).unwrap();
    let prefix = text(&case["prefix"], "prefix");
    if !case["params"].is_null() {
        let listed: BTreeMap<String, Vec<usize>> = list(&case["params"], "params")
            .iter()
            .map(|entry| {
                let name = text(&entry[0], "name").strip_prefix(prefix).unwrap();
                (name.to_owned(), sizes(&entry[1]))
            })
            .collect();
        let found: BTreeMap<String, Vec<usize>> = param_specs(&model)
            .into_iter()
            .map(|spec| (spec.name, spec.shape))
            .collect();
        assert_eq!(found, listed, "{}", case["name"]);
    }
    load_params(model, &mut set.formula(prefix)).unwrap()
}

/// The input whose name ends so.
fn input_of<'a>(case: &'a Value, end: &str) -> &'a Value {
    let mut inputs = list(&case["inputs"], "inputs").iter();
    let found = inputs.find(|input| text(&input["name"], "name").ends_with(end));
    found.unwrap_or_else(|| panic!("{}: no input {end}", case["name"]))
}

/// Rows of all utterances one after the other as a padded sequence.
fn padded(rows: &Tensor<2>, lens: Vec<usize>) -> Sequence {
    let [_, features] = rows.dims();
    let longest = lens.iter().copied().max().unwrap();
    let device = rows.device();
    let mut start = 0;
    let utterances = lens.iter().map(|&len| {
        let own = rows.clone().narrow(0, start, len);
        start += len;
        // Padding that is not zeros, to show that it is not read.
        let past = Tensor::full([longest - len, features], 9.0, &device);
        match longest - len {
            0 => own,
            _ => Tensor::cat(vec![own, past], 0),
        }
    });
    Sequence {
        values: Tensor::stack(utterances.collect(), 0),
        lens,
    }
}

#[test]
fn late_fusion_of_every_modality_subset() {
    let set = GoldenSet::load("g9_baselines.json");
    let device = Device::flex();
    let mut held = 0;
    for case in set.list("cases") {
        let name = text(&case["name"], "name");
        if case["model"].is_null() {
            assert!(
                name == "wrapped_encoder" || !case["error"].is_null(),
                "{name}"
            );
            continue;
        }
        let (kind, bidirectional) = match text(&case["model"], "model") {
            "lf_rnn_bi" => (TwoPhaseKind::LfLstm, true),
            "lf_rnn_uni" => (TwoPhaseKind::LfLstm, false),
            "lf_transformer" => (TwoPhaseKind::LfTrans, false),
            other => panic!("{name}: no model called {other}"),
        };
        let settings = &case["config"];
        let [text_dim, acoustic_dim, visual_dim] = sizes(&settings["hfc_sizes"])[..] else {
            panic!("{name}: three sizes are expected");
        };
        let size = |key: &str| usize::try_from(settings[key].as_u64().expect(key)).unwrap();
        let config = TwoPhaseConfig {
            kind,
            classes: (0..size("num_emotions")).map(|i| i.to_string()).collect(),
            modalities: text(&case["modalities"], "modalities").parse().unwrap(),
            text_dim,
            visual_dim,
            acoustic_dim,
            layers: match kind {
                TwoPhaseKind::LfTrans => size("trans_nlayers"),
                _ => 1,
            },
            bidirectional,
            padding: Padding::AsPublished,
            ..TwoPhaseConfig::default()
        };
        let model = model_of(&set, case, &config);
        let words: Tensor<3> = set.tensor(input_of(case, ".t"), &device);
        let [utterances, steps, _] = words.dims();
        let ragged = |input: &str, lens: &str| {
            padded(
                &set.tensor(input_of(case, input), &device),
                sizes(&case[lens]),
            )
        };
        let batch = FeatureBatch {
            text: Some(Sequence {
                values: words,
                lens: vec![steps; utterances],
            }),
            visual: Some(ragged(".v", "v_lens")),
            acoustic: Some(ragged(".a", "a_lens")),
        };
        let output = model.forward(&batch).unwrap();
        assert_eq!(output.modalities.len(), config.modalities.count(), "{name}");
        set.assert_close(name, &values(output.logits), &case["logits"], TOLERANCE);
        held += 1;
    }
    let recorded = set
        .list("cases")
        .iter()
        .filter(|case| !case["logits"].is_null());
    assert_eq!(held, recorded.count(), "recorded cases");
}

/// The reference breaks down where its LSTMs have two layers; asked to be like it, we say so beforehand.
#[test]
fn two_layers_as_published_are_refused() {
    let set = GoldenSet::load("g9_baselines.json");
    let recorded = set
        .list("cases")
        .iter()
        .find(|case| !case["error"].is_null());
    let recorded = recorded.expect("the case that fails");
    assert!(text(&recorded["name"], "name").contains("2layers"));
    let config = TwoPhaseConfig {
        kind: TwoPhaseKind::LfLstm,
        layers: 2,
        padding: Padding::AsPublished,
        ..TwoPhaseConfig::default()
    };
    let error = config.init(&Device::flex()).unwrap_err().to_string();
    assert!(error.contains("layers"), "{error}");
}

fn latch_config(case: &Value, kind: Feedback) -> TwoPhaseConfig {
    let features = |name: &str| sizes(&input_of(case, name)["shape"])[2];
    let width = list(&case["params"], "params")
        .iter()
        .find(|entry| text(&entry[0], "name").ends_with("text.encoder.attention.k.weight"))
        .map(|entry| sizes(&entry[1])[0]);
    TwoPhaseConfig {
        kind: TwoPhaseKind::MmLatch,
        classes: vec!["sentiment".to_owned()],
        text_dim: features("text"),
        visual_dim: features("visual"),
        acoustic_dim: features("audio"),
        hidden_dim: width.expect("the width of the text's attention"),
        padding: Padding::AsPublished,
        feedback: kind,
        ..TwoPhaseConfig::default()
    }
}

fn latch_batch(set: &GoldenSet, case: &Value) -> FeatureBatch {
    let device = Device::flex();
    assert_eq!(case["zeroed_past_length"], true);
    let sequence = |name: &str| {
        // What stands past the lengths is not zeroed here: the model does it.
        Some(Sequence {
            values: set.tensor(input_of(case, name), &device),
            lens: sizes(&case["lengths"]),
        })
    };
    FeatureBatch {
        text: sequence("text"),
        visual: sequence("visual"),
        acoustic: sequence("audio"),
    }
}

fn feedback_of(case: &Value) -> Feedback {
    match (&case["feedback"], text(&case["feedback_type"], "type")) {
        (Value::Bool(false), _) => Feedback::None,
        (_, "learnable_sequence_mask") => Feedback::Lstm,
        (_, "learnable_static_mask") => Feedback::Linear,
        (_, other) => panic!("no feedback called {other}"),
    }
}

/// What the reference calls a module's outputs, one call after the other.
fn recorded_calls(trace: &LatchTrace, module: &str) -> Vec<Vec<f32>> {
    let of = |stage: &[(Modality, Tensor<3>)], modality: Modality| -> Option<Vec<f32>> {
        let (_, found) = stage.iter().find(|(m, _)| *m == modality)?;
        Some(values(found.clone()))
    };
    let calls = match module {
        "encoder.text" => vec![
            of(&trace.first_stage, Modality::Text),
            of(&trace.encoded, Modality::Text),
        ],
        "feedback" => vec![
            of(&trace.masked, Modality::Text),
            of(&trace.masked, Modality::Acoustic),
            of(&trace.masked, Modality::Visual),
        ],
        "encoder.fuser.att_fuser" => vec![trace.pairs.clone().map(values)],
        "encoder.fuser" => vec![Some(values(trace.fused.clone()))],
        other => panic!("no module called {other}"),
    };
    calls.into_iter().flatten().collect()
}

#[test]
fn mm_latch_and_every_step_to_it() {
    let set = GoldenSet::load("g10_mmlatch.json");
    let mut held = 0;
    for case in set.list("cases") {
        let name = text(&case["name"], "name");
        let model = model_of(&set, case, &latch_config(case, feedback_of(case)));
        let output = model.forward(&latch_batch(&set, case)).unwrap();
        let expected = &case["output_without_feedback_dropout"];
        set.assert_close(name, &values(output.logits), expected, TOLERANCE);
        let trace = output.trace.unwrap();
        for (module, recorded) in case["intermediates"].as_object().unwrap() {
            let found = recorded_calls(&trace, module);
            let recorded = list(recorded, module);
            assert_eq!(found.len(), recorded.len(), "{name} {module}: calls");
            for (call, (found, recorded)) in found.iter().zip(recorded).enumerate() {
                let label = format!("{name} {module} {call}");
                set.assert_close(&label, found, recorded, TOLERANCE);
                held += 1;
            }
        }
        let expected = if feedback_of(case) == Feedback::None {
            0
        } else {
            3
        };
        assert_eq!(output.masks.len(), expected, "{name}");
        for (modality, mask) in output.masks {
            let mask = values(mask);
            assert!(
                mask.iter().all(|m| (0.0..=1.0).contains(m)),
                "{name} {modality:?}"
            );
        }
    }
    assert!(
        held > 2 * set.list("cases").len(),
        "recorded intermediates: {held}"
    );
}

/// The authors' evaluation draws its dropout anew each time: ours strays about as far from the steady output as the three
/// runs that they recorded.
#[test]
fn feedback_dropout_can_be_always_on() {
    let set = GoldenSet::load("g10_mmlatch.json");
    for case in set.list("cases") {
        let feedback = feedback_of(case);
        let config = TwoPhaseConfig {
            feedback_dropout_always: true,
            ..latch_config(case, feedback)
        };
        let model = model_of(&set, case, &config);
        let batch = latch_batch(&set, case);
        let run = || -> Vec<f64> {
            let logits = values(model.forward(&batch).unwrap().logits);
            logits.into_iter().map(f64::from).collect()
        };
        let runs: Vec<Vec<f64>> = (0..24).map(|_| run()).collect();
        if feedback == Feedback::None {
            assert!(runs.iter().all(|other| *other == runs[0]));
            continue;
        }
        let numbers =
            |values: &Value| -> Vec<f64> { list(values, "values").iter().map(number).collect() };
        let steady = numbers(&case["output_without_feedback_dropout"]["data"]);
        let mean_distance = |runs: &[Vec<f64>]| {
            let all = runs.iter().flat_map(|run| run.iter().zip(&steady));
            let sum: f64 = all.map(|(value, steady)| (value - steady).abs()).sum();
            sum / (runs.len() * steady.len()) as f64
        };
        let recorded = list(
            &case["eval_outputs_three_runs_with_always_on_dropout"],
            "runs",
        );
        let recorded: Vec<Vec<f64>> = recorded.iter().map(numbers).collect();
        let (found, recorded) = (mean_distance(&runs), mean_distance(&recorded));
        assert!(
            found > 0.2 * recorded && found < 5.0 * recorded,
            "{found} where {recorded} is recorded"
        );
    }
}
