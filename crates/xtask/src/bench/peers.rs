//! Other programs that compute FE2E with the same weights.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::places::Places;
use crate::process::{capture, program};
use crate::python;
use crate::site::{copy, copy_file};
use crate::step::{note, step};

/// Where the peers' scripts and versions stand.
const FOLDER: &str = "bench/peers";

/// PyTorch and onnxruntime, in a Python of their own.
pub(super) struct Native {
    python: PathBuf,
    script: PathBuf,
}

impl Native {
    /// Brings the pinned packages (about 2.5 GB: PyTorch comes with its libraries for graphics cards). Without a Python
    /// there is a note and nothing.
    ///
    /// # Errors
    /// When the packages cannot be brought.
    pub(super) fn require(places: &Places) -> Result<Option<Self>> {
        let folder = places.root.join(FOLDER);
        let environment = places.tools().join("peers");
        let Some(python) = ["python3", "python"].into_iter().find_map(program) else {
            note("no Python on PATH: PyTorch and onnxruntime are not measured");
            return Ok(None);
        };
        python::environment(&python, &environment, &folder.join("requirements.txt"))?;
        Ok(Some(Self {
            python: python::interpreter_of(&environment),
            script: folder.join("fe2e.py"),
        }))
    }

    /// Measures both on a case, and leaves the network for a browser where `onnx` says.
    ///
    /// # Errors
    /// When the script fails.
    pub(super) fn measure(
        &self,
        case: &Path,
        threads: usize,
        rounds: usize,
        onnx: Option<&Path>,
    ) -> Result<Value> {
        let mut command = Command::new(&self.python);
        command
            .arg(&self.script)
            .arg(case)
            .args(["--threads", &threads.to_string()])
            .args(["--rounds", &rounds.to_string()]);
        if let Some(onnx) = onnx {
            command.arg("--onnx").arg(onnx);
        }
        let said = capture(&mut command)?;
        let line = said.lines().last().unwrap_or_default();
        serde_json::from_str(line).with_context(|| format!("{}: {line}", self.script.display()))
    }
}

fn web_folder(places: &Places) -> PathBuf {
    places.tools().join("peers-web")
}

/// Where [`web`] puts packages.
pub(super) fn node_modules(places: &Places) -> PathBuf {
    web_folder(places).join("node_modules")
}

/// Puts the pinned onnxruntime-web into `folder/ort`. Without Node there is a note and `false`.
///
/// # Errors
/// When npm cannot bring it.
pub(super) fn web(places: &Places, folder: &Path) -> Result<bool> {
    let Some(npm) = program("npm") else {
        note("no npm on PATH: onnxruntime-web is not measured");
        return Ok(false);
    };
    let modules = web_folder(places);
    for name in ["package.json", "package-lock.json"] {
        copy_file(&places.root.join(FOLDER).join(name), &modules.join(name))?;
    }
    step("npm ci: onnxruntime-web", || {
        capture(Command::new(npm).current_dir(&modules).args([
            "ci",
            "--silent",
            "--no-audit",
            "--no-fund",
        ]))
    })?;
    let ort = folder.join("ort");
    if ort.exists() {
        fs::remove_dir_all(&ort).with_context(|| format!("cannot empty {}", ort.display()))?;
    }
    copy(&modules.join("node_modules/onnxruntime-web/dist"), &ort)?;
    Ok(true)
}
