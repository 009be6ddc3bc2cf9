//! How good answers are: plain slices in, plain numbers out, no device.
//!
//! [`Confusion`] is for utterances of one class each, [`MultiLabel`] for the paper's yes-or-no question of each class,
//! [`sentiment`] for a number in -3..3. [`Calibration`] compares confidence with success, [`Bootstrap`] says how far a
//! figure may be off. [`RegionScore`] says whether selected points favour a region.
//!
//! No figure is ever NaN: where one is not defined (a class without utterances, say) it has the value its documentation
//! names, and where that matters a [`Score`] carries the reason.

mod auc;
mod binary;
mod bootstrap;
mod calibration;
mod confusion;
mod multi_label;
mod region;
mod score;
mod sentiment;
mod threshold;

pub use auc::auc;
pub use binary::BinaryCounts;
pub use bootstrap::{Bootstrap, Interval};
pub use calibration::{Calibration, ReliabilityBin};
pub use confusion::{ClassScores, Confusion, NotSquare, largest};
pub use multi_label::{ClassAnswers, MeanAnswers, MultiLabel, MultiLabelScores, NotATable};
pub use region::{RegionCounts, RegionItem, RegionScore, Verdict};
pub use score::{Degenerate, Score};
pub use sentiment::{SentimentScores, SignScores, ZeroSign, sentiment, sentiment_signs};
pub use threshold::{THRESHOLDS, best_threshold, sigmoid, thresholds};
