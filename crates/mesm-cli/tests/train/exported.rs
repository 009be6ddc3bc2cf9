//! Weights that are written small say what they said before.

use std::fs;

use super::bench::{Bench, assert_learnt, is_svg};

#[test]
fn exported_weights_say_the_same_and_are_small() {
    let bench = Bench::learnt();
    assert!(is_svg(&bench.path("run/words.svg")), "learning curves");
    let export = "export run/words.safetensors --out";
    let told = bench.done(&format!(
        "{export} small.safetensors --text-out text --text-format int8"
    ));
    assert!(told.contains("small.safetensors: 0."), "{told}");
    let size = |name: &str| fs::metadata(bench.path(name)).unwrap().len();
    let small = size("small.safetensors") + size("text/model.safetensors");
    assert!(
        small * 2 < size("run/words.safetensors"),
        "{small} bytes are not small"
    );
    let with_prior = format!("{export} prior.safetensors --prior t=0.2");
    bench.refused(&with_prior, "--data");
    bench.done(&format!("{with_prior} --data store"));

    let weights = "--weights small.safetensors --text-encoder text";
    let answer = bench.answer(&format!(
        "eval --data store {weights} --figures figures --json"
    ));
    assert_learnt(&answer);
    assert!(is_svg(&bench.path("figures/confusion-text.svg")));
    assert!(is_svg(&bench.path("figures/calibration-text.svg")));
    assert!(!bench.path("figures/confusion-faces.svg").exists());
}
