//! `config.json` of Hugging Face, read with bounds.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::{Activation, TextEncoder, TextError};

/// Which architecture the sizes belong to (`model_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// One layer (or a few groups of layers) applied again and again; factorised embeddings.
    Albert,
    /// A layer of its own at every depth; `MiniLM` is of this family.
    Bert,
}

impl Family {
    /// What the state dict of a model with a task head puts before the encoder's names.
    #[must_use]
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Albert => "albert.",
            Self::Bert => "bert.",
        }
    }
}

/// Sizes of a text encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextConfig {
    /// The architecture.
    pub family: Family,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Width of the token embeddings; ALBERT's is smaller than `hidden_size`, BERT's equals it.
    pub embedding_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Number of layers that a token passes.
    pub num_hidden_layers: usize,
    /// ALBERT: number of groups that share parameters. BERT: 1, not used.
    pub num_hidden_groups: usize,
    /// ALBERT: layers inside a group. BERT: 1, not used.
    pub inner_group_num: usize,
    /// Attention heads; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Width between the two feed-forward matrices.
    pub intermediate_size: usize,
    /// Activation between them.
    pub activation: Activation,
    /// Longest input in tokens.
    pub max_position_embeddings: usize,
    /// Number of segment ids.
    pub type_vocab_size: usize,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// Dropout after embeddings and projections; acts on autodiff devices only.
    pub hidden_dropout: f64,
    /// Dropout of attention weights; acts on autodiff devices only.
    pub attention_dropout: f64,
}

/// The entries of `config.json` that matter here, by their own names.
#[derive(Deserialize)]
struct HubConfig {
    model_type: String,
    vocab_size: usize,
    embedding_size: Option<usize>,
    hidden_size: usize,
    num_hidden_layers: usize,
    #[serde(default = "one")]
    num_hidden_groups: usize,
    #[serde(default = "one")]
    inner_group_num: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "default_eps")]
    layer_norm_eps: f64,
    hidden_dropout_prob: Option<f64>,
    attention_probs_dropout_prob: Option<f64>,
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn one() -> usize {
    1
}

fn two() -> usize {
    2
}

fn default_eps() -> f64 {
    1e-12
}

/// More parameters than twice the largest published ALBERT or BERT are taken for a mistake.
const MAX_PARAMETERS: u64 = 700_000_000;

impl TextConfig {
    /// Reads `config.json` as Hugging Face writes it.
    ///
    /// Entries that are absent take the values Hugging Face gives them; entries that do not
    /// change the encoder's numbers are ignored.
    ///
    /// # Errors
    /// When the bytes are not such a file, name another architecture, activation or position
    /// scheme, or hold sizes outside the accepted bounds.
    pub fn from_json(bytes: &[u8]) -> Result<Self, TextError> {
        let hub: HubConfig = serde_json::from_slice(bytes)?;
        let family = match hub.model_type.as_str() {
            "albert" => Family::Albert,
            "bert" => Family::Bert,
            _ => {
                return Err(TextError::Unsupported {
                    entry: "model_type",
                    found: hub.model_type,
                    supported: "albert, bert",
                });
            }
        };
        let Some(activation) = Activation::from_name(&hub.hidden_act) else {
            return Err(TextError::Unsupported {
                entry: "hidden_act",
                found: hub.hidden_act,
                supported: Activation::NAMES,
            });
        };
        if let Some(positions) = hub.position_embedding_type
            && positions != "absolute"
        {
            return Err(TextError::Unsupported {
                entry: "position_embedding_type",
                found: positions,
                supported: "absolute",
            });
        }
        if hub.is_decoder {
            return Err(TextError::Unsupported {
                entry: "is_decoder",
                found: "true".to_owned(),
                supported: "false",
            });
        }
        // Hugging Face's own defaults: BERT 0.1, ALBERT 0.
        let (embedding_size, dropout) = match family {
            Family::Albert => (hub.embedding_size.unwrap_or(128), 0.0),
            Family::Bert => (hub.hidden_size, 0.1),
        };
        let config = Self {
            family,
            vocab_size: hub.vocab_size,
            embedding_size,
            hidden_size: hub.hidden_size,
            num_hidden_layers: hub.num_hidden_layers,
            num_hidden_groups: hub.num_hidden_groups,
            inner_group_num: hub.inner_group_num,
            num_attention_heads: hub.num_attention_heads,
            intermediate_size: hub.intermediate_size,
            activation,
            max_position_embeddings: hub.max_position_embeddings,
            type_vocab_size: hub.type_vocab_size,
            layer_norm_eps: hub.layer_norm_eps,
            hidden_dropout: hub.hidden_dropout_prob.unwrap_or(dropout),
            attention_dropout: hub.attention_probs_dropout_prob.unwrap_or(dropout),
        };
        config.validate()?;
        Ok(config)
    }

    /// Checks every size against its bounds, and their product against a limit of
    /// 700 million parameters.
    ///
    /// # Errors
    /// The first entry outside its bounds.
    pub fn validate(&self) -> Result<(), TextError> {
        for (entry, found, limit) in [
            ("vocab_size", self.vocab_size, 1_000_000),
            ("hidden_size", self.hidden_size, 8192),
            ("embedding_size", self.embedding_size, 8192),
            ("num_hidden_layers", self.num_hidden_layers, 96),
            (
                "num_hidden_groups",
                self.num_hidden_groups,
                self.num_hidden_layers,
            ),
            ("inner_group_num", self.inner_group_num, 16),
            ("num_attention_heads", self.num_attention_heads, 256),
            ("intermediate_size", self.intermediate_size, 65_536),
            (
                "max_position_embeddings",
                self.max_position_embeddings,
                8192,
            ),
            ("type_vocab_size", self.type_vocab_size, 1024),
        ] {
            if found == 0 || found > limit {
                return Err(out_of_range(entry, &found, format!("1 to {limit}")));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err(out_of_range(
                "num_attention_heads",
                &self.num_attention_heads,
                format!("a divisor of hidden_size ({})", self.hidden_size),
            ));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps <= 0.1) {
            return Err(out_of_range(
                "layer_norm_eps",
                &self.layer_norm_eps,
                "above 0 and up to 0.1".to_owned(),
            ));
        }
        for (entry, found) in [
            ("hidden_dropout_prob", self.hidden_dropout),
            ("attention_probs_dropout_prob", self.attention_dropout),
        ] {
            if !(0.0..1.0).contains(&found) {
                return Err(out_of_range(entry, &found, "0 up to below 1".to_owned()));
            }
        }
        let parameters = self.approximate_parameters();
        if parameters > MAX_PARAMETERS {
            return Err(out_of_range(
                "number of parameters",
                &parameters,
                format!("at most {MAX_PARAMETERS}"),
            ));
        }
        Ok(())
    }

    /// A fresh encoder with random weights; parameters are allocated on first use, so filling
    /// them from a file costs no initialisation. `pooler` adds the layer behind
    /// [`TextEncoder::pooled`], which the multimodal model does not use.
    ///
    /// # Errors
    /// As [`validate`](Self::validate).
    pub fn init(&self, pooler: bool, device: &Device) -> Result<TextEncoder, TextError> {
        self.validate()?;
        Ok(TextEncoder::new(self, pooler, device))
    }

    /// Matrices and embeddings; biases and norms are left out. Cannot overflow within the
    /// bounds that [`validate`](Self::validate) checks first.
    fn approximate_parameters(&self) -> u64 {
        let [vocab, embedding, hidden, inner, rows] = [
            self.vocab_size,
            self.embedding_size,
            self.hidden_size,
            self.intermediate_size,
            self.max_position_embeddings + self.type_vocab_size,
        ]
        .map(|size| size as u64);
        let distinct_layers = match self.family {
            Family::Albert => self.num_hidden_groups * self.inner_group_num,
            Family::Bert => self.num_hidden_layers,
        } as u64;
        (vocab + rows + hidden) * embedding
            + distinct_layers * (4 * hidden * hidden + 2 * hidden * inner)
    }
}

fn out_of_range(entry: &'static str, found: &impl ToString, expected: String) -> TextError {
    TextError::OutOfRange {
        entry,
        found: found.to_string(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn mini() -> Value {
        json!({
            "model_type": "bert", "vocab_size": 30522, "hidden_size": 384,
            "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536,
            "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2,
            "layer_norm_eps": 1e-12, "architectures": ["BertModel"], "pad_token_id": 0
        })
    }

    fn with(entry: &str, value: Value) -> Result<TextConfig, TextError> {
        let mut config = mini();
        config[entry] = value;
        TextConfig::from_json(config.to_string().as_bytes())
    }

    #[test]
    fn minilm_is_read() {
        let config = with("hidden_dropout_prob", json!(0.2)).unwrap();
        assert_eq!(config.family, Family::Bert);
        assert_eq!(config.embedding_size, 384);
        assert!((config.hidden_dropout - 0.2).abs() < 1e-12);
    }

    #[test]
    fn each_bound_names_its_entry() {
        for (entry, value) in [
            ("vocab_size", json!(0)),
            ("vocab_size", json!(2_000_000)),
            ("hidden_size", json!(100_000)),
            ("num_hidden_layers", json!(0)),
            ("num_attention_heads", json!(7)),
            ("intermediate_size", json!(u64::MAX)),
            ("max_position_embeddings", json!(0)),
            ("layer_norm_eps", json!(0.0)),
            ("hidden_dropout_prob", json!(1.0)),
        ] {
            let message = with(entry, value.clone()).unwrap_err().to_string();
            assert!(message.contains(entry), "{entry}={value}: {message}");
        }
    }

    #[test]
    fn a_product_of_allowed_sizes_can_still_be_too_much() {
        let mut config = mini();
        config["hidden_size"] = json!(6144);
        config["num_hidden_layers"] = json!(96);
        let message = TextConfig::from_json(config.to_string().as_bytes())
            .unwrap_err()
            .to_string();
        assert!(message.contains("number of parameters"), "{message}");
    }

    #[test]
    fn unknown_names_say_what_works() {
        let message = with("hidden_act", json!("swish")).unwrap_err().to_string();
        assert!(
            message.contains("swish") && message.contains("gelu_new"),
            "{message}"
        );
        let message = with("model_type", json!("gpt2")).unwrap_err().to_string();
        assert!(
            message.contains("gpt2") && message.contains("albert"),
            "{message}"
        );
        assert!(with("position_embedding_type", json!("relative_key")).is_err());
        assert!(with("is_decoder", json!(true)).is_err());
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        assert!(TextConfig::from_json(b"").is_err());
        assert!(TextConfig::from_json(b"[1]").is_err());
        assert!(TextConfig::from_json(b"{\"model_type\":\"bert\"}").is_err());
    }
}
