//! Text encoders with Hugging Face names and numbers: ALBERT (the authors' choice, any size) and
//! BERT, of which `MiniLM` is a small one.
//!
//! The multimodal model reads one vector per utterance: the last hidden state of the first token
//! (`[CLS]`). Tokens come from elsewhere; here they are integers.

mod activation;
mod albert;
mod attention;
mod bert;
mod config;
mod embeddings;
mod encoder;
mod error;
mod tokens;

pub use activation::Activation;
pub use config::{Family, TextConfig};
pub use encoder::TextEncoder;
pub use error::TextError;
pub use tokens::TokenBatch;
