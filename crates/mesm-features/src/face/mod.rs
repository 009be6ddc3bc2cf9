//! Face detection by MTCNN (Zhang et al. 2016, "Joint Face Detection and Alignment Using
//! Multitask Cascaded Convolutional Networks"), with the weights and the exact behaviour of
//! facenet-pytorch 2.6.0.
//!
//! Three small networks in a cascade: P-net slides over a pyramid of the frame and proposes,
//! R-net looks at each proposal at 24x24 and throws most away, O-net looks at the rest at 48x48
//! and places box and landmarks. Boxes live on the host between the stages: each stage is one
//! upload and one asynchronous read-back, so that the same code runs on WebGPU.

mod area;
mod boxes;
mod config;
mod detection;
mod error;
mod mtcnn;
mod nets;
mod pyramid;

pub use area::area_resample;
pub use boxes::{BoundingBox, Overlap, suppress};
pub use config::MtcnnConfig;
pub use detection::{Detection, Stages};
pub use error::FaceError;
pub use mtcnn::Mtcnn;
pub use nets::{MtcnnNets, ONet, ONetOutput, PNet, PNetOutput, RNet, RNetOutput};
pub use pyramid::{Level, levels};
