//! How each model of a report is trained.

use std::path::{Path, PathBuf};

use mesm_train::config::{Metric, PhaseConfig, TrainConfig};
use mesm_train::loss::LossKind;
use mesm_train::system::SystemConfig;
use mesm_train::tables::{Asked, Trial};

use crate::error::CliError;
use crate::train::recipe;

/// Files that serve a whole family.
const END_TO_END: &str = "end-to-end.toml";
const TWO_PHASE: &str = "two-phase.toml";

/// Settings of trainings: the papers', or those of a folder.
pub(super) struct Recipes {
    folder: Option<PathBuf>,
    several_classes: bool,
}

impl Recipes {
    pub(super) fn new(folder: Option<&Path>, several_classes: bool) -> Self {
        Self {
            folder: folder.map(Path::to_owned),
            several_classes,
        }
    }

    /// The settings of a trial.
    pub(super) fn of(&self, trial: &Trial) -> Result<TrainConfig, CliError> {
        let system = trial.system;
        let mut config = match self.file(trial) {
            Some(path) => {
                let config = recipe::read(&path)?;
                if config.phases.len() != 1 {
                    return Err(CliError::Arguments(format!(
                        "{}: a recipe of a report has one phase; found {}",
                        path.display(),
                        config.phases.len()
                    )));
                }
                config
            }
            None => papers(trial),
        };
        config.model = system.configured(&config.model);
        config.seed = trial.seed;
        for phase in &mut config.phases {
            phase.modalities = trial.modalities();
            match trial.asked {
                Asked::Sentiment => {
                    phase.loss = LossKind::Mae;
                    phase.metric = Metric::Mae;
                }
                // The authors stop by the mean F1 of questions; data with one class an utterance have it too.
                Asked::Emotions if phase.loss == LossKind::Bce => phase.metric = Metric::BinaryF1,
                Asked::Emotions => {}
            }
            if phase.loss == LossKind::Ce && self.several_classes {
                return Err(CliError::Arguments(
                    "the loss ce is for utterances of one class each; these have several, or none: use bce"
                        .to_owned(),
                ));
            }
        }
        config
            .check()
            .map_err(|e| CliError::Arguments(e.to_string()))?;
        Ok(config)
    }

    fn file(&self, trial: &Trial) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        let family = if trial.system.is_end_to_end() {
            END_TO_END
        } else {
            TWO_PHASE
        };
        let own = folder.join(format!("{}.toml", trial.system.name()));
        let family = folder.join(family);
        [own, family].into_iter().find(|path| path.is_file())
    }
}

/// Table 6 of Dai et al. for the end-to-end models; section 3 of Paraskevopoulos et al. for sentiment. The rates of the
/// other two-phase models are not published: theirs is Adam's usual one.
fn papers(trial: &Trial) -> TrainConfig {
    let mut config = TrainConfig::default();
    if trial.system.is_end_to_end() {
        return config;
    }
    config.model = SystemConfig::TwoPhase(mesm::two_phase::TwoPhaseConfig::default());
    config.phases = vec![PhaseConfig {
        learning_rate: match trial.asked {
            Asked::Emotions => 1e-3,
            Asked::Sentiment => 5e-4,
        },
        batch_size: 32,
        text_lr_factor: 1.0,
        ..PhaseConfig::default()
    }];
    config
}

#[cfg(test)]
mod tests {
    use mesm_train::tables::System;

    use super::*;

    #[test]
    fn a_folder_serves_models_and_families() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "two-phase.toml",
            "[model]\nkind = \"lf-lstm\"\nhidden_dim = 12\n[[phases]]\nname = \"joint\"\nepochs = 3\n",
        );
        write("mult.toml", "[[phases]]\nname = \"joint\"\nepochs = 5\n");
        let recipes = Recipes::new(Some(folder.path()), true);
        let of = |system, asked| recipes.of(&Trial::new(system, "tav", asked, 4)).unwrap();
        let late = of(System::LfTrans, Asked::Emotions);
        assert_eq!((late.phases[0].epochs, late.seed), (3, 4));
        assert_eq!(late.model.kind(), "lf-trans");
        assert_eq!(late.model.two_phase().unwrap().hidden_dim, 12);
        let mult = of(System::Mult, Asked::Sentiment);
        assert_eq!(
            (mult.phases[0].epochs, mult.phases[0].loss),
            (5, LossKind::Mae)
        );
        let dense = of(System::Fe2e, Asked::Emotions);
        assert_eq!(dense.phases[0].batch_size, 8, "the paper's");
        write(
            "mesm.toml",
            "[[phases]]\nname = \"a\"\n[[phases]]\nname = \"b\"\n",
        );
        let error = recipes.of(&Trial::new(System::Mesm, "tav", Asked::Emotions, 4));
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("one phase; found 2")
        );
    }
}
