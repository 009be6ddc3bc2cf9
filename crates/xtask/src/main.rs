//! `cargo xtask`: see [`xtask::command_line::HELP`].

#![forbid(unsafe_code)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use anyhow::{Context, Result};
use xtask::command_line::{Command, HELP};
use xtask::places::Places;
use xtask::process::program;
use xtask::serve::Site;
use xtask::step::{note, step};
use xtask::{bench, bindgen, check, claim, demo_report, npm, site, suites, train_demo};

fn main() -> ExitCode {
    let command = match Command::parse(env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("cargo xtask: {error}. `cargo xtask help` lists the commands");
            return ExitCode::from(2);
        }
    };
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Help => print!("{HELP}"),
        Command::Demo { port, open } => demo(&places()?, port, open)?,
        Command::Test { suites } => {
            let tally = suites::test(&places()?, &suites)?;
            return Ok(if tally.failed == 0 {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::Check => check::check(&places()?)?,
        Command::Dist { public_url, out } => dist(&places()?, &public_url, &out)?,
        Command::Npm { out } => package(&places()?, &out)?,
        Command::TrainDemo {
            data,
            out,
            recipe,
            device,
        } => {
            train_demo::train_demo(&places()?, &data, &out, &recipe, &device)?;
        }
        Command::DemoReport { out } => demo_report::demo_report(&places()?, &out)?,
        Command::Bench { effort, parts } => bench::bench(&places()?, effort, &parts)?,
        Command::Setup => suites::prepare(&places()?).map(|_| ())?,
        Command::Bindgen(arguments) => return bindgen::stand_in(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}

/// Where everything lies, made ready for this checkout.
fn places() -> Result<Places> {
    let places = Places::find()?;
    claim::claim(&places)?;
    Ok(places)
}

/// The site of this machine, up to date.
fn own_site(places: &Places) -> Result<PathBuf> {
    let folder = places.cache.join("sites").join("demo");
    step("web site", || site::build(places, "/", &folder))?;
    Ok(folder)
}

fn demo(places: &Places, port: u16, open: bool) -> Result<()> {
    let folder = own_site(places)?;
    let served = Site::serve(&folder, "/", port)?;
    println!("{}  (stop with Ctrl+C)", served.url());
    if open {
        open_browser(&served.url());
    }
    served.wait();
    Ok(())
}

fn dist(places: &Places, public_url: &str, out: &Path) -> Result<()> {
    let folder = env::current_dir()
        .context("the current folder cannot be read")?
        .join(out);
    step(&format!("web site for {public_url}"), || {
        site::build(places, public_url, &folder)
    })?;
    site::print_sizes(&folder)
}

fn package(places: &Places, out: &Path) -> Result<()> {
    let built = own_site(places)?;
    let folder = env::current_dir()
        .context("the current folder cannot be read")?
        .join(out);
    step("npm package", || npm::build(places, &built, &folder))?;
    site::print_sizes(&folder)?;
    println!("`npm publish` in this folder publishes it; `npm install DIR` uses it as it is");
    Ok(())
}

fn open_browser(url: &str) {
    let opener = ["xdg-open", "open", "explorer"]
        .into_iter()
        .find_map(program);
    match opener.map(|opener| process::Command::new(opener).arg(url).spawn()) {
        Some(Ok(_)) => {}
        Some(Err(error)) => note(&format!("the browser did not open: {error}")),
        None => note("no program here opens a browser: open the address by hand"),
    }
}
