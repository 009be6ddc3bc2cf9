//! `cargo xtask train-demo`: from a folder of data to the weights of the page, in one command.

use std::path::Path;

use anyhow::{Context, Result};

use crate::minilm;
use crate::places::Places;
use crate::process::{clean, run};
use crate::step::step;

/// Settings of the page's model.
const RECIPE: &str = "crates/mesm-train/recipes/web.toml";
/// The devices a program can be built for, as `mesm --device` names them.
pub const DEVICES: [&str; 3] = ["cpu", "cuda", "vulkan"];

/// Prepares the data, trains all phases of the recipe and judges the result on the split `test`. Each part goes on where
/// it was stopped.
///
/// # Errors
/// When the data cannot be read, the program does not build or the training fails.
pub fn train_demo(places: &Places, data: &Path, out: &Path, device: &str) -> Result<()> {
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    let (data, out) = (here.join(data), here.join(out));
    let encoder = step("weights: text encoder", || minilm::require(places))?;
    let features: &[&str] = match device {
        "cpu" => &[],
        device => &["--features", device],
    };
    step("build the program mesm", || {
        run(clean("cargo")
            .current_dir(&places.root)
            .env("CARGO_TARGET_DIR", &places.native_target)
            .args(["build", "--release", "-p", "mesm-cli", "-p", "mesm-tests"])
            .args(features))
    })?;
    let program = places.native_target.join("release").join("mesm");
    let mesm = |what: &str, words: &[&str]| {
        step(what, || {
            run(clean(&program)
                .current_dir(&places.root)
                .env("MESM_TEXT_ENCODER", &encoder)
                .args(words))
        })
    };
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (store, last) = (
        text(&out.join("store")),
        text(&out.join("joint.safetensors")),
    );
    std::fs::create_dir_all(&out).with_context(|| format!("{}", out.display()))?;
    mesm(
        "prepare the data",
        &["prepare", "manifest", &text(&data), "--out", &store],
    )?;
    mesm(
        "train",
        &[
            "train",
            "--data",
            &store,
            "--config",
            RECIPE,
            "--out",
            &text(&out),
            "--device",
            device,
        ],
    )?;
    mesm(
        "judge",
        &[
            "eval",
            "--data",
            &store,
            "--split",
            "test",
            "--weights",
            &last,
            "--composed",
            "--device",
            device,
        ],
    )
}
