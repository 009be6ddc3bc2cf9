//! One model of a report: trained, judged, and what it said kept.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use mesm_data::store::{Store, write_atomically};
use mesm_train::config::TrainConfig;
use mesm_train::judge::{Answers, questions};
use mesm_train::metrics::MultiLabelScores;
use mesm_train::report::SentimentReport;
use mesm_train::tables::{Asked, MaskSums, Outcome, Swept, System, Trial};
use serde::{Deserialize, Serialize};

use crate::costs::Costs;
use crate::error::CliError;
use crate::judging::{self, Judge};
use crate::train::progress::Show;
use crate::train::setup::{Beginning, Setup};

use super::recipe::Recipes;

/// Split that chooses thresholds.
const VALID: &str = "valid";
/// Split that is judged.
const TEST: &str = "test";
/// What is kept of a trial in its folder.
const OUTCOME: &str = "outcome.json";

/// Where trials are made.
pub(super) struct Laboratory<'a> {
    pub(super) store: &'a Store,
    pub(super) recipes: Recipes,
    pub(super) runs: PathBuf,
    pub(super) text_encoder: Option<&'a Path>,
    pub(super) device: Device,
    /// Whether the sparse model is judged at every p: what takes ten times as long as judging it once.
    pub(super) swept: bool,
}

/// An outcome with everything it follows from.
#[derive(Serialize, Deserialize)]
struct Kept {
    data: String,
    settings: TrainConfig,
    outcome: Outcome,
}

impl Laboratory<'_> {
    /// What a trial gives; it is trained and judged only if that was not done before.
    pub(super) fn outcome(&self, trial: &Trial, place: &str) -> Result<Outcome, CliError> {
        let settings = self.recipes.of(trial)?;
        let folder = self.runs.join(trial.to_string());
        let path = folder.join(OUTCOME);
        let kept = self.kept(&path, &settings)?;
        if let Some(kept) = kept.filter(|kept| !self.is_swept(trial) || !kept.sweep.is_empty()) {
            tracing::info!("{place} {trial}: done before");
            return Ok(kept);
        }
        let mut show = Show::new();
        show.line(&format!("{place} {trial}"));
        let phase = settings.phases.first().map(|phase| phase.name.clone());
        let weights = folder.join(format!("{}.safetensors", phase.unwrap_or_default()));
        Setup::new(
            settings.clone(),
            self.store,
            self.text_encoder,
            self.device.clone(),
        )?
        .train(&folder, &Beginning::default(), &mut |event| {
            show.event(event);
            true
        })?;
        let outcome = self.judged(trial, &weights)?;
        let kept = Kept {
            data: self.store.fingerprint().to_owned(),
            settings,
            outcome,
        };
        let json =
            serde_json::to_string_pretty(&kept).map_err(|e| CliError::Arguments(e.to_string()))?;
        write_atomically(&path, json.as_bytes())?;
        Ok(kept.outcome)
    }

    fn is_swept(&self, trial: &Trial) -> bool {
        self.swept && trial.system == System::Mesm && trial.letters() == "tva"
    }

    /// An outcome of the same settings and data, if there is one.
    fn kept(&self, path: &Path, settings: &TrainConfig) -> Result<Option<Outcome>, CliError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(CliError::Unreadable {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let wrong = |reason: &str| {
            CliError::Arguments(format!(
                "{}: {reason}. Choose another folder for the report, or remove this one",
                path.display()
            ))
        };
        let kept: Kept = serde_json::from_str(&text).map_err(|e| wrong(&e.to_string()))?;
        if kept.data != self.store.fingerprint() {
            return Err(wrong("this training was made with other data"));
        }
        if kept.settings != *settings {
            return Err(wrong("this training was made with other settings"));
        }
        Ok(Some(kept.outcome))
    }

    fn judged(&self, trial: &Trial, weights: &Path) -> Result<Outcome, CliError> {
        let mut judge = judging::Asked {
            weights: Some(weights),
            text_encoder: self.text_encoder,
            word_vectors: None,
            top_p: None,
            device: self.device.clone(),
        }
        .load()?;
        let letters = trial.letters();
        match trial.asked {
            Asked::Sentiment => {
                let mut masks = MaskSums::default();
                let answers = judge.ask(self.store, TEST, &letters, |answer, utterances| {
                    masks.hear(answer, utterances);
                })?;
                Ok(Outcome {
                    n: answers.ids.len(),
                    sentiment: Some(SentimentReport::new(&answers)),
                    masks: masks.means().map_err(wrong)?,
                    ..Outcome::default()
                })
            }
            Asked::Emotions => {
                let (scores, macs) = self.emotions(&judge, &letters)?;
                let config = judge
                    .learner()
                    .end_to_end()
                    .map(|learner| learner.model.config());
                let top_p = config.map(|config| config.top_p);
                let mut sweep = Vec::new();
                if self.is_swept(trial) {
                    for tenth in 1..=10_u8 {
                        let top_p = f32::from(tenth) / 10.0;
                        judge.set_top_p(top_p)?;
                        let (scores, macs) = self.emotions(&judge, &letters)?;
                        sweep.push(Swept {
                            top_p: f64::from(tenth) / 10.0,
                            accuracy: scores.mean.accuracy,
                            weighted_accuracy: scores.mean.weighted_accuracy,
                            f1: scores.mean.f1,
                            macs: macs.unwrap_or_default(),
                        });
                    }
                }
                Ok(Outcome {
                    n: scores.n,
                    emotions: Some(scores),
                    macs,
                    top_p,
                    sweep,
                    ..Outcome::default()
                })
            }
        }
    }

    /// Each class as a question of its own, with the thresholds of the validation split; the cost of an utterance, where
    /// it can be counted.
    fn emotions(
        &self,
        judge: &Judge,
        letters: &str,
    ) -> Result<(MultiLabelScores, Option<f64>), CliError> {
        let classes = judge.learner().classes().len();
        let valid = judge.ask(self.store, VALID, letters, |_, _| ())?;
        let mut costs = Costs::default();
        let test = judge.ask(self.store, TEST, letters, |answer, _| costs.hear(answer))?;
        let table = |answers: &Answers| questions(&answers.of(None), classes).map_err(wrong);
        let thresholds = table(&valid)?.best_thresholds();
        let scores = table(&test)?.scores(&thresholds).map_err(wrong)?;
        let macs = costs.of_all(scores.n)?;
        Ok((scores, macs))
    }
}

fn wrong(error: impl std::error::Error) -> CliError {
    CliError::Arguments(error.to_string())
}
