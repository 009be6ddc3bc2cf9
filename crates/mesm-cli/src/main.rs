//! The `mesm` program: parses the command line, runs the command, turns errors into one line and an exit code.
#![forbid(unsafe_code)]

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use mesm_cli::arguments::{Arguments, Command};
use mesm_cli::error::CliError;
use mesm_cli::{bench, eval, explain, export, infer, paper, prepare_manifest, stats, sweep, train};

#[cfg(target_arch = "x86_64")]
use gemm as _;

/// A training step frees and takes back tensors of megabytes; this allocator keeps their pages.
#[cfg(all(unix, not(target_env = "musl")))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let level = match arguments.verbose {
        0 => tracing::Level::WARN,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time()
        .init();
    let mut stdout = std::io::stdout().lock();
    let outcome = match arguments.command {
        Command::Infer(infer) => infer::run(&infer, &mut stdout),
        Command::Prepare(prepare) => prepare_manifest::run(&prepare, &mut stdout),
        Command::Stats(stats) => stats::run(&stats, &mut stdout),
        Command::Train(train) => train::run(&train, &mut stdout),
        Command::Eval(eval) => eval::run(&eval, &mut stdout),
        Command::Sweep(sweep) => sweep::run(&sweep, &mut stdout),
        Command::Explain(explain) => explain::run(&explain, &mut stdout),
        Command::Export(export) => export::run(&export, &mut stdout),
        Command::Report(report) => paper::run(&report, &mut stdout),
        Command::Bench(bench) => bench::run(&bench, &mut stdout),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough (`| head`).
        Err(CliError::Output { source, .. }) if source.kind() == ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "mesm: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
