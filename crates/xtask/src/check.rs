//! `cargo xtask check`: the habits of the house, enforced.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::debian;
use crate::places::Places;
use crate::process::{clean, path_with, run, within};
use crate::step::{note, step};
use crate::suites::{WEB_CRATES, WEB_TESTS};
use crate::toolchain::{PROFILE, TARGET, WasmToolchain};
use crate::tools::require_check_tools;

/// The advisory database is a repository of a few megabytes on GitHub.
const DATABASE_LIMIT: Duration = Duration::from_mins(2);

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
    let deny = |what: &[&str]| tool(places, "cargo-deny", what);
    let mut checks: Vec<(&str, Result<Command>)> = vec![
        ("rustfmt", Ok(cargo(places, &["fmt", "--all", "--check"]))),
        ("typos", tool(places, "typos", &[])),
        (
            "cargo deny: bans, licences, sources",
            deny(&["--all-features", "check", "bans", "licenses", "sources"]),
        ),
        (
            "clippy, native",
            Ok(lint(without_web_tests(cargo(
                places,
                &["clippy", "--release", "--workspace", "--all-targets"],
            )))),
        ),
        (
            "clippy, wasm32",
            toolchain
                .cargo(places)
                .map(|cargo| lint(web(cargo, "clippy"))),
        ),
        (
            "docs, native",
            Ok(documented(without_web_tests(cargo(
                places,
                &["doc", "--release", "--workspace"],
            )))),
        ),
        (
            "docs, wasm32",
            toolchain
                .cargo(places)
                .map(|cargo| documented(web(cargo, "doc"))),
        ),
    ];
    let advisories = step("advisory database", || {
        Ok(within(DATABASE_LIMIT, &mut deny(&["fetch", "db"])?))
    })?;
    match &advisories {
        Ok(()) => checks.push((
            "cargo deny: advisories",
            deny(&["--all-features", "check", "advisories"]),
        )),
        Err(error) => note(&format!("cannot be fetched: {error:#}")),
    }
    let mut failed = Vec::new();
    for (name, command) in checks {
        if let Err(error) = step(name, || run(&mut command?)) {
            note(&format!("{error:#}"));
            failed.push(name);
        }
    }
    if advisories.is_err() {
        println!("not checked: known vulnerabilities, because their database is out of reach");
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

fn without_web_tests(mut cargo: Command) -> Command {
    cargo.args(["--exclude", WEB_TESTS]);
    cargo
}

fn web(mut cargo: Command, verb: &str) -> Command {
    cargo.args([verb, "--profile", PROFILE, "--target", TARGET]);
    for name in WEB_CRATES {
        cargo.args(["-p", name]);
    }
    cargo
}

fn lint(mut cargo: Command) -> Command {
    cargo.args(["--keep-going", "--", "-D", "warnings"]);
    cargo
}

fn documented(mut cargo: Command) -> Command {
    cargo
        .args(["--keep-going", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    cargo
}
