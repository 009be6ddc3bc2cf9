//! Settings of the authors' PyTorch checkpoints, which do not carry any.
//!
//! The shapes of the parameters tell the kind, the modalities and every size but the number of attention heads and the
//! names of the classes. Those, and whatever else differs, are read from a JSON file of the same name beside the
//! checkpoint (`best.pt`, `best.json`): `{"config": {"trans_heads": 8, "classes": ["joy", ...]}, "mel": {...}}`.

use std::collections::BTreeMap;
use std::path::Path;

use mesm::weights::ParamSpec;
use mesm::{ModelConfig, ModelKind, PointOrder};
use mesm_features::mel::MelConfig;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Settings;
use super::header::{CONFIG, checked, wrong};
use crate::error::CliError;

/// What may lie beside a checkpoint.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Beside {
    #[serde(default)]
    config: Map<String, Value>,
    #[serde(default)]
    mel: MelConfig,
}

/// The settings of a checkpoint with these parameters (the multimodal model's alone).
pub(super) fn settings(path: &Path, specs: &[ParamSpec]) -> Result<Settings, CliError> {
    let guess = from_shapes(specs).ok_or_else(|| CliError::WeightsConfig {
        path: path.to_owned(),
        reason: "its parameters are not those of FE2E or MESM: expected t_out, v_out or a_out"
            .to_owned(),
    })?;
    let beside_path = path.with_extension("json");
    if !beside_path.is_file() {
        return Ok(Settings {
            config: guess,
            mel: MelConfig::default(),
            guessed: true,
        });
    }
    let bytes = std::fs::read(&beside_path).map_err(|source| CliError::Unreadable {
        path: beside_path.clone(),
        source,
    })?;
    let beside: Beside =
        serde_json::from_slice(&bytes).map_err(|e| wrong(&beside_path, "settings", &e))?;
    let config = overlaid(&guess, beside.config).map_err(|e| wrong(&beside_path, CONFIG, &e))?;
    Ok(Settings {
        config,
        mel: checked(&beside_path, beside.mel)?,
        guessed: false,
    })
}

/// `config` with the entries of `changes` in place of its own.
fn overlaid(
    config: &ModelConfig,
    changes: Map<String, Value>,
) -> Result<ModelConfig, serde_json::Error> {
    let mut entries = match serde_json::to_value(config)? {
        Value::Object(entries) => entries,
        _ => Map::new(),
    };
    entries.extend(changes);
    serde_json::from_value(Value::Object(entries))
}

/// What the shapes tell; `None` where they are of something else.
fn from_shapes(specs: &[ParamSpec]) -> Option<ModelConfig> {
    let shapes: BTreeMap<&str, &[usize]> = specs
        .iter()
        .map(|s| (s.name.as_str(), s.shape.as_slice()))
        .collect();
    let size =
        |name: &str, axis: usize| shapes.get(name).and_then(|shape| shape.get(axis)).copied();
    let has = |letter: &char| shapes.contains_key(format!("{letter}_out.weight").as_str());
    let modalities: String = ['t', 'v', 'a']
        .iter()
        .filter(|letter| has(letter))
        .collect();
    let mut config = ModelConfig {
        modalities: modalities.parse().ok()?,
        ..ModelConfig::default()
    };

    let classes = size(&format!("{}_out.weight", modalities.chars().next()?), 0)?;
    if classes != config.classes.len() {
        config.classes = (1..=classes).map(|n| format!("class {n}")).collect();
    }
    config.text_dim = size("t_out.weight", 1).unwrap_or(config.text_dim);
    let Some(branch) = modalities.chars().find(|letter| *letter != 't') else {
        return Some(config);
    };
    let upper = branch.to_ascii_uppercase();
    let sparse = size(&format!("{upper}.attn_layers.0.channel_affine.weight"), 0).is_some();
    let names = if sparse {
        [
            "low_level.0",
            "sparse_layers.0.0.0",
            "sparse_layers.1.0.0",
            "sparse_layers.2.0.0",
        ]
    } else {
        ["0", "6.conv1", "8.conv1", "10.conv1"]
    };
    for (index, name) in names.iter().enumerate() {
        // Submanifold convolutions are [9, 1, in, out], dense ones [out, in, height, width].
        let axis = if sparse && index > 0 { 3 } else { 0 };
        config.widths[index] = size(&format!("{upper}.{name}.weight"), axis)?;
    }
    config.kind = if sparse {
        ModelKind::Mesm
    } else {
        ModelKind::Fe2e
    };
    // The published code scrambles the first selection: a checkpoint of it was trained that way.
    config.point_order = PointOrder::AsPublished;
    config.flatten_dim = size(&format!("{branch}_flatten.0.weight"), 0)?;
    config.trans_dim = size(&format!("{branch}_out.weight"), 1)?;
    let layer = |n: usize| format!("{branch}_transformer.encoder.layers.{n}.linear1.weight");
    config.trans_feedforward = size(&layer(0), 0)?;
    config.trans_layers = (0..specs.len())
        .take_while(|n| shapes.contains_key(layer(*n).as_str()))
        .count();
    Some(config)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use mesm::weights::param_specs;

    use super::*;

    fn odd(kind: ModelKind, modalities: &str) -> ModelConfig {
        ModelConfig {
            kind,
            modalities: modalities.parse().unwrap(),
            classes: ["x", "y", "z"].map(str::to_owned).to_vec(),
            text_dim: 20,
            widths: [2, 3, 4, 5],
            flatten_dim: 7,
            trans_dim: 8,
            trans_layers: 2,
            trans_feedforward: 9,
            ..ModelConfig::default()
        }
    }

    #[test]
    fn shapes_tell_every_size() {
        for (kind, modalities) in [
            (ModelKind::Mesm, "tva"),
            (ModelKind::Mesm, "ta"),
            (ModelKind::Fe2e, "va"),
        ] {
            let config = odd(kind, modalities);
            let model = config.init(&Device::flex()).unwrap();
            let found = from_shapes(&param_specs(&model)).unwrap();
            let expected = ModelConfig {
                classes: ["class 1", "class 2", "class 3"]
                    .map(str::to_owned)
                    .to_vec(),
                point_order: PointOrder::AsPublished,
                text_dim: if modalities.contains('t') { 20 } else { 768 },
                ..config
            };
            assert_eq!(found, expected, "{kind:?} {modalities}");
        }
    }

    #[test]
    fn other_parameters_are_not_taken_for_a_model() {
        let spec = ParamSpec {
            name: "encoder.weight".to_owned(),
            shape: vec![3, 3],
        };
        assert_eq!(from_shapes(&[spec]), None);
        let spec = ParamSpec {
            name: "v_out.weight".to_owned(),
            shape: vec![3, 3],
        };
        assert_eq!(from_shapes(&[spec]), None);
    }

    #[test]
    fn settings_beside_the_checkpoint_win() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("best.pt");
        let specs = param_specs(&odd(ModelKind::Mesm, "tva").init(&Device::flex()).unwrap());
        assert!(settings(&path, &specs).unwrap().guessed);
        let beside = |json: &str| {
            std::fs::write(folder.path().join("best.json"), json).unwrap();
            settings(&path, &specs)
        };
        let found =
            beside(r#"{"config": {"trans_heads": 2, "classes": ["a", "b", "c"]}}"#).unwrap();
        assert!(!found.guessed);
        assert_eq!(
            (found.config.trans_heads, found.config.classes[2].as_str()),
            (2, "c")
        );
        assert_eq!(found.config.flatten_dim, 7);
        let error = beside(r#"{"config": {"heads": 2}}"#)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("best.json") && error.contains("heads"),
            "{error}"
        );
    }
}
