//! Words to token numbers, by the `tokenizer.json` that belongs to a text encoder.

use thiserror::Error;
use tokenizers::{Tokenizer, TruncationDirection};

/// Largest `tokenizer.json` that is read, bytes: those of MiniLM and ALBERT have 0.5 and 1.3 MB.
pub const MAX_TOKENIZER_BYTES: usize = 16 << 20;

/// Longest text that is read, bytes: far more than any encoder's tokens.
pub const MAX_TEXT_BYTES: usize = 64 << 10;

/// What can be wrong with words and their tokenizer.
#[derive(Debug, Error)]
pub enum TokenError {
    /// The file is larger than [`MAX_TOKENIZER_BYTES`].
    #[error(
        "the tokenizer has {found} bytes; at most {MAX_TOKENIZER_BYTES} are read: is it the right file?"
    )]
    FileTooLarge {
        /// Bytes given.
        found: usize,
    },
    /// The bytes are no `tokenizer.json`.
    #[error("the bytes are not a tokenizer.json of Hugging Face: {reason}")]
    Malformed {
        /// The parser's own words.
        reason: String,
    },
    /// The text is longer than [`MAX_TEXT_BYTES`].
    #[error("the text has {found} bytes; at most {MAX_TEXT_BYTES} are read: shorten it")]
    TextTooLong {
        /// Bytes given.
        found: usize,
    },
    /// There is no room for a word beside the special tokens.
    #[error(
        "{max_len} tokens at most; the {special} special tokens leave no room for a word: allow more"
    )]
    NoRoom {
        /// Tokens allowed.
        max_len: usize,
        /// Tokens that every text gets.
        special: usize,
    },
    /// The tokenizer could not take this text.
    #[error("the text could not be cut into tokens: {reason}")]
    Encode {
        /// The tokenizer's own words.
        reason: String,
    },
}

/// A text as token numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// Token numbers with the special ones, `[tokens]`; for BERT the first is `[CLS]`, the last
    /// `[SEP]`.
    pub ids: Vec<u32>,
    /// 1 for every token: nothing is padded. `[tokens]`.
    pub mask: Vec<u32>,
}

/// The tokenizer of a text encoder: word pieces for BERT and MiniLM. Any `tokenizer.json` works.
///
/// Padding and truncation written in the file are switched off (MiniLM's pads every text to 128):
/// the length is the caller's to say.
#[derive(Debug, Clone)]
pub struct WordPiece {
    tokenizer: Tokenizer,
    special: usize,
}

impl WordPiece {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// When there are too many bytes, or they are no tokenizer.
    pub fn from_bytes(json: &[u8]) -> Result<Self, TokenError> {
        if json.len() > MAX_TOKENIZER_BYTES {
            return Err(TokenError::FileTooLarge { found: json.len() });
        }
        let malformed = |error: tokenizers::Error| TokenError::Malformed {
            reason: error.to_string(),
        };
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(malformed)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(malformed)?;
        let special = tokenizer.encode("", true).map_err(malformed)?.len();
        Ok(Self { tokenizer, special })
    }

    /// The tokens of `text`, at most `max_len` with the special ones; what is too long loses its
    /// end. The empty text has the special tokens alone.
    ///
    /// # Errors
    /// When the text is longer than [`MAX_TEXT_BYTES`], `max_len` has no room for a word, or the
    /// tokenizer fails.
    pub fn encode(&self, text: &str, max_len: usize) -> Result<Encoding, TokenError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(TokenError::TextTooLong { found: text.len() });
        }
        if max_len <= self.special {
            return Err(TokenError::NoRoom {
                max_len,
                special: self.special,
            });
        }
        let failed = |error: tokenizers::Error| TokenError::Encode {
            reason: error.to_string(),
        };
        let mut words = self.tokenizer.encode(text, false).map_err(failed)?;
        words.truncate(max_len - self.special, 0, TruncationDirection::Right);
        let whole = self
            .tokenizer
            .post_process(words, None, true)
            .map_err(failed)?;
        Ok(Encoding {
            ids: whole.get_ids().to_vec(),
            mask: vec![1; whole.len()],
        })
    }

    /// Numbers the tokenizer can give, added tokens included.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.tokenizer.get_vocab_size(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small tokenizer of BERT's make; like MiniLM's it asks for padding and truncation.
    const BERT: &str = r###"{
      "version": "1.0",
      "truncation": {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
      "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null,
                  "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
      "added_tokens": [
        {"id": 2, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
        {"id": 3, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
      ],
      "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
      "pre_tokenizer": {"type": "BertPreTokenizer"},
      "post_processor": {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
          "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
          "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}
        }
      },
      "decoder": null,
      "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "i": 4, "am": 5, "happy": 6, "un": 7, "##happy": 8, "!": 9}}
    }"###;

    fn ids(text: &str, max_len: usize) -> Vec<u32> {
        WordPiece::from_bytes(BERT.as_bytes())
            .unwrap()
            .encode(text, max_len)
            .unwrap()
            .ids
    }

    #[test]
    fn words_become_pieces_between_the_special_tokens() {
        assert_eq!(ids("I am unhappy!", 32), [2, 4, 5, 7, 8, 9, 3]);
        assert_eq!(ids("I am \u{1f600}", 32), [2, 4, 5, 1, 3]);
    }

    #[test]
    fn the_empty_text_has_the_special_tokens() {
        assert_eq!(ids("", 32), [2, 3]);
        assert_eq!(ids(" \n\t ", 32), [2, 3]);
    }

    #[test]
    fn long_texts_lose_their_end_not_their_last_token() {
        let text = "happy ".repeat(100);
        assert_eq!(ids(&text, 5), [2, 6, 6, 6, 3]);
        // Neither the file's padding nor its truncation is in force.
        assert_eq!(ids(&text, 200).len(), 102);
        let pieces = WordPiece::from_bytes(BERT.as_bytes()).unwrap();
        assert_eq!(pieces.encode("i am", 32).unwrap().mask, [1; 4]);
        assert_eq!(pieces.vocab_size(), 10);
    }

    #[test]
    fn untrusted_input_is_refused_with_its_reason() {
        assert!(matches!(
            WordPiece::from_bytes(b"{}"),
            Err(TokenError::Malformed { .. })
        ));
        assert!(matches!(
            WordPiece::from_bytes(&[]),
            Err(TokenError::Malformed { .. })
        ));
        let large = vec![b' '; MAX_TOKENIZER_BYTES + 1];
        assert!(matches!(
            WordPiece::from_bytes(&large),
            Err(TokenError::FileTooLarge { .. })
        ));
        let pieces = WordPiece::from_bytes(BERT.as_bytes()).unwrap();
        assert!(matches!(
            pieces.encode("i", 2),
            Err(TokenError::NoRoom { special: 2, .. })
        ));
        let text = "a".repeat(MAX_TEXT_BYTES + 1);
        assert!(matches!(
            pieces.encode(&text, 8),
            Err(TokenError::TextTooLong { .. })
        ));
    }
}
