//! The papers' tables from trainings of one's own.
//!
//! [`trials`] says which trainings a table needs, [`Outcome`] what is kept of each, [`pages`] lays them out as tables that
//! are written as Markdown or LaTeX, the papers' own figures beside them.

mod layout;
mod masks;
mod outcome;
mod pages;
mod published;
mod sentiment;
mod systems;
mod trial;

pub use layout::{Cell, Row, Table};
pub use masks::MaskSums;
pub use outcome::{MaskMeans, Outcome, Swept};
pub use pages::{Page, Pages, pages};
pub use trial::{Asked, PaperTable, System, Trial, trials};
