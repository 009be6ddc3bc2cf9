//! Nothing but tests: see `tests/golden.rs`.
