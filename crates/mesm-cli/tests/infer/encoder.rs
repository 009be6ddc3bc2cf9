//! A text encoder that is small enough to be made for each run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use burn::tensor::Device;
use mesm::text::TextConfig;
use mesm::weights::{FloatFormat, Formula, export_safetensors, read_params};

use crate::clips::folder;

/// Word pieces of a vocabulary of twelve.
pub(crate) const TOKENIZER: &str = r###"{
  "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
  "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}},
  "decoder": null,
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
    "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "kids": 4, "are": 5, "talking": 6, "so": 7, "it": 8, "is": 9, "happy": 10, "sad": 11}}
}"###;

const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 12, "hidden_size": 24, "num_hidden_layers": 1,
  "num_attention_heads": 2, "intermediate_size": 32, "hidden_act": "gelu", "max_position_embeddings": 16}"#;

/// A folder with the encoder.
pub(crate) fn small() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    CELL.get_or_init(|| {
        let encoder = folder().join("encoder");
        std::fs::create_dir_all(&encoder).unwrap();
        let config = TextConfig::from_json(CONFIG.as_bytes()).unwrap();
        let filled = config
            .init(false, &Device::flex())
            .unwrap()
            .load(&mut Formula::new("small-encoder", ""))
            .unwrap();
        let bytes = export_safetensors(
            &read_params(&filled).unwrap(),
            FloatFormat::F32,
            HashMap::new(),
        )
        .unwrap();
        std::fs::write(encoder.join("model.safetensors"), bytes).unwrap();
        std::fs::write(encoder.join("config.json"), CONFIG).unwrap();
        std::fs::write(encoder.join("tokenizer.json"), TOKENIZER).unwrap();
        encoder
    })
}
