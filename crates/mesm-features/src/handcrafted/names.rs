//! Short names of the features, for heat maps and tables.

use super::{ACOUSTIC_DIM, VISUAL_DIM};

/// The six functionals of each contour, in the order in which they are computed.
macro_rules! acoustic_names {
    ([$($single:literal),* $(,)?], [$($contour:literal),* $(,)?]) => {
        [
            $($single,)*
            $(
                concat!($contour, " mean"),
                concat!($contour, " std"),
                concat!($contour, " min"),
                concat!($contour, " max"),
                concat!($contour, " skewness"),
                concat!($contour, " kurtosis"),
            )*
        ]
    };
}

/// Names of the columns of [`AcousticPlan::extract`](super::AcousticPlan::extract).
pub const ACOUSTIC_NAMES: [&str; ACOUSTIC_DIM] = acoustic_names!(
    [
        "bark 1", "bark 2", "bark 3", "bark 4", "bark 5", "bark 6", "bark 7", "bark 8", "bark 9",
        "bark 10", "bark 11", "bark 12", "bark 13", "bark 14", "bark 15", "bark 16", "bark 17",
        "bark 18", "bark 19", "bark 20", "bark 21", "bark 22", "mfcc 1", "mfcc 2", "mfcc 3",
        "mfcc 4", "mfcc 5", "mfcc 6", "mfcc 7", "mfcc 8", "mfcc 9", "mfcc 10", "mfcc 11",
        "mfcc 12",
    ],
    [
        "log energy",
        "zero crossings",
        "f0",
        "voicing",
        "harmonicity",
        "jitter",
        "shimmer",
        "centroid",
        "bandwidth",
        "roll-off",
        "flatness",
        "entropy",
        "slope",
        "alpha ratio",
        "hammarberg",
        "flux",
        "mfcc delta",
        "mfcc delta delta",
    ]
);

/// Names of the values of [`face_features`](super::face_features).
pub const VISUAL_NAMES: [&str; VISUAL_DIM] = [
    "roll",
    "eye distance",
    "nose below eyes",
    "mouth below nose",
    "mouth below eyes",
    "mouth width",
    "nose aside",
    "mouth aside",
    "mouth tilt",
    "nose share",
    "brows brightness",
    "brows contrast",
    "brows edges",
    "brows asymmetry",
    "brows height",
    "between brows contrast",
    "between brows furrows",
    "forehead lines",
    "eyes brightness",
    "eyes contrast",
    "eyes edges",
    "eyes asymmetry",
    "eyes opening",
    "folds brightness",
    "folds contrast",
    "folds edges",
    "folds asymmetry",
    "mouth brightness",
    "mouth contrast",
    "mouth level edges",
    "mouth upright edges",
    "mouth asymmetry",
    "mouth opening",
    "mouth corners height",
    "mouth redness",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_feature_has_a_name_of_its_own() {
        let acoustic: BTreeSet<&str> = ACOUSTIC_NAMES.into_iter().collect();
        let visual: BTreeSet<&str> = VISUAL_NAMES.into_iter().collect();
        assert_eq!((acoustic.len(), visual.len()), (ACOUSTIC_DIM, VISUAL_DIM));
        assert_eq!(ACOUSTIC_NAMES[34], "log energy mean");
        assert_eq!(ACOUSTIC_NAMES[141], "mfcc delta delta kurtosis");
    }
}
