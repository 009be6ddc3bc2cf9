//! `cargo xtask train-demo`: from a folder of data to the weights of the page, in one command.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::minilm;
use crate::native;
use crate::places::Places;
use crate::process::{clean, run};
use crate::step::{note, step};

/// Settings of the page's model.
pub const RECIPE: &str = "crates/mesm-train/recipes/web.toml";
/// The devices a program can be built for, as `mesm --device` names them.
pub const DEVICES: [&str; 3] = ["cpu", "cuda", "vulkan"];

/// The recipe's phases that do not depend on each other: the last of a part, those before it, and the letter of what they
/// teach.
const PARTS: [(&str, &str, char); 3] = [
    ("words", "words", 't'),
    ("faces", "faces-dense,faces", 'v'),
    ("voices", "voices-dense,voices", 'a'),
];
/// Those that need all parts.
const TOGETHER: &str = "joint,query,faces-settled,voices-settled,weighed";

/// Prepares the data, trains words, faces and voices side by side and then all together, writes the files of the page and
/// judges them on the split `test`. Each part goes on where it was stopped.
///
/// # Errors
/// When the data cannot be read, the program does not build or the training fails.
pub fn train_demo(
    places: &Places,
    data: &Path,
    out: &Path,
    recipe: &Path,
    device: &str,
) -> Result<()> {
    let here = std::env::current_dir().context("the current folder cannot be read")?;
    let (data, out) = (here.join(data), here.join(out));
    let recipe = if recipe == Path::new(RECIPE) {
        places.root.join(recipe)
    } else {
        here.join(recipe)
    };
    let encoder = step("weights: text encoder", || minilm::require(places))?;
    let features: &[&str] = match device {
        "cpu" => &[],
        device => &["--features", device],
    };
    let program = own_copy(&native::build(places, features)?.join("mesm"), &out)?;
    let mesm = |what: &str, words: &[&str]| {
        step(what, || {
            run(clean(&program)
                .current_dir(&places.root)
                .env("MESM_TEXT_ENCODER", &encoder)
                .args(words))
        })
    };
    let name = recipe.file_stem().unwrap_or_default().to_string_lossy();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let (store, web) = (text(&out.join("store")), out.join("web"));
    std::fs::create_dir_all(&web).with_context(|| format!("{}", web.display()))?;
    mesm(
        "prepare the data",
        &["prepare", "manifest", &text(&data), "--out", &store],
    )?;
    let train = |phases: &str| {
        let mut command = clean(&program);
        command
            .current_dir(&places.root)
            .env("MESM_TEXT_ENCODER", &encoder)
            .args(["train", "--data", &store, "--config"])
            .arg(&recipe)
            .args(["--only", phases, "--device", device]);
        command
    };
    step("train words, faces and voices", || {
        let part = |(part, phases, _)| {
            let mut command = train(phases);
            command.arg("--out").arg(out.join(part));
            (part, command)
        };
        side_by_side(&out, PARTS.map(part))
    })?;
    step("train all together", || {
        let mut joint = train(TOGETHER);
        joint.arg("--out").arg(out.join("joint"));
        for (part, _, letter) in PARTS {
            let weights = out.join(part).join(format!("{part}.safetensors"));
            joint
                .arg("--part")
                .arg(format!("{letter}={}", text(&weights)));
        }
        run(&mut joint)
    })?;
    let (model, words) = (
        text(&web.join(format!("mesm-{name}.safetensors"))),
        text(&web.join("text")),
    );
    let trained = text(&out.join("joint").join("weighed.safetensors"));
    let files = [&trained, "--out", &model, "--text-out", &words];
    // Faces are drawn more evenly than they are; half of what that does is taken back.
    let prior = ["--prior", "v=0.2", "--data", &store];
    // The page's dial goes from few points to all of them.
    let calibrated = ["--calibrate-top-p", "0.1..1.0"];
    let format = ["--text-format", "int8-int4"];
    mesm(
        "write the page's files",
        &[&["export"], &files[..], &format, &prior, &calibrated].concat(),
    )?;
    let figures = text(&out.join("figures"));
    let judged = [
        "--data",
        &store,
        "--weights",
        &model,
        "--text-encoder",
        &words,
    ];
    let shown = ["--composed", "--figures", &figures, "--device", device];
    mesm("judge", &[&["eval"], &judged[..], &shown].concat())
}

/// Copies the program to the results: a training takes hours, in which the target folder may be built anew.
fn own_copy(program: &Path, out: &Path) -> Result<PathBuf> {
    let (own, part) = (out.join("mesm"), out.join("mesm.part"));
    std::fs::create_dir_all(out)
        .and_then(|()| std::fs::copy(program, &part))
        .and_then(|_| std::fs::rename(&part, &own))
        .with_context(|| format!("cannot copy {} to {}", program.display(), own.display()))?;
    Ok(own)
}

/// Runs commands at the same time, each with its share of the processor: two steps of training on a core each are done
/// sooner than one after the other on two. What they say goes into files.
fn side_by_side<const N: usize>(out: &Path, commands: [(&str, Command); N]) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = (cores / N).max(1).to_string();
    let mut running = Vec::new();
    for (name, mut command) in commands {
        let log = out.join(format!("{name}.log"));
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("{}", log.display()))?;
        note(&format!("{name}: progress is in {}", log.display()));
        let child = command
            .env("RAYON_NUM_THREADS", &threads)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start the training of {name}"))?;
        running.push((name, log, child));
    }
    let mut failed = Vec::new();
    for (name, log, mut child) in running {
        if !child.wait()?.success() {
            failed.push(format!("{name} (the end of {} says why)", log.display()));
        }
    }
    if !failed.is_empty() {
        bail!("the training ended early: {}", failed.join(", "));
    }
    Ok(())
}
