//! Import of PyTorch checkpoints written by the real torch (`fixtures/make_checkpoints.py`).

use std::path::Path;

use burn::nn::LinearConfig;
use burn::tensor::Device;
use mesm::weights::{
    Checkpoint, Formula, Limits, ParamSource, ParamSpec, WeightsError, load_params,
};
use mesm_tests::golden::values;

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn open(bytes: &[u8]) -> Result<Checkpoint<'_>, WeightsError> {
    Checkpoint::new(bytes, Limits::default())
}

/// The signed sequence that the generator gives to the tensor called `name`.
fn formula(name: &str, count: u64) -> Vec<f32> {
    let formula = Formula::new("checkpoint", "");
    (0..count).map(|i| formula.signed(name, i)).collect()
}

fn spec(name: &str, shape: &[usize]) -> ParamSpec {
    ParamSpec {
        name: name.to_owned(),
        shape: shape.to_vec(),
    }
}

#[test]
fn a_state_dict_is_read_exactly() {
    let bytes = fixture("authors_small.pt");
    let mut checkpoint = open(&bytes).expect("written by torch");
    // num_batches_tracked and position_ids are integers and left out.
    let expected = [
        spec("T.albert.word.weight", &[7, 4]),
        spec("V.attn_layers.0.weight", &[3, 4]),
        spec("V.low_level.0.bias", &[2]),
        spec("V.low_level.0.weight", &[2, 1, 3, 3]),
        spec("V.low_level.1.bias", &[2]),
        spec("V.low_level.1.running_mean", &[2]),
        spec("V.low_level.1.running_var", &[2]),
        spec("V.low_level.1.weight", &[2]),
        spec("mtcnn.prelu.weight", &[3]),
        spec("scale", &[]),
        spec("v_flatten.0.bias", &[5]),
        spec("v_flatten.0.weight", &[5, 6]),
    ];
    assert_eq!(checkpoint.specs(), expected);
    checkpoint.verify(&expected).expect("finite and complete");
    for spec in expected {
        let count = spec.shape.iter().product::<usize>() as u64;
        let got = checkpoint.take(&spec).expect("present");
        assert_eq!(got, formula(&spec.name, count), "{}", spec.name);
    }
}

#[test]
fn parts_of_a_checkpoint_fill_modules() {
    let bytes = fixture("authors_small.pt");
    let checkpoint = open(&bytes).expect("written by torch");
    assert!(checkpoint.has_prefix("mtcnn."));
    let multimodal = checkpoint.clone().without(["T.", "mtcnn."]);
    assert!(!multimodal.has_prefix("mtcnn.") && !multimodal.has_prefix("T."));
    assert_eq!(multimodal.specs().len(), 10);

    let device = Device::flex();
    let linear = LinearConfig::new(6, 5).init(&device);
    let linear = load_params(linear, &mut checkpoint.clone().under("v_flatten.0."))
        .expect("names and shapes fit");
    // PyTorch stores [out, in], burn [in, out].
    let transposed = linear.weight.val().transpose();
    assert_eq!(values(transposed), formula("v_flatten.0.weight", 30));

    let refused = |wanted: &[ParamSpec]| {
        let error = multimodal.verify(wanted).expect_err("does not fit");
        error.to_string()
    };
    let mut specs = multimodal.specs();
    specs[0].shape = vec![4, 3];
    assert!(refused(&specs).contains("[3, 4]"));
    assert!(refused(&specs[1..]).contains("does not have"));
    specs.push(spec("a_out.weight", &[6]));
    assert!(refused(&specs).contains("a_out.weight"));
}

#[test]
fn a_training_checkpoint_with_odd_layouts_and_types() {
    let bytes = fixture("training_small.pt");
    let mut checkpoint = open(&bytes).expect("written by torch");
    let names: Vec<String> = checkpoint.specs().into_iter().map(|s| s.name).collect();
    let expected = [
        "brain",
        "count",
        "double",
        "empty",
        "first_rows",
        "half",
        "last_column",
        "parameter",
        "transposed",
    ];
    assert_eq!(names, expected);
    let mut take = |name: &str, shape: &[usize]| checkpoint.take(&spec(name, shape));

    let rows = formula("transposed", 12);
    let columns: Vec<f32> = (0..12).map(|i| rows[i % 4 * 3 + i / 4]).collect();
    assert_eq!(take("transposed", &[3, 4]).expect("a view"), columns);
    assert_eq!(take("double", &[3, 2]).expect("f64"), formula("double", 6));
    assert_eq!(
        take("parameter", &[5]).expect("wrapped"),
        formula("parameter", 5)
    );
    assert!(take("empty", &[0, 3]).expect("no values").is_empty());
    let shared = formula("shared", 8);
    assert_eq!(take("first_rows", &[2, 2]).expect("a view"), shared[..4]);
    assert_eq!(
        take("last_column", &[4]).expect("a view"),
        [shared[1], shared[3], shared[5], shared[7]]
    );
    // Half keeps 11 significant bits, bfloat16 8: rounding shows, and is no more than half a step.
    for (name, step) in [("half", 1.0 / 1024.0), ("brain", 1.0 / 128.0)] {
        let got = take(name, &[3, 2]).expect("a short float");
        let error = got
            .iter()
            .zip(formula(name, 6))
            .map(|(got, exact)| ((got - exact) / exact).abs())
            .fold(0.0, f32::max);
        assert!(
            error > step / 100.0 && error <= step / 2.0,
            "{name}: {error}"
        );
    }
    let error = take("count", &[]).expect_err("an integer");
    assert!(error.to_string().contains("LongStorage"), "{error}");
}

#[test]
fn other_files_are_refused_with_a_reason() {
    let limited = Checkpoint::new(&fixture("authors_small.pt"), Limits { bytes: 100 })
        .expect_err("too large")
        .to_string();
    assert!(limited.contains("at most 100"), "{limited}");
    for (bytes, words) in [
        (fixture("module_small.pt"), "save model.state_dict()"),
        (fixture("legacy_small.pt"), "before 1.6"),
        (Vec::new(), "not a readable PyTorch file"),
        (
            fixture("make_checkpoints.py"),
            "not a readable PyTorch file",
        ),
    ] {
        let message = open(&bytes).expect_err(words).to_string();
        assert!(message.contains(words), "{message}");
    }
}
