//! The commands behind `cargo xtask`: set-up, build, serve, test, check and dist.
//!
//! The library exists so that tests elsewhere can serve a built site ([`serve`]) the way `cargo xtask demo` does.

#![forbid(unsafe_code)]

pub mod axe;
pub mod bench;
pub mod bindgen;
pub mod carried;
pub mod check;
pub mod claim;
pub mod command_line;
pub mod debian;
pub mod demo_report;
pub mod download;
pub mod minilm;
pub mod native;
pub mod npm;
pub mod places;
pub mod process;
pub mod pypi;
pub mod python;
pub mod serve;
pub mod site;
pub mod step;
pub mod suites;
pub mod tally;
pub mod toolchain;
pub mod tools;
pub mod train_demo;
