//! `mesm bench` as a process. How long anything takes is not tested.

use serde_json::Value;

use crate::program::run;

const SMALL: [&str; 8] = [
    "bench",
    "--size",
    "web",
    "--frames",
    "1",
    "--chunks",
    "1",
    "--rounds=1",
];

#[test]
fn both_models_are_measured_stage_by_stage() {
    let measured = run(|command| {
        command
            .args(SMALL)
            .args(["--json", "--top-p", "0.3", "--threads", "1"]);
    });
    assert_eq!((measured.code, measured.stderr.as_str()), (0, ""));
    let found: Value = serde_json::from_str(measured.stdout.lines().last().unwrap()).unwrap();
    let median = |model: &str| found[model]["time"]["median_s"].as_f64().unwrap();
    let ratio = found["fe2e_over_mesm"].as_f64().unwrap();
    assert!((ratio - median("fe2e") / median("mesm")).abs() < 1e-9 * ratio);
    assert!(
        found["macs_fe2e_over_mesm"].as_f64().unwrap() > 1.5,
        "{found}"
    );
    assert_eq!(
        (&found["threads"], &found["device"]),
        (&1.into(), &"cpu".into())
    );
    let stages = |model: &str| -> Vec<String> {
        let stages = found[model]["stages"].as_array().unwrap().iter();
        stages
            .map(|stage| stage["stage"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(stages("fe2e"), ["low-level", "flatten", "sequence"]);
    let all = [
        "low-level",
        "attention",
        "selection",
        "gather",
        "product",
        "pool",
        "flatten",
        "sequence",
    ];
    assert_eq!(stages("mesm"), all);
    let counted = |stage: usize, key: &str| found["mesm"]["stages"][stage][key].as_u64().unwrap();
    // Products are counted in multiply-accumulates, what moves rows in bytes, the rest not at all.
    let macs = [true, true, false, false, true, false, true, false];
    let bytes = [false, false, false, true, false, true, false, false];
    for stage in 0..all.len() {
        let work = (counted(stage, "macs") > 0, counted(stage, "bytes") > 0);
        assert_eq!(work, (macs[stage], bytes[stage]), "{}", all[stage]);
    }
    let sum: u64 = (0..all.len()).map(|stage| counted(stage, "macs")).sum();
    assert_eq!(found["mesm"]["macs"], sum);
    let kept = found["mesm"]["kept"].as_array().unwrap();
    assert_eq!(kept.len(), 3);
    assert!(
        kept.iter()
            .all(|share| (0.0..0.6).contains(&share.as_f64().unwrap()))
    );
}

#[test]
fn a_case_holds_weights_inputs_and_logits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.safetensors");
    let measured = run(|command| {
        command.args(SMALL).arg("--case").arg(&file);
    });
    assert_eq!((measured.code, measured.stderr.as_str()), (0, ""));
    assert!(
        measured.stdout.contains("fe2e / mesm"),
        "{}",
        measured.stdout
    );
    let bytes = std::fs::read(&file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let shape = |name: &str| tensors.tensor(name).unwrap().shape().to_vec();
    assert_eq!(shape("input.text"), [1, 384]);
    assert_eq!(shape("input.faces"), [1, 3, 48, 48]);
    assert_eq!(shape("input.mels"), [1, 1, 128, 32]);
    assert_eq!(shape("logits"), [1, 6]);
    assert_eq!(shape("V.6.conv1.weight"), [48, 24, 3, 3]);
}
