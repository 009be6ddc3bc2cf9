//! The data sets of the papers, as their owners give them away, into a [`store`](crate::store).
//!
//! | what | labels and words | pictures and sound |
//! | --- | --- | --- |
//! | IEMOCAP | `Session*/dialog/EmoEvaluation`, `transcriptions`: six classes, one a row | one half of `avi/DivX`, one channel of `wav` |
//! | CMU-MOSEI | `Labels/*.csv` (all annotators), `Transcript`: six emotions, any number a row, and sentiment | `Videos`, `Audio` |
//! | the authors' folders | `meta.pkl` of `IEMOCAP_RAW_PROCESSED` and `MOSEI_RAW_PROCESSED` | a folder of frames and sounds an utterance |
//!
//! Each utterance becomes one aligned row as [`manifest`](crate::manifest) writes it: a face every half second, the sound
//! at 16 kHz, the words. Splits are those of published files of ids, or are drawn ([`Splits`]). What does not fit (no
//! words, no label, an end before its start or after its video, no sound) is counted with its reason.
//!
//! All files are untrusted: sizes and lengths are bounded, tables as a whole that are not what they should be end the
//! making with file and line. Utterances are decoded by several threads, a few rows ahead of the one that writes; shards
//! are written in order and stay when the program is killed, so that the next run ends with the same bytes.

mod cut;
mod iemocap;
mod make;
mod mosei;
mod pickle;
mod processed;
mod ratings;
mod splits;
mod texts;
mod utterance;
mod workers;

pub use iemocap::MarkedSide;
pub use make::{Corpus, CorpusOptions, prepare_corpus};
pub use splits::Splits;
pub use workers::Finders;
