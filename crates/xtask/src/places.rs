//! Where everything lies: the checkout, the cache and the target folders.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The folders that the commands read and write.
///
/// Nothing that is expensive to make lies in the checkout: build outputs, tools and downloads are shared by all
/// checkouts of one user and survive `git clean`.
#[derive(Debug, Clone)]
pub struct Places {
    /// The checkout: the folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// `MESM_CACHE`, or `mesm` in the user's cache folder.
    pub cache: PathBuf,
    /// Cargo's target folder for native builds: `CARGO_TARGET_DIR`, or `<cache>/target`.
    pub native_target: PathBuf,
    /// Cargo's target folder for wasm32 builds: `web` in `CARGO_TARGET_DIR`, or `<cache>/target-web`.
    /// A folder of its own, because one Cargo run locks its target folder against all others.
    pub web_target: PathBuf,
}

impl Places {
    /// Finds the checkout upwards from the current folder, and the cache from the environment.
    ///
    /// # Errors
    /// When no workspace contains the current folder, or the user has no home folder.
    pub fn find() -> Result<Self> {
        let here = env::current_dir().context("the current folder cannot be read")?;
        let root = workspace_root(&here).with_context(|| {
            format!(
                "no workspace around {}: run `cargo xtask` inside the checkout",
                here.display()
            )
        })?;
        let cache = match path_from("MESM_CACHE") {
            Some(folder) => here.join(folder),
            None => user_cache()?.join("mesm"),
        };
        let (native_target, web_target) = match path_from("CARGO_TARGET_DIR") {
            Some(folder) => (here.join(&folder), here.join(folder).join("web")),
            None => (cache.join("target"), cache.join("target-web")),
        };
        Ok(Self {
            root,
            cache,
            native_target,
            web_target,
        })
    }

    /// Programs installed by the project: `bin` holds the executables.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// Verified downloads.
    pub fn downloads(&self) -> PathBuf {
        self.cache.join("downloads")
    }

    /// The text encoder's files (`model.safetensors`, `tokenizer.json`, `config.json`).
    pub fn minilm(&self) -> PathBuf {
        self.downloads().join("minilm")
    }

    /// Files shipped with the project: weights, sample, notices.
    pub fn shipped(&self) -> PathBuf {
        self.root.join("static")
    }

    /// The crate of the page, where trunk is started.
    pub fn page(&self) -> PathBuf {
        self.root.join("web").join("page")
    }
}

fn workspace_root(from: &Path) -> Option<PathBuf> {
    from.ancestors()
        .find(|folder| {
            std::fs::read_to_string(folder.join("Cargo.toml"))
                .is_ok_and(|text| text.lines().any(|line| line.trim() == "[workspace]"))
        })
        .map(Path::to_path_buf)
}

fn path_from(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn user_cache() -> Result<PathBuf> {
    if let Some(folder) = path_from("XDG_CACHE_HOME") {
        return Ok(folder);
    }
    if let Some(folder) = path_from("LOCALAPPDATA").filter(|_| cfg!(windows)) {
        return Ok(folder);
    }
    let Some(home) = env::home_dir() else {
        bail!(
            "no home folder is known: set MESM_CACHE to the folder that downloads and builds may use"
        );
    };
    Ok(if cfg!(target_os = "macos") {
        home.join("Library/Caches")
    } else {
        home.join(".cache")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_from_any_folder_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(
            folder.path().join("Cargo.toml"),
            "[workspace]\nmembers = []\n",
        )
        .unwrap();
        std::fs::write(deep.join("Cargo.toml"), "[package]\nname = \"b\"\n").unwrap();
        assert_eq!(workspace_root(&deep).unwrap(), folder.path());
    }

    #[test]
    fn a_folder_outside_any_workspace_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(workspace_root(folder.path()), None);
    }
}
