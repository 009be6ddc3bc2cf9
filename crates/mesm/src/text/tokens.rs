//! Token ids as tensors, checked on the host.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::{TextEncoder, TextError};

/// Texts of different lengths as one rectangle.
#[derive(Debug, Clone)]
pub struct TokenBatch {
    /// Token ids `[batch, tokens]`; 0 where a shorter text is padded.
    pub ids: Tensor<2, Int>,
    /// 1 for a token, 0 for padding; `[batch, tokens]`.
    pub mask: Tensor<2, Int>,
}

impl TokenBatch {
    /// Pads `texts` to the longest of them and puts them on `device`.
    ///
    /// Ids are compared with the encoder's vocabulary here, on the host: on a device an id
    /// outside it is undefined behaviour or a panic, and asking would mean a read-back.
    ///
    /// # Errors
    /// When there is no text, a text has no token or more than the encoder reads, or an id is
    /// outside the vocabulary.
    pub fn new<T: AsRef<[u32]>>(
        texts: &[T],
        encoder: &TextEncoder,
        device: &Device,
    ) -> Result<Self, TextError> {
        let (vocabulary, limit) = (encoder.vocab_size(), encoder.max_tokens());
        let longest = texts.iter().map(|t| t.as_ref().len()).max().unwrap_or(0);
        if texts.is_empty() {
            return Err(TextError::NoTokens { row: 0 });
        }
        if longest > limit {
            return Err(TextError::TooManyTokens {
                found: longest,
                limit,
            });
        }
        let mut ids = Vec::with_capacity(texts.len() * longest);
        let mut mask = Vec::with_capacity(texts.len() * longest);
        for (row, text) in texts.iter().enumerate() {
            let text = text.as_ref();
            if text.is_empty() {
                return Err(TextError::NoTokens { row });
            }
            for &found in text {
                let known = i32::try_from(found)
                    .ok()
                    .filter(|_| (found as usize) < vocabulary);
                let Some(id) = known else {
                    return Err(TextError::UnknownToken {
                        found,
                        row,
                        limit: vocabulary,
                    });
                };
                ids.push(id);
            }
            mask.resize(mask.len() + text.len(), 1_i32);
            ids.resize((row + 1) * longest, 0);
            mask.resize((row + 1) * longest, 0);
        }
        let shape = [texts.len(), longest];
        Ok(Self {
            ids: Tensor::from_data(TensorData::new(ids, shape), device),
            mask: Tensor::from_data(TensorData::new(mask, shape), device),
        })
    }
}
