//! One configuration of a training run, for file and command line. Defaults are the paper's best settings (Table 6).

mod choices;
mod phase;

use std::path::PathBuf;

use mesm_features::mel::MelConfig;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::features::FeatureConfig;
use crate::loss::LossKind;
use crate::system::SystemConfig;

pub use choices::{Metric, OptimizerKind, Schedule};
pub use phase::PhaseConfig;

/// A setting that cannot be used.
#[derive(Debug, Error)]
#[error("{place}: `{name}` must be {expected}; found {found}")]
pub struct TrainConfigError {
    /// The phase, or the run.
    pub place: String,
    /// The setting.
    pub name: &'static str,
    /// What is accepted.
    pub expected: &'static str,
    /// What was given.
    pub found: String,
}

/// A training run: a model, and phases one after the other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Everything random follows from it: initial weights, order, pairing, augmentation, dropout.
    pub seed: u64,
    /// The model. Its class names are replaced by those of the data; its text size by the text encoder's.
    pub model: SystemConfig,
    /// The spectrogram of an end-to-end model.
    pub mel: MelConfig,
    /// The features of a two-phase one.
    pub features: FeatureConfig,
    /// Tokens of an utterance that are read, the two marks at its ends included.
    pub text_max_tokens: usize,
    /// Weights of a model whose answers phases learn from too, by their `teacher_share`, if they are not `taught_by` another
    /// phase. They are read again when a run goes
    /// on, and must be the same then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teacher: Option<PathBuf>,
    /// Split to learn from.
    pub train_split: String,
    /// Split that chooses epochs and thresholds.
    pub valid_split: String,
    /// Steps between two checkpoints; one is written at the end of every epoch too.
    pub checkpoint_steps: usize,
    /// What is trained, in this order.
    pub phases: Vec<PhaseConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            model: SystemConfig::default(),
            mel: MelConfig::default(),
            features: FeatureConfig::default(),
            text_max_tokens: 100,
            teacher: None,
            train_split: "train".to_owned(),
            valid_split: "valid".to_owned(),
            checkpoint_steps: 200,
            phases: vec![PhaseConfig::default()],
        }
    }
}

impl TrainConfig {
    /// Whether every setting can be used.
    ///
    /// # Errors
    /// The first that cannot, with its phase.
    pub fn check(&self) -> Result<(), TrainConfigError> {
        let run = |name, expected, found: String| {
            Err(TrainConfigError {
                place: "the run".to_owned(),
                name,
                expected,
                found,
            })
        };
        if self.phases.is_empty() {
            return run("phases", "at least one", "none".to_owned());
        }
        if !(2..=512).contains(&self.text_max_tokens) {
            return run(
                "text_max_tokens",
                "2 to 512",
                self.text_max_tokens.to_string(),
            );
        }
        if self.checkpoint_steps == 0 {
            return run("checkpoint_steps", "at least 1", "0".to_owned());
        }
        if !(1..=512).contains(&self.features.max_words) {
            let found = self.features.max_words.to_string();
            return run("features.max_words", "1 to 512", found);
        }
        if let SystemConfig::EndToEnd(model) = &self.model
            && !model.calibrated_at.is_empty()
        {
            let expected = "left out: `mesm export --calibrate-top-p` measures statistics of weights that have learnt";
            return run(
                "model.calibrated_at",
                expected,
                format!("{:?}", model.calibrated_at),
            );
        }
        let number = |phase: &PhaseConfig| phase.loss == LossKind::Mae;
        if self.phases.iter().any(number) && !self.phases.iter().all(number) {
            return run(
                "phases",
                "all with the loss mae, or none",
                "some".to_owned(),
            );
        }
        let by_file = |phase: &PhaseConfig| phase.is_taught() && phase.taught_by.is_none();
        if self.teacher.is_none() && self.phases.iter().any(by_file) {
            let expected = "weights to learn from, where a phase has a `teacher_share`";
            return run("teacher", expected, "none".to_owned());
        }
        if self.teacher.is_some() && self.model.two_phase().is_some() {
            let expected = "left out: two-phase models learn from labels alone";
            return run("teacher", expected, "one".to_owned());
        }
        for (index, phase) in self.phases.iter().enumerate() {
            phase.check()?;
            if self.model.two_phase().is_some() && phase.mixup > 0.0 {
                let found = phase.mixup.to_string();
                return run("mixup", "0: features are not mixed", found);
            }
            let before = &self.phases[..index];
            if before.iter().any(|p| p.name == phase.name) {
                return run("phases", "named differently", phase.name.clone());
            }
            phase.check_taught_by(before)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        TrainConfig::default().check().unwrap();
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let mut config = TrainConfig::default();
        config.phases[0].learning_rate = f64::NAN;
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("phase `joint`: `learning_rate`"), "{error}");
        config = TrainConfig::default();
        config.phases.push(PhaseConfig::default());
        assert!(config.check().is_err(), "two phases of one name");
        config = TrainConfig::default();
        config.phases[0].teacher_share = 0.5;
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("`teacher` must be weights"), "{error}");
        config.teacher = Some("dense.safetensors".into());
        config.check().unwrap();
        let taught = |by: &str, share: f32| {
            let mut config = TrainConfig::default();
            config.phases[0].modalities = "tv".parse().unwrap();
            config.phases.push(PhaseConfig {
                name: "faces".to_owned(),
                modalities: "v".parse().unwrap(),
                teacher_share: share,
                taught_by: Some(by.to_owned()),
                ..PhaseConfig::default()
            });
            config
        };
        taught("joint", 0.5).check().unwrap();
        let mut voices = taught("joint", 0.5);
        voices.phases[1].modalities = "a".parse().unwrap();
        for (config, said) in [
            (taught("joint", 0.0), "`teacher_share` must be above 0"),
            (
                taught("faces", 0.5),
                "`taught_by` must be a phase before it",
            ),
            (taught("dense", 0.5), "found dense"),
            (voices, "found joint, which has learnt from tv"),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.contains(said), "{said}: {error}");
        }
        config = TrainConfig::default();
        config.phases[0].freeze = "x".to_owned();
        assert!(config.check().is_err());
    }
}
