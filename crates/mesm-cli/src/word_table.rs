//! Words as vectors, for the models that read features.

use std::path::Path;

use burn::tensor::Device;
use mesm_data::features::WordVectors;
use mesm_train::features::WordTable;

use crate::error::CliError;
use crate::words::TextFiles;

/// The words of a file; without one, the text encoder's own table of pieces of words. The encoder, in that folder or where
/// it is looked for, is read for its table alone.
pub(crate) fn word_table(
    file: Option<&Path>,
    text_encoder: Option<&Path>,
) -> Result<WordTable, CliError> {
    let Some(path) = file else {
        let text = TextFiles::read(text_encoder, true)?;
        let encoder = text.encoder(&Device::flex())?;
        let vectors = encoder.word_vectors();
        let [_, width] = vectors.dims();
        let table = vectors
            .try_into_data()
            .ok()
            .and_then(|data| data.try_into_vec().ok());
        return Ok(WordTable::Pieces {
            tokenizer: text.tokenizer()?,
            table: table.ok_or_else(|| {
                CliError::Arguments("the text encoder's table cannot be read".to_owned())
            })?,
            width,
        });
    };
    let vectors = WordVectors::open(path).map_err(|e| CliError::Arguments(e.to_string()))?;
    Ok(WordTable::Words(vectors))
}
