//! A face crop as 35 numbers.
//!
//! Ten follow from MTCNN's five points, twenty-five from the crop in patches that the points place.
//! Distances are in units of the distance of the eyes, and intensities are freed from brightness and contrast
//! of the whole crop. None of them is an action unit: five points know nothing of lids, brows and lips.

mod features;
mod patch;
mod points;
mod regions;

pub use features::face_features;
pub use points::FacePoints;
pub use regions::{FaceRegion, FacsEmotion};
