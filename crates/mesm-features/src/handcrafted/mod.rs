//! Features made by rules instead of learnt, for the two-phase baselines: first the features, then
//! a sequence model over them (Dai et al., NAACL 2021, section 5.2).
//!
//! | modality | here | the paper |
//! | --- | --- | --- |
//! | voice | [`AcousticPlan`]: 142 numbers a window of 400 ms | 142: 22 Bark energies, 12 MFCC, 108 statistics of phonological classes |
//! | face | [`face_features`]: 35 numbers a crop | 35 facial action units by `OpenFace` |
//! | words | [`word_tokens`]: the words to look up | `GloVe` vectors |
//!
//! Two of these are not the paper's. Its 108 statistics are six functionals of the posteriors of 18
//! phonological classes, which need a trained recogniser; here they are the same six functionals of
//! 18 contours that follow from the samples (loudness, pitch, spectrum). Its action units need a
//! trained model of face muscles; here are distances and patch statistics, and they are **not action
//! units**. Whoever has the original programs can run them and read their tables instead (the
//! `features` module of `mesm-data`).

mod acoustic;
mod error;
mod names;
mod visual;
mod words;

pub use acoustic::AcousticPlan;
pub use error::HandcraftedError;
pub use names::{ACOUSTIC_NAMES, VISUAL_NAMES};
pub use visual::{FacePoints, FaceRegion, FacsEmotion, face_features};
pub use words::{MAX_WORDS, word_tokens};

/// Numbers of a window of sound: 22 Bark energies, 12 cepstral coefficients, 18 contours by 6
/// functionals.
pub const ACOUSTIC_DIM: usize = 142;

/// Numbers of a face crop: 10 of its geometry, 25 of its patches.
pub const VISUAL_DIM: usize = 35;
