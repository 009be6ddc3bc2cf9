//! The engine as an npm package.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::places::Places;
use crate::site::{self, STATIC};

/// What the package takes from a built site.
const ENGINE: [&str; 3] = [
    "engine-worker.js",
    "mesm-engine.js",
    "mesm-engine_bg.wasm.gz",
];
/// What it takes from the shipped files: the rest belongs to the page.
const MODELS: [&str; 3] = ["weights", "mtcnn.safetensors", "LICENSES.md"];
const MANIFEST: &str = "package.json";

/// Puts the package together in `out`, from the engine of the built site `from`, the shipped files and the library's own.
///
/// # Errors
/// When `out` holds something else, or a file cannot be read or written.
pub fn build(places: &Places, from: &Path, out: &Path) -> Result<()> {
    site::spare_others(out, is_ours(out))?;
    if out.is_dir() {
        fs::remove_dir_all(out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    site::copy(&places.root.join("web/npm"), out)?;
    for name in ENGINE {
        site::copy_file(&from.join(name), &out.join(name))?;
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        site::copy_file(&places.root.join(licence), &out.join(licence))?;
    }
    let models = out.join(STATIC);
    for name in MODELS {
        site::copy(&places.shipped().join(name), &models.join(name))?;
    }
    site::write_sums(out, &models)?;
    name_version(&out.join(MANIFEST))
}

/// Whether a folder holds this package.
fn is_ours(folder: &Path) -> bool {
    manifest(&folder.join(MANIFEST)).is_ok_and(|manifest| manifest["name"] == "mesm")
}

fn manifest(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}", path.display()))
}

/// The package has the version of the workspace, which stands in one place.
fn name_version(path: &Path) -> Result<()> {
    let mut manifest = manifest(path)?;
    manifest["version"] = env!("CARGO_PKG_VERSION").into();
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn places(root: &Path) -> Places {
        for (name, text) in [
            (
                "web/npm/package.json",
                r#"{"name":"mesm","version":"0.0.0"}"#,
            ),
            ("web/npm/index.js", "export {}"),
            ("static/weights/model.json", "{}"),
            ("static/mtcnn.safetensors", ""),
            ("static/LICENSES.md", ""),
            ("static/sample.mp4", "film"),
            ("LICENSE-MIT", ""),
            ("LICENSE-APACHE", ""),
        ] {
            write(&root.join(name), text);
        }
        for name in ENGINE {
            write(&root.join("site").join(name), name);
        }
        Places {
            root: root.into(),
            cache: root.join("cache"),
            native_target: root.join("n"),
            web_target: root.join("w"),
        }
    }

    #[test]
    fn a_package_holds_engine_models_and_their_sums() {
        let folder = tempfile::tempdir().unwrap();
        let (places, out) = (places(folder.path()), folder.path().join("out"));
        build(&places, &folder.path().join("site"), &out).unwrap();
        write(&out.join("old.js"), "");
        build(&places, &folder.path().join("site"), &out).unwrap();
        assert!(!out.join("old.js").exists());
        let manifest = manifest(&out.join(MANIFEST)).unwrap();
        assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
        let sums: Value =
            serde_json::from_str(&fs::read_to_string(out.join("files.json")).unwrap()).unwrap();
        let names: Vec<_> = sums.as_object().unwrap().keys().collect();
        let models = ["LICENSES.md", "mtcnn.safetensors", "weights/model.json"];
        assert_eq!(
            names,
            models
                .map(|name| format!("static/{name}"))
                .iter()
                .collect::<Vec<_>>()
        );
        for name in ENGINE {
            assert!(out.join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn a_folder_of_others_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (places, out) = (places(folder.path()), folder.path().join("out"));
        write(&out.join("package.json"), r#"{"name":"theirs"}"#);
        let error = build(&places, &folder.path().join("site"), &out).unwrap_err();
        assert!(error.to_string().contains("--out"), "{error}");
        assert!(out.join("package.json").is_file());
    }
}
