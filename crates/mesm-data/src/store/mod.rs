//! The store: a data set as Parquet shards, written once and read at random.
//!
//! ```text
//! store.json                           format, classes, fingerprint of what it was made from, the list of shards
//! data/train-00000-of-00002.parquet    shards: rows of one split each
//! report.json                          what was taken and what was left out; written last: without it a store is unfinished
//! ```
//!
//! Any Parquet reader reads the shards; their names are those by which Hugging Face `datasets` finds splits by itself.
//! A shard has these columns:
//!
//! | column | type | what it is |
//! | --- | --- | --- |
//! | `id` | string | name of the row, unique within the store |
//! | `split` | string | the same in all rows of a shard; free, such as `train` |
//! | `source` | string | the corpus it comes from |
//! | `subject` | string | who is seen or heard; `unknown` where nobody knows |
//! | `label` | string or null | the one class it belongs to, if it has one |
//! | `target` | list of float | what a model should say for each class, in `[0, 1]`, in the order of the classes |
//! | `agreement` | float or null | share of the annotators who chose the label, in `[0, 1]` |
//! | `modalities` | string | what the row holds: `t` words, `a` voice, `v` faces |
//! | `faces` | list of struct of `bytes`, `path` | encoded pictures (JPEG, PNG) as found |
//! | `audio` | struct of `bytes`, `path`, or null | an encoded sound (FLAC, WAV) as found |
//! | `text` | string or null | the words |
//! | `lang` | string or null | their language, such as `en` |
//! | `seconds` | float or null | how long the utterance lasts in its recording; stores of earlier programs lack the column |
//! | `sentiment` | float or null | mean rating in `[-3, 3]` (CMU-MOSEI); stores of earlier programs lack the column |
//!
//! and these entries in its key-value metadata: `mesm.format`, `mesm.version`, `mesm.classes` (JSON list), `mesm.split`,
//! `mesm.fingerprint`, `mesm.skipped` (JSON: rows left out of this shard) and `huggingface` (features for `datasets`).
//! Row groups hold at most [`GROUP_ROWS`] rows and about [`GROUP_BYTES`] bytes of media, so that one row is cheap to
//! reach. The same rows always give the same bytes.

mod atomic;
mod cache;
mod columns;
mod error;
mod facts;
mod head;
mod reader;
mod row;
mod shard;
#[cfg(test)]
mod tests;

pub use atomic::write_atomically;
pub use error::StoreError;
pub use facts::RowFacts;
pub use head::{FORMAT, HEAD_FILE, Head, REPORT_FILE, ShardName};
pub use reader::Store;
pub use row::{Media, Row, RowInfo, SENTIMENT};
pub use shard::{GROUP_BYTES, GROUP_ROWS, ShardFacts, ShardWriter};
