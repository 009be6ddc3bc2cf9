//! Target folders that several checkouts share.

use std::fs;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::process::{clean, run};
use crate::step::step;
use crate::toolchain::{PROFILE, TARGET};

/// The file of a target folder that names the checkout whose builds it holds.
const MARK: &str = "checkout";

/// Makes the target folders this checkout's.
///
/// Cargo knows the members of a workspace by their places in it: what another checkout built counts as built here
/// wherever it is newer than the sources, with the other one's code and paths in it. The members' builds are removed
/// when the checkout changes; those of the dependencies stay.
///
/// # Errors
/// When a folder cannot be written or cleaned.
pub fn claim(places: &Places) -> Result<()> {
    let folders = [
        (&places.native_target, "release", None),
        (&places.web_target, PROFILE, Some(TARGET)),
    ];
    let own = places.root.as_os_str().as_encoded_bytes();
    for (folder, profile, target) in folders {
        let mark = folder.join(MARK);
        if fs::read(&mark).is_ok_and(|found| found == own) {
            continue;
        }
        if folder.join(profile).exists() || target.is_some_and(|t| folder.join(t).exists()) {
            step(
                "another checkout was built here: its own crates are removed",
                || {
                    let mut command = clean("cargo");
                    command
                        .current_dir(&places.root)
                        .env("CARGO_TARGET_DIR", folder)
                        .args(["clean", "--workspace", "--profile", profile]);
                    if let Some(target) = target {
                        command.args(["--target", target]);
                    }
                    run(&mut command)
                },
            )?;
        }
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&mark, own))
            .with_context(|| format!("{}", mark.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MARK, claim};
    use crate::places::Places;

    #[test]
    fn a_folder_is_marked_once() {
        let folder = tempfile::tempdir().unwrap();
        let within = |name: &str| folder.path().join(name);
        let places = Places {
            root: within("here"),
            cache: within("cache"),
            native_target: within("native"),
            web_target: within("web"),
        };
        claim(&places).unwrap();
        claim(&places).unwrap();
        let mark = std::fs::read(within("web").join(MARK)).unwrap();
        assert_eq!(mark, places.root.as_os_str().as_encoded_bytes());
    }
}
