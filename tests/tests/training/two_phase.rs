//! Models that read features learn by the same loop.

use mesm::ModelKind;
use mesm::two_phase::{TwoPhaseConfig, TwoPhaseKind};
use mesm_train::Utterances;
use mesm_train::config::{Metric, TrainConfig};
use mesm_train::lessons::{LessonError, Lessons};
use mesm_train::loss::LossKind;
use mesm_train::run::{Event, PhaseLessons};
use mesm_train::system::SystemConfig;
use tempfile::tempdir;

use super::halves::{CLASSES, Halves, config, goes_on, learnt, run};

/// A small two-phase model on all three modalities.
fn two_phase(kind: TwoPhaseKind) -> TrainConfig {
    let mut config = config(ModelKind::Fe2e, &[("joint", "tva")]);
    config.model = SystemConfig::TwoPhase(TwoPhaseConfig {
        kind,
        classes: vec!["left".to_owned(), "right".to_owned()],
        text_dim: 2,
        visual_dim: 3,
        acoustic_dim: 2,
        hidden_dim: 8,
        layers: 1,
        heads: 2,
        feedforward: 16,
        ..TwoPhaseConfig::default()
    });
    config.phases[0].modality_loss = 0.0;
    config
}

#[test]
fn a_stopped_two_phase_model_goes_on_bit_for_bit() {
    let mut config = two_phase(TwoPhaseKind::MmLatch);
    config.phases[0].epochs = 4;
    goes_on(&config);
}

#[test]
fn every_two_phase_model_learns_halves() {
    for kind in TwoPhaseKind::ALL {
        let mut config = two_phase(kind);
        config.phases[0].epochs = 12;
        config.phases[0].early_stop = 0;
        config.phases[0].learning_rate = 1e-2;
        config.phases[0].average = 0.0;
        config.phases[0].metric = Metric::BinaryF1;
        let (losses, score) = learnt(&config);
        assert!(losses[11] < 0.5 * losses[0], "{kind}: {losses:?}");
        assert!(score > 0.99, "{kind}: {score}");
    }
}

/// Sentiment is a number, the error of which is made small.
#[test]
fn sentiment_is_learnt() {
    let mut config = two_phase(TwoPhaseKind::LfLstm);
    let SystemConfig::TwoPhase(model) = &mut config.model else {
        panic!("not two-phase");
    };
    model.classes = vec!["left".to_owned()];
    let phase = &mut config.phases[0];
    (phase.loss, phase.metric) = (LossKind::Mae, Metric::Mae);
    phase.epochs = 12;
    phase.learning_rate = 1e-2;
    let folder = tempdir().unwrap();
    let mut scores = Vec::new();
    run(
        &config,
        folder.path(),
        &|_| {
            Ok(PhaseLessons {
                train: Box::new(Rated(Halves::new(12))),
                valid: Box::new(Rated(Halves::new(2))),
                class_weights: vec![1.0],
            })
        },
        None,
        |event| {
            if let Event::Epoch { scores: all, .. } = event {
                scores.push(all["all"][&Metric::Mae]);
            }
            false
        },
    )
    .unwrap();
    let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(least < 0.4 && scores[0] > 2.0 * least, "{scores:?}");
}

/// The same halves, rated -2 and 2 instead of named.
struct Rated(Halves);

impl Lessons for Rated {
    fn steps(&self) -> usize {
        self.0.steps()
    }

    fn utterances(&self, epoch: usize, step: usize) -> Result<Utterances, LessonError> {
        let mut batch = self.0.utterances(epoch, step)?;
        let rated = batch
            .targets
            .chunks_exact(CLASSES)
            .map(|pair| 2.0 - 4.0 * pair[0]);
        batch.targets = rated.collect();
        Ok(batch)
    }
}
