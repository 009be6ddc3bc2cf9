//! Set G6: hidden states of ALBERT and BERT against `transformers`, and the ways to load them.

use std::collections::HashMap;

use burn::tensor::{Device, Int, Tensor, TensorData};
use mesm::text::{TextConfig, TextEncoder, TokenBatch};
use mesm::weights::{FloatFormat, Limits, export_safetensors, param_specs, read_params};
use mesm_tests::golden::{GoldenSet, Tolerance, list, sizes, text, values};
use serde_json::Value;

const TOLERANCE: Tolerance = Tolerance {
    abs: 2e-4,
    rel: 1e-3,
};

fn set() -> GoldenSet {
    GoldenSet::load("g6_text.json")
}

/// The case's `config.json`: the golden file names the architecture beside it.
fn config(case: &Value) -> TextConfig {
    let mut config = case["config"].clone();
    config["model_type"] = Value::from(match text(&case["model"], "model") {
        "AlbertModel" => "albert",
        "BertModel" => "bert",
        other => panic!("unknown model {other}"),
    });
    TextConfig::from_json(config.to_string().as_bytes()).expect("a published configuration")
}

fn encoder(set: &GoldenSet, case: &Value, device: &Device) -> TextEncoder {
    let prefix = text(&case["prefix"], "prefix");
    config(case)
        .init(true, device)
        .expect("valid sizes")
        .load(&mut set.formula(prefix))
        .expect("the formula has every parameter")
}

fn rectangle(rows: Vec<i32>, shape: [usize; 2], device: &Device) -> Tensor<2, Int> {
    Tensor::from_data(TensorData::new(rows, shape), device)
}

/// Token ids, mask and the two-segment token types of a case.
fn inputs(set: &GoldenSet, case: &Value, device: &Device) -> [Tensor<2, Int>; 3] {
    let spec = &list(&case["inputs"], "inputs")[0];
    let shape: [usize; 2] = sizes(&spec["shape"]).try_into().expect("two dimensions");
    let small = |v: u64| i32::try_from(v).expect("a small integer");
    let ids = set.ints(spec).into_iter().map(small).collect();
    let mask = list(&case["attention_mask"], "mask")
        .iter()
        .flat_map(|row| list(row, "mask row"))
        .map(|v| small(v.as_u64().expect("0 or 1")))
        .collect();
    assert_eq!(case["token_type_rule"], "0 for position < len//2, else 1");
    let types = (0..shape[0] * shape[1])
        .map(|i| i32::from(i % shape[1] >= shape[1] / 2))
        .collect();
    [ids, mask, types].map(|rows| rectangle(rows, shape, device))
}

fn check_case(name: &str) {
    let (set, device) = (set(), Device::flex());
    let case = list(&set.json["cases"], "cases")
        .iter()
        .find(|case| case["name"] == name)
        .unwrap_or_else(|| panic!("no case {name}"));
    let encoder = encoder(&set, case, &device);
    let [ids, mask, types] = inputs(&set, case, &device);
    let check = |label: &str, got: Vec<f32>, expected: &Value| {
        set.assert_close(&format!("{name}.{label}"), &got, expected, TOLERANCE);
    };

    let hidden = encoder
        .forward(ids.clone(), mask.clone(), Some(types))
        .expect("same shapes");
    let expected = &case["with_token_types"];
    check(
        "typed.hidden",
        values(hidden.clone()),
        &expected["last_hidden_state"],
    );
    check(
        "typed.cls",
        values(TextEncoder::cls(hidden.clone())),
        &expected["cls"],
    );

    let default = encoder
        .forward(ids, mask.clone(), None)
        .expect("same shapes");
    let expected = &case["default_token_types"];
    check(
        "default.hidden",
        values(default.clone()),
        &expected["last_hidden_state"],
    );
    check(
        "default.cls",
        values(TextEncoder::cls(default.clone())),
        &expected["cls"],
    );

    // Pooler and sentence vectors were recorded without token types.
    let pooled = encoder.pooled(default.clone()).expect("has a pooler");
    check("pooler", values(pooled), &case["pooler_output"]);
    if let Some(expected) = case.get("mean_pooled_then_l2") {
        let sentence = TextEncoder::sentence(default, mask);
        check("sentence", values(sentence), &expected["data"]);
    }
}

#[test]
fn albert_tiny() {
    check_case("albert_tiny");
}

#[test]
fn albert_base_v2() {
    check_case("albert_base_v2");
}

#[test]
fn bert_tiny() {
    check_case("bert_tiny");
}

#[test]
fn minilm_l6() {
    check_case("minilm_l6");
}

#[test]
fn names_and_shapes_are_those_of_the_state_dict() {
    let (set, device) = (set(), Device::flex());
    for case in list(&set.json["cases"], "cases") {
        let prefix = text(&case["prefix"], "prefix");
        let encoder = config(case).init(true, &device).expect("valid sizes");
        let mut found: Vec<(String, Vec<usize>)> = param_specs(&encoder)
            .into_iter()
            .map(|spec| (format!("{prefix}{}", spec.name), spec.shape))
            .collect();
        let mut expected: Vec<(String, Vec<usize>)> = list(&case["params"], "params")
            .iter()
            .map(|param| (text(&param[0], "name").to_owned(), sizes(&param[1])))
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }
}

/// The tiny BERT as a Hugging Face file: `rename` puts names under a prefix, `extra` tensors are
/// added as they are.
fn hub_file(rename: impl Fn(&str) -> String, format: FloatFormat, extra: &[&str]) -> Vec<u8> {
    use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

    let (set, device) = (set(), Device::flex());
    let case = &list(&set.json["cases"], "cases")[2];
    let tensors = read_params(&encoder(&set, case, &device)).expect("readable weights");
    let exported = export_safetensors(&tensors, format, HashMap::new()).expect("finite weights");
    let file = SafeTensors::deserialize(&exported).expect("our own file");
    let positions: Vec<u8> = (0..32_i64).flat_map(i64::to_le_bytes).collect();
    let mut tensors: Vec<(String, TensorView)> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (rename(&name), view))
        .collect();
    for name in extra {
        let view = TensorView::new(Dtype::I64, vec![1, 32], &positions).expect("32 integers");
        tensors.push(((*name).to_owned(), view));
    }
    serialize(tensors, None).expect("serialisable")
}

fn load(bytes: &[u8]) -> Result<TextEncoder, mesm::text::TextError> {
    let set = set();
    let case = &list(&set.json["cases"], "cases")[2];
    TextEncoder::from_safetensors(&config(case), bytes, Limits::default(), &Device::flex())
}

/// The largest difference between the hidden states of `encoder` and the golden ones.
fn error_of(encoder: &TextEncoder) -> f32 {
    let (set, device) = (set(), Device::flex());
    let case = &list(&set.json["cases"], "cases")[2];
    let [ids, mask, _] = inputs(&set, case, &device);
    let hidden = encoder.forward(ids, mask, None).expect("same shapes");
    let expected = &case["default_token_types"]["last_hidden_state"]["data"];
    values(hidden)
        .iter()
        .zip(list(expected, "hidden"))
        .map(|(got, expected)| (got - expected.as_f64().expect("a number") as f32).abs())
        .fold(0.0, f32::max)
}

#[test]
fn hub_files_load_with_and_without_prefix_and_buffers() {
    let bare = hub_file(
        str::to_owned,
        FloatFormat::F32,
        &["embeddings.position_ids"],
    );
    assert!(error_of(&load(&bare).expect("bare names")) < 2e-4);

    let prefixed = hub_file(
        |name| format!("bert.{name}"),
        FloatFormat::F32,
        &["bert.embeddings.position_ids", "cls.predictions.decoder"],
    );
    assert!(error_of(&load(&prefixed).expect("prefixed names")) < 2e-4);

    let half = hub_file(str::to_owned, FloatFormat::F16, &[]);
    let error = error_of(&load(&half).expect("half precision"));
    assert!(error > 0.0 && error < 2e-2, "{error}");
}

#[test]
fn hub_files_without_a_pooler_load_and_strangers_are_refused() {
    let unread = |name: &str| format!("unread.{name}");
    // Everything but the pooler goes under the prefix, the pooler beside it.
    let headless = hub_file(
        |name| {
            if name.starts_with("pooler.") {
                unread(name)
            } else {
                format!("bert.{name}")
            }
        },
        FloatFormat::F32,
        &[],
    );
    let encoder = load(&headless).expect("the pooler is optional");
    assert!(error_of(&encoder) < 2e-4);
    let batch = TokenBatch::new(&[vec![1, 2]], &encoder, &Device::flex()).expect("known ids");
    assert!(encoder.pooled(encoder.encode(&batch)).is_none());

    let stranger = hub_file(str::to_owned, FloatFormat::F32, &["embeddings.other_ids"]);
    let message = load(&stranger).expect_err("an unknown tensor").to_string();
    assert!(message.contains("embeddings.other_ids"), "{message}");

    let incomplete = hub_file(
        |name| name.replace("encoder.layer.1.output", "encoder.layer.7.output"),
        FloatFormat::F32,
        &[],
    );
    let message = load(&incomplete).expect_err("a missing layer").to_string();
    assert!(message.contains("encoder.layer.1.output"), "{message}");
}

#[test]
fn padding_changes_nothing_and_bad_tokens_are_refused() {
    let (set, device) = (set(), Device::flex());
    for case in [0, 2].map(|i| &list(&set.json["cases"], "cases")[i]) {
        let encoder = encoder(&set, case, &device);
        let first = |texts: &[Vec<u32>]| {
            let batch = TokenBatch::new(texts, &encoder, &device).expect("known ids");
            let cls = values(TextEncoder::cls(encoder.encode(&batch)));
            cls[..cls.len() / texts.len()].to_vec()
        };
        let alone = first(&[vec![3, 14, 15, 9]]);
        let padded = first(&[vec![3, 14, 15, 9], vec![2; 30]]);
        for (a, b) in alone.iter().zip(&padded) {
            assert!((a - b).abs() < 1e-5, "{a} against {b}");
        }

        let refuse = |texts: &[Vec<u32>], words: &str| {
            let error = TokenBatch::new(texts, &encoder, &device).expect_err(words);
            assert!(error.to_string().contains(words), "{error}");
        };
        refuse(&[], "empty");
        refuse(&[vec![1], vec![]], "row 1");
        refuse(&[vec![1; 33]], "at most 32");
        refuse(&[vec![1, 50]], "vocabulary of 50");
        refuse(&[vec![u32::MAX]], "vocabulary");

        let ids = |tokens| rectangle(vec![1; tokens], [1, tokens], &device);
        assert!(encoder.forward(ids(3), ids(4), None).is_err());
        assert!(encoder.forward(ids(3), ids(3), Some(ids(2))).is_err());
        assert!(encoder.forward(ids(33), ids(33), None).is_err());
    }
}
