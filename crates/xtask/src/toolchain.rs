//! The toolchain that compiles for wasm32: the one in use if it can, Debian's packaged one otherwise.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::debian;
use crate::places::Places;
use crate::process::{Version, capture, clean, path_with, program, version_of, within};
use crate::step::{note, step};

/// The target of everything under `web`.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// The profile of everything under `web`: small rather than fast, see the workspace's manifest.
pub const PROFILE: &str = "web";

/// Every current browser has fixed-width SIMD; Flex runs several times faster with it.
const RUSTFLAGS: &str = "-Ctarget-feature=+simd128";

/// The oldest compiler that builds the project (`rust-version` in Cargo.toml).
const OLDEST: Version = Version(1, 95, 0);

/// How long fetching the target may take; where no distribution server answers it fails at once.
const TARGET_LIMIT: Duration = Duration::from_mins(3);

/// The compiler, sources and library of Debian 12's packages for building web browsers.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// The parts of the standard library that are built. `test` is among them for the page too, which does not need it: every
/// crate is compiled against the whole list, and with another list for the tests all of Burn would be compiled twice.
const BUILD_STD: &str = "std,panic_abort,test";

/// A way to compile for wasm32.
#[derive(Debug, Clone)]
pub enum WasmToolchain {
    /// The toolchain that runs this program has the target's standard library.
    Own,
    /// Debian's compiler builds the standard library from Debian's sources.
    Packaged {
        /// The linker: a compiler from a Rust distribution server carries one, Debian's does not.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// Finds a toolchain for wasm32, bringing it when it is missing. `MESM_WASM_TOOLCHAIN` set to `own` or `packaged`
    /// leaves only that one.
    ///
    /// # Errors
    /// When there is no way to get one here; the message says what to do.
    pub fn require() -> Result<Self> {
        match env::var("MESM_WASM_TOOLCHAIN").ok().as_deref() {
            Some("packaged") => return Self::packaged(),
            Some("own") => {
                return if Self::own()? {
                    Ok(Self::Own)
                } else {
                    Self::add_target().map(|()| Self::Own)
                };
            }
            Some(other) if !other.is_empty() => {
                bail!("MESM_WASM_TOOLCHAIN is {other:?}: expected `own` or `packaged`")
            }
            _ => {}
        }
        if Self::own()? {
            return Ok(Self::Own);
        }
        // Without a distribution server this is no failure yet: Debian has packages.
        let added = step(&format!("rustup target add {TARGET}"), || {
            Ok(Self::add_target())
        })?;
        let Err(refused) = added else {
            return Ok(Self::Own);
        };
        note(&format!("not possible here: {refused:#}"));
        if packaged_compiler().is_some() || debian::can_install() {
            return Self::packaged();
        }
        bail!(
            "no standard library for {TARGET}. Install it with `rustup target add {TARGET}`, or as root on Debian 12 \
             with `apt-get install -y {} lld`, then run this again",
            PACKAGES.join(" ")
        )
    }

    /// Whether the running toolchain's own standard library covers wasm32.
    fn own() -> Result<bool> {
        let library = sysroot()?.join("lib/rustlib").join(TARGET).join("lib");
        Ok(library.is_dir())
    }

    fn add_target() -> Result<()> {
        let Some(rustup) = program("rustup") else {
            bail!("rustup is not installed")
        };
        within(
            TARGET_LIMIT,
            Command::new(rustup)
                .env("RUSTUP_MAX_RETRIES", "1")
                .args(["target", "add", TARGET]),
        )?;
        if !Self::own()? {
            bail!(
                "rustup added {TARGET} to another toolchain than the one in use ({})",
                sysroot()?.display()
            );
        }
        Ok(())
    }

    fn packaged() -> Result<Self> {
        if packaged_compiler().is_none() {
            debian::install(&PACKAGES)?;
            if packaged_compiler().is_none() {
                bail!(
                    "after `apt-get install {}` /usr/bin/rustc is not {OLDEST} or newer",
                    PACKAGES.join(" ")
                );
            }
        }
        let linker = if let Some(linker) = linker()? {
            linker
        } else {
            debian::install(&["lld"])?;
            linker()?.context("package lld brought no wasm-ld")?
        };
        Ok(Self::Packaged { linker })
    }

    /// One line for the user.
    pub fn describe(&self) -> String {
        match self {
            Self::Own => format!("wasm32 by the toolchain in use, with its own {TARGET} library"),
            Self::Packaged { linker } => format!(
                "wasm32 by Debian's /usr/bin/rustc, standard library from its sources, linker {}",
                linker.display()
            ),
        }
    }

    /// A program that calls Cargo and the compiler for wasm32 (Cargo itself, trunk) in this toolchain's environment,
    /// with the project's tools first on `PATH`.
    ///
    /// # Errors
    /// When a folder's name cannot stand in `PATH`.
    pub fn command(&self, places: &Places, program: &Path, before: &[PathBuf]) -> Result<Command> {
        let mut command = clean(program);
        let mut path = before.to_vec();
        path.push(places.tools().join("bin"));
        if let Self::Packaged { linker } = self {
            // Cargo and the compiler of one toolchain, and nothing of the other one in their environment.
            path.push(PathBuf::from("/usr/bin"));
            command
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("LD_LIBRARY_PATH")
                .env("CARGO", "/usr/bin/cargo")
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTDOC", "/usr/bin/rustdoc")
                // Building the standard library is an unstable feature of a stable compiler.
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_UNSTABLE_BUILD_STD", BUILD_STD)
                .env(for_target("LINKER"), linker);
        }
        command
            .current_dir(&places.root)
            .env("PATH", path_with(&path)?)
            .env("CARGO_TARGET_DIR", &places.web_target)
            // Either would replace the target's own flags.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env(for_target("RUSTFLAGS"), flags());
        Ok(command)
    }

    /// Cargo in this toolchain's environment.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub fn cargo(&self, places: &Places) -> Result<Command> {
        let cargo = match self {
            Self::Own => PathBuf::from("cargo"),
            Self::Packaged { .. } => PathBuf::from("/usr/bin/cargo"),
        };
        self.command(places, &cargo, &[])
    }
}

/// The name of Cargo's environment variable for one setting of the target.
pub fn for_target(setting: &str) -> String {
    format!(
        "CARGO_TARGET_{}_{setting}",
        TARGET.to_uppercase().replace('-', "_")
    )
}

/// The user's own flags for the target stay in force beside the project's.
fn flags() -> OsString {
    match env::var(for_target("RUSTFLAGS")) {
        Ok(own) if !own.contains(RUSTFLAGS) => format!("{own} {RUSTFLAGS}").trim().into(),
        _ => RUSTFLAGS.into(),
    }
}

fn sysroot() -> Result<PathBuf> {
    Ok(PathBuf::from(capture(
        Command::new("rustc").args(["--print", "sysroot"]),
    )?))
}

/// Debian's compiler with everything that building the standard library needs, if it is new enough.
fn packaged_compiler() -> Option<PathBuf> {
    let compiler = PathBuf::from("/usr/bin/rustc");
    let sources = Path::new("/usr/lib/rustlib/src/rust/library");
    let complete = Path::new("/usr/bin/cargo").exists() && sources.exists();
    (complete && version_of(&compiler)? >= OLDEST).then_some(compiler)
}

/// `rust-lld` of the toolchain in use, or an LLVM linker from the system, the newest first.
fn linker() -> Result<Option<PathBuf>> {
    let own = sysroot()?
        .join("lib/rustlib")
        .join(host()?)
        .join("bin/rust-lld");
    if own.is_file() {
        return Ok(Some(own));
    }
    Ok(["wasm-ld-19", "wasm-ld-16", "wasm-ld"]
        .into_iter()
        .find_map(program))
}

fn host() -> Result<String> {
    let said = capture(Command::new("rustc").arg("-vV"))?;
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("`rustc -vV` names no host")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_target_are_spelled_as_cargo_reads_them() {
        assert_eq!(
            for_target("RUNNER"),
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER"
        );
    }

    #[test]
    fn the_packaged_toolchain_leaves_no_trace_of_the_other() {
        let places = Places {
            root: "/checkout".into(),
            cache: "/cache".into(),
            native_target: "/native".into(),
            web_target: "/web".into(),
        };
        let toolchain = WasmToolchain::Packaged {
            linker: "/usr/bin/wasm-ld".into(),
        };
        let command = toolchain.cargo(&places).unwrap();
        let value = |name: &str| {
            command
                .get_envs()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.map(OsString::from))
        };
        assert_eq!(value("RUSTUP_TOOLCHAIN"), Some(None));
        assert_eq!(value("RUSTC"), Some(Some("/usr/bin/rustc".into())));
        assert_eq!(value("CARGO_TARGET_DIR"), Some(Some("/web".into())));
        let path = value("PATH").flatten().unwrap();
        let first: Vec<PathBuf> = env::split_paths(&path).take(2).collect();
        assert_eq!(
            first,
            [PathBuf::from("/cache/tools/bin"), PathBuf::from("/usr/bin")]
        );
    }
}
