//! Figures as SVG: a confusion matrix, learning curves, a calibration diagram, a sweep over p.
//!
//! Texts are real text in the reader's sans-serif font, set for a width of 600 pixels and more. Colours are those of Okabe
//! and Ito, which the colour-blind tell apart, and never carry a meaning alone: lines differ in dashes and marks too.

mod calibration;
mod canvas;
mod confusion;
mod learning;
mod masks;
mod sweep;

pub use calibration::calibration;
pub use canvas::FigureError;
pub use confusion::confusion;
pub use learning::learning_curves;
pub use masks::masks;
pub use sweep::sweep;
