//! Folders of labelled media, described by tables, into a [`store`](crate::store).
//!
//! ```text
//! faces.csv  faces.tar    split,label,path  and, if there are: source,subject,votes (plurality/all)
//! audio.csv  audio.tar    split,label,path  and, if there are: source,subject,lang,text
//! text.csv                split,label,text  and, if there are: source,subject,lang
//! clips.csv  videos       path,label  and, if there are: split (otherwise `clips`),source,subject,lang,text
//! ```
//!
//! Any of the four may be absent; splits are named freely. Clips may lie in a folder `clips` of their own, videos beside
//! their table. A clip is one aligned utterance: of its video the store keeps a face every half second (48x48, PNG) and
//! the sound (16 kHz, 16 bits, WAV), and whoever makes the store brings what finds faces ([`FaceFinder`]).
//!
//! Tables, archives and videos are untrusted: nothing is unpacked to disk, sizes and lengths are bounded, and a row that
//! cannot be taken is counted with its reason in the store's `report.json`. Memory holds an index of rows and archive
//! entries, a few dozen bytes each, and one row group of media.
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
mod seal;
mod skipped;
#[cfg(test)]
mod tests;
mod videos;

pub use error::ManifestError;
pub use ingest::{Outcome, Progress, prepare};
pub(crate) use input::hex;
pub(crate) use output::begin;
pub use plan::Options;
pub use report::{InputFile, NotRead, Report, SplitReport};
pub(crate) use seal::{Remarks, no_rows, seal};
pub(crate) use skipped::Skips;
pub use skipped::{Example, Reason, Skipped};
pub use videos::FaceFinder;
pub(crate) use videos::{Failure, Parts, face_media, voice_media};
