//! The baselines of the seed papers, which learn from features that were extracted before: the papers call such a
//! pipeline two-phase.
//!
//! | kind | source |
//! | --- | --- |
//! | LF-LSTM, LF-TRANS | late fusion, baselines of Dai et al. (NAACL 2021), section 5.2 |
//! | MulT | crossmodal Transformers, Tsai et al. (ACL 2019) |
//! | EmoEmbs | emotion embeddings, Dai et al. (AACL 2020) |
//! | MMLatch | top-down feedback, Paraskevopoulos et al. (ICASSP 2022), around LSTMs or around MulT |
//!
//! All of them read one [`FeatureBatch`] and give one [`TwoPhaseOutput`]. Parameters bear the names and layouts of the
//! authors' PyTorch state dicts.

mod attention;
mod batch;
mod by_modality;
mod config;
mod crossmodal;
mod emo_embs;
mod feedback;
mod kind;
mod late_fusion;
mod lstm;
mod mm_latch;
mod mm_latch_mult;
mod model;
mod mult;

pub use batch::{FeatureBatch, Sequence};
pub use config::TwoPhaseConfig;
pub use kind::{Feedback, Padding, TwoPhaseKind};
pub use mm_latch::LatchTrace;
pub use model::{TwoPhaseModel, TwoPhaseOutput};
