//! The `mesm` program as a library: arguments low, meaning high.
//!
//! [`arguments`] is what is typed, [`infer`] carries a command out: it opens the input ([`input`]), gets a device
//! ([`device`]), and ([`prepare`]) weights ([`weights`]) and a text encoder ([`words`]), judges window after window ([`session`]) and
//! hands the judgements to a table, a JSON object, a time line or pictures. [`prepare_manifest`] and [`prepare_corpus`] make stores to train from,
//! [`stats`] counts what is in one.
#![forbid(unsafe_code)]

pub mod arguments;
pub mod bench;
pub mod choices;
mod costs;
pub mod device;
pub mod error;
pub mod eval;
pub mod explain;
pub mod export;
mod faces;
pub mod infer;
pub mod input;
pub mod judgement;
mod judging;
pub mod notes;
pub mod overlay;
pub mod paper;
pub mod prepare;
pub mod prepare_corpus;
pub mod prepare_manifest;
mod prepare_report;
pub mod report;
pub mod session;
pub mod shares;
pub mod stats;
pub mod stopwatch;
pub mod sweep;
pub mod table;
pub mod timeline;
pub mod train;
pub mod weights;
mod word_table;
pub mod words;
