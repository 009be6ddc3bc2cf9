//! What stands between trunk and wasm-bindgen.
//!
//! trunk starts whatever `wasm-bindgen` is first on `PATH` and hands on no option to drop function names, which are
//! half of a module of this size. So a small script of that name comes first; it starts this program again, which adds
//! the options and lets wasm-opt work on the result. Doing it here, before trunk computes hashes, keeps the page's
//! integrity attributes right.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::download::sha256;
use crate::places::Places;
use crate::process::{capture, program};
use crate::step::{note, size, step};
use crate::tools::wasm_opt;

/// The hidden command of this program that the script uses.
pub const COMMAND: &str = "wasm-bindgen-without-names";

/// Tells [`stand_in`] which program it stands in for.
const REAL: &str = "MESM_WASM_BINDGEN";

/// Tells [`stand_in`] where optimised modules are kept.
const KEPT: &str = "MESM_OPTIMISED";

/// What the compiler may have used, all of it in every browser with WebGPU; older releases of wasm-opt refuse a module
/// whose features they are not told.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
    "--enable-simd",
];

/// Writes the script and returns its folder, to be put first on `PATH`, and the variables it needs.
///
/// # Errors
/// When wasm-bindgen is not there or the script cannot be written.
pub fn script(places: &Places) -> Result<(PathBuf, [(&'static str, PathBuf); 2])> {
    let own = places
        .tools()
        .join("bin")
        .join(format!("wasm-bindgen{}", env::consts::EXE_SUFFIX));
    let real = if own.is_file() {
        Some(own)
    } else {
        program("wasm-bindgen")
    };
    let real = real.context("wasm-bindgen is not installed")?;
    let this = env::current_exe().context("the path of this program is unknown")?;
    let folder = places.cache.join("stand-in");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    write(&folder, &this).with_context(|| format!("cannot write to {}", folder.display()))?;
    Ok((
        folder,
        [(REAL, real), (KEPT, places.cache.join("optimised"))],
    ))
}

#[cfg(unix)]
fn write(folder: &Path, this: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let script = folder.join("wasm-bindgen");
    fs::write(
        &script,
        format!("#!/bin/sh\nexec '{}' {COMMAND} \"$@\"\n", this.display()),
    )?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn write(folder: &Path, this: &Path) -> std::io::Result<()> {
    fs::write(
        folder.join("wasm-bindgen.cmd"),
        format!("@\"{}\" {COMMAND} %*\r\n", this.display()),
    )
}

/// Runs the real wasm-bindgen with the arguments of trunk and the options for a small module, then wasm-opt.
///
/// # Errors
/// When the real program is not named or does not start.
pub fn stand_in(arguments: &[OsString]) -> Result<ExitCode> {
    let real = env::var_os(REAL)
        .with_context(|| format!("{REAL} names no program: this command is for trunk"))?;
    let mut command = Command::new(real);
    command.args(arguments);
    // Only a run that writes a module takes the options; trunk also asks for the version.
    let module = module_of(arguments);
    if module.is_some() {
        command.args(["--remove-name-section", "--remove-producers-section"]);
    }
    let status = command.status().context("wasm-bindgen does not start")?;
    if status.success()
        && let Some(module) = module
        && let Err(error) = optimise(&module)
    {
        // Smaller is better, not necessary.
        note(&format!("{} stays as it is: {error:#}", module.display()));
    }
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The module that wasm-bindgen will write with these arguments.
fn module_of(arguments: &[OsString]) -> Option<PathBuf> {
    let option = |name: &str| {
        arguments
            .iter()
            .filter_map(|one| one.to_str())
            .find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
    };
    Some(Path::new(option("--out-dir")?).join(format!("{}_bg.wasm", option("--out-name")?)))
}

/// Replaces a module by wasm-opt's version of it, which is kept: the same module comes again for every path below which
/// the site is built.
fn optimise(module: &Path) -> Result<()> {
    let Some(optimiser) = wasm_opt() else {
        return Ok(());
    };
    let folder = PathBuf::from(env::var_os(KEPT).with_context(|| format!("{KEPT} is not set"))?);
    let name = module
        .file_stem()
        .context("the module has no name")?
        .to_string_lossy()
        .into_owned();
    let sum = sha256(module).with_context(|| format!("cannot read {}", module.display()))?;
    let kept = folder.join(format!("{name}-{}.wasm", &sum[..16]));
    if !kept.is_file() {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        for entry in fs::read_dir(&folder)?.flatten() {
            if entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{name}-"))
            {
                fs::remove_file(entry.path())?;
            }
        }
        step(&format!("wasm-opt {name}"), || {
            let part = kept.with_extension("part");
            capture(
                Command::new(&optimiser)
                    .arg("-O1")
                    .args(FEATURES)
                    .arg(module)
                    .arg("-o")
                    .arg(&part),
            )?;
            fs::rename(&part, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
            note(&format!(
                "{} to {}",
                size(fs::metadata(module)?.len()),
                size(fs::metadata(&kept)?.len())
            ));
            Ok(())
        })?;
    }
    fs::copy(&kept, module).with_context(|| format!("cannot write {}", module.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_known_from_the_arguments() {
        let arguments = [
            "--target=web",
            "--out-dir=/t/wasm-bindgen/release",
            "--out-name=mesm-page",
            "/t/in.wasm",
        ];
        let module = module_of(&arguments.map(OsString::from)).unwrap();
        assert_eq!(
            module,
            Path::new("/t/wasm-bindgen/release/mesm-page_bg.wasm")
        );
        assert_eq!(module_of(&["--version".into()]), None);
    }
}
