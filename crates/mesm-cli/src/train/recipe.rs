//! Files of settings. One may name another as its `base` and then says only what is different: sizes of a model share
//! their phases, and a try-out is a few lines.

use std::path::Path;

use mesm_train::config::TrainConfig;
use toml::{Table, Value};

use crate::error::CliError;

/// The key that names the file to begin with, beside the one it stands in.
const BASE: &str = "base";
/// Files that may lie on top of each other: more is a circle.
const MOST_FILES: usize = 8;

/// The settings of a file on top of those of its bases, on top of the defaults. Tables are merged key by key; anything
/// else, the list of phases too, is replaced.
///
/// # Errors
/// When a file cannot be read or a setting is not known; the message names the file and the line.
pub fn read(path: &Path) -> Result<TrainConfig, CliError> {
    let merged = table(path, MOST_FILES)?;
    merged.try_into().map_err(|e| wrong(path, &e))
}

fn table(path: &Path, most: usize) -> Result<Table, CliError> {
    if most == 0 {
        return Err(CliError::Arguments(format!(
            "{}: more than {MOST_FILES} files of settings on top of each other; is one its own `{BASE}`?",
            path.display()
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|source| CliError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let mut own: Table = toml::from_str(&text).map_err(|e| wrong(path, &e))?;
    let base = own.remove(BASE);
    // Each file alone too: of what is merged nobody knows the line any more.
    match &base {
        None => toml::from_str::<TrainConfig>(&text).map(drop),
        Some(_) => own.clone().try_into::<TrainConfig>().map(drop),
    }
    .map_err(|e| wrong(path, &e))?;
    match base {
        None => Ok(own),
        Some(Value::String(base)) => {
            let mut below = table(&path.with_file_name(base), most - 1)?;
            merge(&mut below, own);
            Ok(below)
        }
        Some(other) => Err(CliError::Arguments(format!(
            "{}: `{BASE}` must be the name of a file; found {other}",
            path.display()
        ))),
    }
}

fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

fn wrong(path: &Path, error: &toml::de::Error) -> CliError {
    CliError::Arguments(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_file_says_what_is_different_from_its_base() {
        let folder = written(&[
            (
                "a.toml",
                "seed = 3\n[model]\ntop_p = 0.7\ntrans_dim = 32\n[[phases]]\nname = \"faces\"\n",
            ),
            ("b.toml", "base = \"a.toml\"\n[model]\ntrans_dim = 64\n"),
            ("c.toml", "base = \"b.toml\"\nseed = 4\n"),
        ]);
        let config = read(&folder.path().join("c.toml")).unwrap();
        let model = config.model.end_to_end().unwrap();
        assert_eq!((config.seed, model.trans_dim), (4, 64));
        assert!((model.top_p - 0.7).abs() < 1e-6);
        assert_eq!(config.phases[0].name, "faces");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = written(&[
            ("a.toml", "seed = 3\nsped = 1\n"),
            ("b.toml", "base = \"a.toml\"\n"),
            ("c.toml", "base = \"c.toml\"\n"),
            ("d.toml", "base = 3\n"),
            ("e.toml", "base = \"a.toml\"\nsteps = 3\n"),
        ]);
        let error = |name: &str| read(&folder.path().join(name)).unwrap_err().to_string();
        assert!(error("b.toml").contains("a.toml") && error("b.toml").contains("line 2"));
        assert!(error("c.toml").contains("its own `base`"));
        assert!(error("d.toml").contains("must be the name of a file; found 3"));
        assert!(error("e.toml").contains("e.toml") && error("e.toml").contains("steps"));
        assert!(error("f.toml").contains("f.toml"));
    }

    #[test]
    fn the_recipes_are_sound() {
        let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mesm-train/recipes");
        let names = ["web.toml", "paper.toml", "half.toml", "attention.toml"];
        let [web, paper, half, attention] = names.map(|name| {
            let config = read(&recipes.join(name)).unwrap();
            config.check().unwrap();
            config
        });
        // What is compared there is the nucleus alone, whether its attention learns or not.
        assert!(attention.model.end_to_end().unwrap().dither <= 0.0);
        assert_eq!(web.phases, paper.phases);
        // It begins with faces of the page's size.
        let [from, to] = [&web, &half].map(|config| config.model.end_to_end().unwrap());
        assert_eq!(from.widths, to.widths);
        assert!(to.dither > 0.0);
        // What is measured as the page's size is that size.
        let measured = mesm_bench::Size::Web.config(from.kind, from.top_p);
        let sizes = |model: &mesm::ModelConfig| {
            let dims = [model.flatten_dim, model.trans_dim, model.trans_feedforward];
            (model.widths, dims, model.trans_layers, model.trans_heads)
        };
        assert_eq!(sizes(&measured), sizes(from));
        assert_eq!(
            paper.model.end_to_end().unwrap().widths,
            [64, 128, 256, 512]
        );
    }
}
