//! What the user sees: each step announced, timed and closed, nested steps indented.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::Result;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Runs one step between `==> what` and `<== what 12.3 s`.
///
/// # Errors
/// The step's own.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let depth = DEPTH.get();
    let indent = "  ".repeat(depth);
    println!("{indent}==> {what}");
    DEPTH.set(depth + 1);
    let start = Instant::now();
    let outcome = work();
    DEPTH.set(depth);
    let failed = if outcome.is_ok() { "" } else { " FAILED" };
    println!("{indent}<== {what}{failed} {}", seconds(start.elapsed()));
    outcome
}

/// One line inside a step.
pub fn note(text: &str) {
    println!("{}{text}", "  ".repeat(DEPTH.get()));
}

/// `12.3 s`.
pub fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// `83.5 MB` (10^6 bytes), `1.2 kB` or `17 B`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_naturally() {
        assert_eq!(size(17), "17 B");
        assert_eq!(size(1_234), "1.2 kB");
        assert_eq!(size(83_506_384), "83.5 MB");
    }

    #[test]
    fn a_step_hands_on_its_outcome_and_restores_the_indent() {
        assert!(step("fails", || -> Result<()> { anyhow::bail!("no") }).is_err());
        assert_eq!(step("works", || Ok(DEPTH.get())).unwrap(), 1);
        assert_eq!(DEPTH.get(), 0);
    }
}
