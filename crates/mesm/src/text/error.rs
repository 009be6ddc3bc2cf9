//! What can be wrong with a text encoder's configuration or input.

use thiserror::Error;

use crate::weights::WeightsError;

/// Errors of the text room.
#[derive(Debug, Error)]
pub enum TextError {
    /// `config.json` is not JSON, or a required entry is missing or of another type.
    #[error("the text encoder's config.json cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// An entry of the configuration names something that is not implemented.
    #[error("config.json: `{entry}` is \"{found}\"; supported: {supported}")]
    Unsupported {
        /// Name of the entry.
        entry: &'static str,
        /// Its value.
        found: String,
        /// The values that work.
        supported: &'static str,
    },
    /// A number of the configuration is outside what is accepted.
    #[error("config.json: `{entry}` is {found}; {expected} is accepted")]
    OutOfRange {
        /// Name of the entry.
        entry: &'static str,
        /// Its value.
        found: String,
        /// The accepted range or relation, in words.
        expected: String,
    },
    /// No rows, or rows without a token.
    #[error("row {row} of the token batch is empty; every text has at least its [CLS] token")]
    NoTokens {
        /// Index of the row; 0 as well when there are no rows at all.
        row: usize,
    },
    /// More tokens than the model has positions.
    #[error("a text has {found} tokens; the model reads at most {limit}. Truncate the text")]
    TooManyTokens {
        /// Tokens in the row.
        found: usize,
        /// The model's positions.
        limit: usize,
    },
    /// A token id that the vocabulary does not have.
    #[error(
        "token id {found} (row {row}) is outside the vocabulary of {limit}: does the tokenizer belong to this model?"
    )]
    UnknownToken {
        /// The id.
        found: u32,
        /// Index of the row.
        row: usize,
        /// Size of the vocabulary.
        limit: usize,
    },
    /// Two inputs that belong together have different shapes.
    #[error("`{name}` has shape {found:?}; the token ids have {expected:?}")]
    Mismatch {
        /// The input that differs.
        name: &'static str,
        /// Its shape.
        found: [usize; 2],
        /// The shape of the token ids.
        expected: [usize; 2],
    },
    /// The weights do not fit the configuration.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}
