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
];

/// Fields that PyTorch does not have a level for: their children belong to the parent.
const TRANSPARENT: &[(&str, &str)] = &[
    ("DenseCnn", "low_level"),
    ("Cnn", "Dense"),
    ("Cnn", "Sparse"),
    ("TextEncoder", "Albert"),
    ("TextEncoder", "Bert"),
];

/// The authors name the parts of a branch by a prefix of the field, not by a level.
const BRANCHES: &[(&str, &str)] = &[
    ("visual.cnn.", "V."),
    ("visual.", "v_"),
    ("acoustic.cnn.", "A."),
    ("acoustic.", "a_"),
];

/// The state-dict key of a module path.
pub(super) fn state_dict_key(path: &[Step]) -> String {
    let segments: Vec<&str> = path
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
    // nn.MultiheadAttention keeps its packed projection as bare parameters.
    let key = segments.join(".").replace("in_proj.", "in_proj_");
    for (field, prefix) in BRANCHES {
        if let Some(rest) = key.strip_prefix(field) {
            return format!("{prefix}{rest}");
        }
    }
    key
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
