//! Models that are small enough to be asked many times.

use mesm::ModelConfig;

/// MESM of words and faces, a few features wide.
#[must_use]
pub fn of_faces() -> ModelConfig {
    ModelConfig {
        modalities: "tv".parse().expect("two modalities"),
        text_dim: 6,
        widths: [4, 4, 6, 8],
        flatten_dim: 8,
        trans_dim: 8,
        trans_layers: 1,
        trans_heads: 2,
        trans_feedforward: 8,
        ..ModelConfig::default()
    }
}
