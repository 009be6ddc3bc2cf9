//! `cargo xtask demo-report`: every model of the papers on small data sets that are made for it, from videos to tables.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::minilm;
use crate::native;
use crate::places::Places;
use crate::process::{clean, run};
use crate::step::{note, step};

/// Settings that are as small as can be.
const RECIPES: &str = "crates/mesm-train/recipes/quick";

/// Makes the data sets in `out`, prepares them, trains and judges every model on each, and writes the reports. What was
/// done before is not done again.
///
/// # Errors
/// When a program is missing or one of the steps fails.
pub fn demo_report(places: &Places, out: &Path) -> Result<()> {
    let out = std::env::current_dir()
        .context("the current folder cannot be read")?
        .join(out);
    std::fs::create_dir_all(&out).with_context(|| format!("{}", out.display()))?;
    let encoder = step("weights: text encoder", || minilm::require(places))?;
    let programs = native::build(places, &[])?;
    let made = step(
        "small data sets in the layouts of IEMOCAP and CMU-MOSEI",
        || corpora(&programs.join("small-corpora"), &out.join("corpora")),
    )?;
    for [name, folder, splits] in &made {
        let store = out.join("stores").join(name);
        let report = out.join("reports").join(name);
        let mesm = |command: &mut Command| {
            run(command
                .current_dir(&places.root)
                .env("MESM_TEXT_ENCODER", &encoder))
        };
        step(&format!("prepare {name}"), || {
            let mut prepare = clean(programs.join("mesm"));
            prepare.args(["prepare", name, folder, "--splits", splits, "--out"]);
            mesm(prepare.arg(&store))
        })?;
        step(&format!("count {name}"), || {
            mesm(clean(programs.join("mesm")).arg("stats").arg(&store))
        })?;
        step(&format!("train, judge and report {name}"), || {
            let mut tables = clean(programs.join("mesm"));
            tables.arg("report").arg("--data").arg(&store);
            mesm(tables.args(["--recipes", RECIPES, "--out"]).arg(&report))
        })?;
        note(&format!("{}", report.join("report.md").display()));
    }
    Ok(())
}

/// Name, folder and lists of splits of each data set that was made.
fn corpora(program: &Path, folder: &Path) -> Result<Vec<[String; 3]>> {
    let made = clean(program).arg(folder).output()?;
    if !made.status.success() {
        bail!("{}", String::from_utf8_lossy(&made.stderr).trim_end());
    }
    let lines = String::from_utf8(made.stdout)?;
    lines
        .lines()
        .map(|line| {
            let parts: Vec<String> = line.split('\t').map(str::to_owned).collect();
            parts
                .try_into()
                .map_err(|_| anyhow::anyhow!("{}: unexpected: {line}", program.display()))
        })
        .collect()
}
