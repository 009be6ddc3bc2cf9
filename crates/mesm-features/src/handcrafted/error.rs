//! What can be wrong with a sound or a face.

use thiserror::Error;

use crate::crop::OutsideFrame;

/// Why there are no features.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum HandcraftedError {
    /// The sample rate is outside the accepted range.
    #[error("a sample rate of {found} Hz; {low} to {high} Hz are accepted: resample first")]
    SampleRate {
        /// The rate asked for.
        found: u32,
        /// Lowest accepted rate.
        low: u32,
        /// Highest accepted rate.
        high: u32,
    },
    /// Less sound than one frame of 25 ms.
    #[error(
        "{found} samples of sound; at least {needed} are needed: leave the sound out or give more"
    )]
    TooShort {
        /// Samples given.
        found: usize,
        /// Fewest samples that have features.
        needed: usize,
    },
    /// A sample is NaN or infinite.
    #[error("sample {index} is {value}; samples are finite numbers, -1 to 1")]
    Sample {
        /// Position of the sample.
        index: usize,
        /// The sample itself.
        value: f32,
    },
    /// The Fourier transform refused its input.
    #[error("the Fourier transform failed: {reason}")]
    Transform {
        /// Its own words.
        reason: String,
    },
    /// A crop of another size.
    #[error("a face crop of {found} values; a crop of 3x48x48 has {expected}")]
    CropLength {
        /// Values of a crop.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// An intensity that no picture has.
    #[error("value {index} of the face crop is {value}; intensities are 0 to 255")]
    Intensity {
        /// Position in the crop.
        index: usize,
        /// The value itself.
        value: f32,
    },
    /// Five points that no face in a crop has.
    #[error(
        "the {point} lies at ({x}, {y}); points of a face lie in its crop of 48x48 pixels or near it"
    )]
    PointOutside {
        /// Which point.
        point: &'static str,
        /// Its column in pixels of the crop.
        x: f32,
        /// Its row.
        y: f32,
    },
    /// Eyes that leave no scale to measure by.
    #[error("the eyes are {found} pixels of the crop apart; those of a face are at least {least}")]
    EyesTooClose {
        /// Their distance.
        found: f32,
        /// The smallest that is accepted.
        least: f32,
    },
    /// The face lies outside of the frame.
    #[error(transparent)]
    Crop(#[from] OutsideFrame),
}
