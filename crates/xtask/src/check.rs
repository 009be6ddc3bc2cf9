//! `cargo xtask check`: the habits of the house, enforced.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::debian;
use crate::places::Places;
use crate::process::{clean, path_with, run};
use crate::step::{note, step};
use crate::suites::WEB_CRATES;
use crate::toolchain::{TARGET, WasmToolchain};
use crate::tools::require_check_tools;

/// Runs all checks, and names at the end those that failed.
///
/// # Errors
/// When a tool is missing and cannot be brought, or a check fails.
pub fn check(places: &Places) -> Result<()> {
    let toolchain = step("toolchain for wasm32", WasmToolchain::require)?;
    if matches!(toolchain, WasmToolchain::Packaged { .. })
        && !Path::new("/usr/bin/cargo-clippy").exists()
    {
        debian::install(&["rust-web-clippy"])?;
    }
    step("tools: cargo-deny, typos", || require_check_tools(places))?;
    let checks: [(&str, Result<Command>); 7] = [
        ("rustfmt", Ok(cargo(places, &["fmt", "--all", "--check"]))),
        ("typos", tool(places, "typos", &[])),
        (
            "cargo deny",
            tool(
                places,
                "cargo-deny",
                &["--all-features", "check", "--hide-inclusion-graph"],
            ),
        ),
        (
            "clippy, native",
            Ok(lint(
                cargo(places, &["clippy", "--workspace", "--all-targets"]),
                true,
            )),
        ),
        (
            "clippy, wasm32",
            toolchain
                .cargo(places)
                .map(|cargo| lint(web(cargo, "clippy"), false)),
        ),
        (
            "docs, native",
            Ok(documented(without_web(cargo(
                places,
                &["doc", "--workspace", "--no-deps"],
            )))),
        ),
        (
            "docs, wasm32",
            toolchain
                .cargo(places)
                .map(|cargo| documented(without_dependencies(web(cargo, "doc")))),
        ),
    ];
    let mut failed = Vec::new();
    for (name, command) in checks {
        if let Err(error) = step(name, || run(&mut command?)) {
            note(&format!("{error:#}"));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn cargo(places: &Places, arguments: &[&str]) -> Command {
    let mut cargo = clean("cargo");
    cargo
        .args(arguments)
        .current_dir(&places.root)
        .env("CARGO_TARGET_DIR", &places.native_target);
    cargo
}

fn tool(places: &Places, name: &str, arguments: &[&str]) -> Result<Command> {
    let mut command = clean(name);
    command
        .args(arguments)
        .current_dir(&places.root)
        .env("PATH", path_with(&[places.tools().join("bin")])?);
    Ok(command)
}

fn without_web(mut cargo: Command) -> Command {
    for name in WEB_CRATES {
        cargo.args(["--exclude", name]);
    }
    cargo
}

fn web(mut cargo: Command, verb: &str) -> Command {
    cargo.args([verb, "--target", TARGET]);
    for name in WEB_CRATES {
        cargo.args(["-p", name]);
    }
    cargo
}

fn without_dependencies(mut cargo: Command) -> Command {
    cargo.arg("--no-deps");
    cargo
}

fn lint(cargo: Command, native: bool) -> Command {
    let mut cargo = if native { without_web(cargo) } else { cargo };
    cargo.args(["--release", "--", "-D", "warnings"]);
    cargo
}

fn documented(mut cargo: Command) -> Command {
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    cargo
}
