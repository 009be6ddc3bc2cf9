//! How Rust field names become state-dict keys.
//!
//! Most fields carry their PyTorch name. The exceptions are burn's own layers (`gamma` for
//! `weight`) and PyTorch's `nn.Sequential`, whose children are bare numbers: there the table
//! below says which number a readable field stands for.

/// One step of a module path: the containing type as burn reports it (`Struct:Linear`, `Vec`),
/// and the field or index inside it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub container: String,
    pub field: String,
}

/// `(struct, field, state-dict segment)` where the two names differ.
const RENAMED: &[(&str, &str, &str)] = &[
    ("LayerNorm", "gamma", "weight"),
    ("LayerNorm", "beta", "bias"),
    ("PRelu", "alpha", "weight"),
    // nn.Sequential of the low-level layers: 2 is a ReLU, 3 a max-pool.
    ("LowLevel", "conv", "0"),
    ("LowLevel", "norm", "1"),
    ("LowLevel", "block1", "4"),
    ("LowLevel", "block2", "5"),
    // nn.Sequential of the dense network: odd numbers from 7 are max-pools.
    ("DenseCnn", "block3", "6"),
    ("DenseCnn", "block4", "8"),
    ("DenseCnn", "block5", "10"),
    // Each sparse layer is a Sequential whose child 0 is the Sequential of one block; within it
    // 4 is the max-pool.
    ("SparseBlock", "conv1", "0.0"),
    ("SparseBlock", "norm1", "0.1"),
    ("SparseBlock", "conv2", "0.2"),
    ("SparseBlock", "norm2", "0.3"),
    ("Flatten", "hidden", "0"),
    ("Flatten", "output", "2"),
    // Hugging Face; `self` is a Rust keyword.
    ("TokenEmbeddings", "layer_norm", "LayerNorm"),
    ("AlbertAttention", "layer_norm", "LayerNorm"),
    ("BertOutput", "layer_norm", "LayerNorm"),
    ("BertAttention", "projections", "self"),
    // Two-phase models. A modality is a letter in the authors' ModuleDicts.
    ("ByModality", "text", "t"),
    ("ByModality", "visual", "v"),
    ("ByModality", "acoustic", "a"),
    ("Head", "hidden", "0"),
    ("Head", "output", "2"),
    // An nn.Embedding, and an nn.Linear whose weight the authors replaced by a vector.
    ("EmoEmbs", "emotions", "textEmoEmbs.weight"),
    ("EmoEmbs", "affine_visual", "affineVisual"),
    ("EmoEmbs", "affine_acoustic", "affineAudio"),
    ("EmoEmbs", "modality_weights", "modality_weights.weight"),
    // MMLatch wraps an LSTM in a class, and the encoder of a modality in another one.
    ("LatchEncoder", "text", "text.encoder"),
    ("LatchEncoder", "acoustic", "audio.encoder"),
    ("LatchEncoder", "visual", "visual.encoder"),
    ("LatchEncoder", "feedback", "fm"),
    ("MultLatch", "feedback", "fm"),
    ("AttentiveLstm", "rnn", "rnn.rnn"),
    ("LatchFusion", "pairs", "att_fuser"),
    ("DotAttention", "key", "k"),
    ("DotAttention", "query", "q"),
    ("DotAttention", "value", "v"),
    ("SymmetricAttention", "key_x", "kx"),
    ("SymmetricAttention", "query_x", "qx"),
    ("SymmetricAttention", "value_x", "vx"),
    ("SymmetricAttention", "key_y", "ky"),
    ("SymmetricAttention", "query_y", "qy"),
    ("SymmetricAttention", "value_y", "vy"),
    ("FeedbackMasks", "text", "f1"),
    ("FeedbackMasks", "acoustic", "f2"),
    ("FeedbackMasks", "visual", "f3"),
    ("MaskNetwork", "Lstm", "rnn"),
];

/// Fields that PyTorch does not have a level for: their children belong to the parent.
const TRANSPARENT: &[(&str, &str)] = &[
    ("DenseCnn", "low_level"),
    ("Cnn", "Dense"),
    ("Cnn", "Sparse"),
    ("TextEncoder", "Albert"),
    ("TextEncoder", "Bert"),
    ("TwoPhaseModel", "network"),
    ("Network", "LfLstm"),
    ("Network", "LfTrans"),
    ("Network", "Mult"),
    ("Network", "EmoEmbs"),
    ("Network", "MmLatch"),
    ("Network", "MultLatch"),
    ("MultLatch", "mult"),
    ("MaskNetwork", "Linear"),
];

/// The authors name the parts of a branch by a prefix of the field, not by a level; so do those of MulT, where a modality
/// is the letter `l`, `a` or `v`. Those of EmoEmbs count their encoders.
const BRANCHES: &[(&str, &str)] = &[
    ("visual.cnn.", "V."),
    ("visual.", "v_"),
    ("acoustic.cnn.", "A."),
    ("acoustic.", "a_"),
    ("targets.t.projection.", "proj_l."),
    ("targets.t.from.a.", "trans_l_with_a."),
    ("targets.t.from.v.", "trans_l_with_v."),
    ("targets.t.memory.", "trans_l_mem."),
    ("targets.a.projection.", "proj_a."),
    ("targets.a.from.t.", "trans_a_with_l."),
    ("targets.a.from.v.", "trans_a_with_v."),
    ("targets.a.memory.", "trans_a_mem."),
    ("targets.v.projection.", "proj_v."),
    ("targets.v.from.t.", "trans_v_with_l."),
    ("targets.v.from.a.", "trans_v_with_a."),
    ("targets.v.memory.", "trans_v_mem."),
    ("encoders.t.", "RNNs.0."),
    ("encoders.a.", "RNNs.1."),
    ("encoders.v.", "RNNs.2."),
];

/// The state-dict key of a module path.
pub(super) fn state_dict_key(path: &[Step]) -> String {
    let (path, lstm) = split_lstm(path);
    let mut segments: Vec<&str> = path
        .iter()
        .filter(|step| !TRANSPARENT.contains(&(struct_name(step), step.field.as_str())))
        .map(|step| {
            RENAMED
                .iter()
                .find(|(container, field, _)| {
                    *container == struct_name(step) && *field == step.field
                })
                .map_or(step.field.as_str(), |(_, _, key)| *key)
        })
        .collect();
    segments.extend(lstm.as_deref());
    // nn.MultiheadAttention keeps its packed projection as bare parameters.
    let key = segments.join(".").replace("in_proj.", "in_proj_");
    for (field, prefix) in BRANCHES {
        if let Some(rest) = key.strip_prefix(field) {
            return format!("{prefix}{rest}");
        }
    }
    key
}

/// PyTorch's LSTM has no levels for its layers and directions: both end the names of its parameters. The path to the LSTM,
/// and that name.
fn split_lstm(path: &[Step]) -> (&[Step], Option<String>) {
    if let Some((outer, [layers, layer, direction, parameter])) = path.split_last_chunk::<4>()
        && struct_name(layers) == "Lstm"
        && layers.field == "layers"
    {
        let suffix = match direction.field.as_str() {
            "reverse" => "_reverse",
            _ => "",
        };
        let name = format!("{}_l{}{suffix}", parameter.field, layer.field);
        return (outer, Some(name));
    }
    (path, None)
}

/// Whether PyTorch stores this parameter transposed: burn's linear weights are `[in, out]`.
pub(super) fn is_transposed(path: &[Step]) -> bool {
    path.last()
        .is_some_and(|step| struct_name(step) == "Linear" && step.field == "weight")
}

fn struct_name(step: &Step) -> &str {
    step.container
        .split_once(':')
        .map_or(step.container.as_str(), |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[(&str, &str)]) -> Vec<Step> {
        steps
            .iter()
            .map(|(container, field)| Step {
                container: (*container).to_owned(),
                field: (*field).to_owned(),
            })
            .collect()
    }

    #[test]
    fn sequential_numbers_and_packed_projections() {
        let sparse = path(&[
            ("Struct:SparseCnn", "sparse_layers"),
            ("Vec", "1"),
            ("Struct:SparseBlock", "conv2"),
            ("Struct:SubmanifoldConv", "weight"),
        ]);
        assert_eq!(state_dict_key(&sparse), "sparse_layers.1.0.2.weight");
        let packed = path(&[
            ("Struct:SelfAttention", "in_proj"),
            ("Struct:Linear", "weight"),
        ]);
        assert_eq!(state_dict_key(&packed), "in_proj_weight");
        assert!(is_transposed(&packed));
        let dense = path(&[
            ("Struct:DenseCnn", "low_level"),
            ("Struct:LowLevel", "block1"),
            ("Struct:VggBlock", "conv1"),
            ("Struct:Conv2d", "weight"),
        ]);
        assert_eq!(state_dict_key(&dense), "4.conv1.weight");
    }
}
