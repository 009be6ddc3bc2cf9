//! Words as vectors.

use mesm_data::features::WordVectors;
use mesm_features::handcrafted::word_tokens;
use mesm_features::tokens::WordPiece;

use super::FeatureError;

/// A table of words, or of pieces of words.
#[allow(clippy::large_enum_variant)] // one value a run
pub enum WordTable {
    /// Words of a file such as GloVe's.
    Words(WordVectors),
    /// Pieces of words as a text encoder begins with them.
    Pieces {
        /// Cuts words into pieces.
        tokenizer: WordPiece,
        /// `[pieces, width]`.
        table: Vec<f32>,
        /// Numbers of a piece.
        width: usize,
    },
}

impl WordTable {
    /// Numbers of a word.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Words(vectors) => vectors.dim(),
            Self::Pieces { width, .. } => *width,
        }
    }

    /// The first `most` words of a sentence, `[words, width]`: zeros for a word that is not in the table.
    ///
    /// # Errors
    /// When the text is longer than the tokenizer reads, or the file of the words is not what it was.
    pub fn rows(&self, text: &str, most: usize) -> Result<Vec<f32>, FeatureError> {
        match self {
            Self::Words(vectors) => {
                let width = vectors.dim();
                let mut rows = Vec::new();
                for word in word_tokens(text).iter().take(most) {
                    let vector = vectors.vector(word);
                    match vector.map_err(|e| FeatureError::File(e.to_string()))? {
                        Some(vector) => rows.extend(vector),
                        None => rows.resize(rows.len() + width, 0.0),
                    }
                }
                Ok(rows)
            }
            Self::Pieces {
                tokenizer,
                table,
                width,
            } => {
                // The marks at both ends stand for nothing here.
                let tokens = tokenizer.encode(text, most + 2);
                let ids = tokens.map_err(|e| FeatureError::Text(e.to_string()))?.ids;
                let words = ids.get(1..ids.len().saturating_sub(1)).unwrap_or_default();
                let row = |id: &u32| table.chunks_exact(*width).nth(*id as usize);
                Ok(words.iter().filter_map(row).flatten().copied().collect())
            }
        }
    }

    /// A vector for each name: the mean of its words, `[names, width]`.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn names(&self, names: &[String]) -> Result<Vec<f32>, FeatureError> {
        let width = self.width();
        let mut vectors = Vec::with_capacity(names.len() * width);
        for name in names {
            let rows = self.rows(name, usize::from(u8::MAX))?;
            let count = (rows.len() / width.max(1)).max(1) as f32;
            let mean =
                |feature: usize| rows.iter().skip(feature).step_by(width).sum::<f32>() / count;
            vectors.extend((0..width).map(mean));
        }
        Ok(vectors)
    }
}
