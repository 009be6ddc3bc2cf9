//! Folders of labelled media, described by tables, into a [`store`](crate::store).
//!
//! ```text
//! faces.csv  faces.tar    split,label,path  and, if there are: source,subject,votes (plurality/all)
//! audio.csv  audio.tar    split,label,path  and, if there are: source,subject,lang,text
//! text.csv                split,label,text  and, if there are: source,subject,lang
//! ```
//!
//! The videos of a table of clips (`clips.csv`) are not ingested yet: its rows are counted as left out. Any of the three
//! may be absent; splits are named freely. Tables and archives are untrusted: nothing is unpacked to
//! disk, sizes are bounded, and a row that cannot be taken is counted with its reason in the store's `report.json`.
//! Memory holds an index of rows and archive entries, a few dozen bytes each, and one row group of media.
//!
//! The same input gives the same bytes. A run that was killed goes on where it was: shards that are finished stay.

mod archive;
mod error;
mod header;
mod ingest;
mod input;
mod output;
mod plan;
mod record;
mod report;
mod skipped;
mod table;
#[cfg(test)]
mod tests;

pub use error::ManifestError;
pub use ingest::{Options, Outcome, Progress, prepare};
pub use report::{InputFile, NotRead, Report, SplitReport};
pub use skipped::{Example, Reason, Skipped};
