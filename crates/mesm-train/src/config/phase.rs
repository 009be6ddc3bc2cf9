//! One phase of a run.

use mesm::Modalities;
use mesm_data::augment::{FaceAugment, SpecAugment, VoiceAugment};
use serde::{Deserialize, Serialize};

use super::TrainConfigError;
use super::choices::{Metric, OptimizerKind, Schedule};
use crate::learner::TextLearning;
use crate::loss::LossKind;

/// A setting, whether it is sound, what is expected and what was found.
type Checked = (&'static str, bool, &'static str, String);

/// One phase: what is trained, on what, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhaseConfig {
    /// Names files and lines of the log.
    pub name: String,
    /// What the phase reads. One letter: every item of that modality on its own. Several: utterances composed of
    /// items with the same label, or the data's own utterances.
    pub modalities: Modalities,
    /// Times through the data.
    pub epochs: usize,
    /// Utterances in a step.
    pub batch_size: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// The text encoder and the text's output layer learn this many times slower.
    pub text_lr_factor: f64,
    /// Decay of the weights towards 0.
    pub weight_decay: f64,
    /// What turns gradients into steps.
    pub optimizer: OptimizerKind,
    /// How the learning rate goes.
    pub schedule: Schedule,
    /// Steps in which the learning rate rises from 0.
    pub warmup_steps: usize,
    /// Largest norm of the gradient of all parameters together; 0 for no limit.
    pub clip: f64,
    /// Epochs without a better validation score after which the phase ends; 0 for never.
    pub early_stop: usize,
    /// Score on the validation split that chooses the epoch.
    pub metric: Metric,
    /// What is made small.
    pub loss: LossKind,
    /// Weight of each modality's own loss beside that of the fused logits.
    pub modality_loss: f64,
    /// Least share of the attention mass that MESM keeps at a step, `(0, 1]`; each step draws its share evenly between
    /// this and `top_p_most`. A model that has learnt at many shares serves all of them; with one alone it is lost at
    /// the others. 0 for the model's own share. Epochs are judged at the model's own share, or the nearest that is drawn.
    pub top_p_least: f64,
    /// Largest share; 0 for the model's own.
    pub top_p_most: f64,
    /// Weight, in the loss, of what an attention layer is further from even attention than `attention_room`, in nats.
    /// Without it a trained attention ends with one or two points; it has no effect where the attention is frozen.
    pub attention_spread: f64,
    /// How far from even attention a layer may be for nothing, in nats. 0 presses it to be even, and the selection is
    /// then left to chance; `ln 2` is the distance of a layer that cares about half of its points, and about these evenly.
    pub attention_room: f64,
    /// Weight, in the loss, of how unevenly an attention layer is spread over the cells of the pooling that follows, in
    /// nats. It keeps a part of every cell, and with it every part of the map, where few points are kept.
    pub attention_cover: f64,
    /// Weigh positives (bce) by negatives / positives, or classes (ce) by the inverse root of their frequency.
    pub class_weights: bool,
    /// Share of the target that is spread evenly, `[0, 1)`.
    pub label_smoothing: f32,
    /// Share of the target that is what the teacher says of the utterance, `[0, 1]`; the label keeps the rest.
    pub teacher_share: f32,
    /// The phase of the same run, before this one, whose weights are the teacher, with the share of the attention mass that
    /// they were judged at; without it the run's `teacher` is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taught_by: Option<String>,
    /// Give the label the share of annotators who chose it and spread the rest evenly, where that is known.
    pub soft_targets: bool,
    /// Parameter of the Beta distribution that mixes pairs of faces or spectrograms; 0 for no mixing. Only where the
    /// phase has one modality.
    pub mixup: f64,
    /// Sampling of classes: 0 as they come, 1 all alike, in between by that power of their frequency.
    pub balance: f64,
    /// Chance that a modality is dropped from an utterance, `[0, 1)`. One always stays.
    pub modality_dropout: f64,
    /// Composed utterances of an epoch; 0 for as many as use up the largest modality once.
    pub utterances: usize,
    /// Face crops in a composed utterance.
    pub faces_per_utterance: usize,
    /// Train the text encoder too.
    pub train_text_encoder: bool,
    /// Layers of the text encoder, from below, that keep their values while the others learn; the embeddings with them.
    /// Learning is faster, and little is forgotten. Encoders whose layers share one set of values (ALBERT) keep the
    /// embeddings only.
    pub freeze_text_layers: usize,
    /// Parts of the model that keep their values: `t`, `v`, `a`, and `q`, what the words have to say to the attention of
    /// face and voice, which belongs to neither of these.
    pub freeze: String,
    /// Weights that are kept are a running average with this share of the old ones, `[0, 1)`; 0 keeps the last ones.
    pub average: f64,
    /// Augmentation of faces.
    pub face_augment: FaceAugment,
    /// Augmentation of voices.
    pub voice_augment: VoiceAugment,
    /// Augmentation of spectrograms.
    pub spec_augment: SpecAugment,
}

impl Default for PhaseConfig {
    fn default() -> Self {
        Self {
            name: "joint".to_owned(),
            modalities: Modalities::ALL,
            epochs: 40,
            batch_size: 8,
            learning_rate: 5e-5,
            text_lr_factor: 10.0,
            weight_decay: 0.0,
            optimizer: OptimizerKind::default(),
            schedule: Schedule::default(),
            warmup_steps: 0,
            clip: 1.0,
            early_stop: 6,
            metric: Metric::default(),
            loss: LossKind::default(),
            modality_loss: 0.0,
            attention_spread: 1.0,
            attention_room: 0.2,
            attention_cover: 0.0,
            top_p_least: 0.0,
            top_p_most: 0.0,
            class_weights: true,
            label_smoothing: 0.0,
            teacher_share: 0.0,
            taught_by: None,
            soft_targets: false,
            mixup: 0.0,
            balance: 0.0,
            modality_dropout: 0.0,
            utterances: 0,
            faces_per_utterance: 6,
            train_text_encoder: true,
            freeze_text_layers: 0,
            freeze: String::new(),
            average: 0.0,
            face_augment: FaceAugment::none(),
            voice_augment: VoiceAugment::none(),
            spec_augment: SpecAugment::none(),
        }
    }
}

impl PhaseConfig {
    pub(super) fn check(&self) -> Result<(), TrainConfigError> {
        for (name, sound, expected, found) in self.counts().into_iter().chain(self.amounts()) {
            if !sound {
                return self.wrong(name, expected, found);
            }
        }
        let augmentation = [
            self.face_augment.validate(),
            self.voice_augment.validate(),
            self.spec_augment.validate(),
        ];
        if let Some(error) = augmentation.into_iter().find_map(Result::err) {
            return self.wrong("augmentation", "within its ranges", error.to_string());
        }
        Ok(())
    }

    fn wrong(
        &self,
        name: &'static str,
        expected: &'static str,
        found: String,
    ) -> Result<(), TrainConfigError> {
        Err(TrainConfigError {
            place: format!("phase `{}`", self.name),
            name,
            expected,
            found,
        })
    }

    /// Whether the phase that teaches it can, `before` being those that have learnt by then.
    pub(super) fn check_taught_by(&self, before: &[Self]) -> Result<(), TrainConfigError> {
        let Some(name) = &self.taught_by else {
            return Ok(());
        };
        if !self.is_taught() {
            let found = self.teacher_share.to_string();
            return self.wrong("teacher_share", "above 0 where `taught_by` is set", found);
        }
        let expected = "a phase before it, of this run, that has learnt from its modalities";
        let Some(former) = before.iter().find(|phase| &phase.name == name) else {
            return self.wrong("taught_by", expected, name.clone());
        };
        let learnt = former.modalities;
        if self.modalities.iter().any(|m| !learnt.contains(m)) {
            let found = format!("{name}, which has learnt from {learnt}");
            return self.wrong("taught_by", expected, found);
        }
        Ok(())
    }

    /// Names and whole numbers: the setting, whether it is sound, what is expected, what was found.
    fn counts(&self) -> [Checked; 5] {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let size = self.name.len();
        [
            (
                "name",
                (1..=40).contains(&size) && self.name.chars().all(plain),
                "1 to 40 letters, digits, `-` or `_`",
                self.name.clone(),
            ),
            (
                "epochs",
                self.epochs > 0,
                "at least 1",
                self.epochs.to_string(),
            ),
            (
                "batch_size",
                (1..=65_536).contains(&self.batch_size),
                "1 to 65536",
                self.batch_size.to_string(),
            ),
            (
                "faces_per_utterance",
                (1..=64).contains(&self.faces_per_utterance),
                "1 to 64",
                self.faces_per_utterance.to_string(),
            ),
            (
                "freeze",
                self.freeze.chars().all(|c| "tvaq".contains(c)),
                "some of the letters t, v, a, q",
                self.freeze.clone(),
            ),
        ]
    }

    /// Rates and shares.
    fn amounts(&self) -> [Checked; 16] {
        let share = |name, x: f64| (name, (0.0..1.0).contains(&x), "in [0, 1)", x.to_string());
        let amount = |name, x: f64| (name, x.is_finite() && x >= 0.0, "at least 0", x.to_string());
        let top_p = |name, p: f64| (name, (0.0..=1.0).contains(&p), "in [0, 1]", p.to_string());
        [
            (
                "learning_rate",
                self.learning_rate > 0.0 && self.learning_rate <= 1.0,
                "above 0, up to 1",
                self.learning_rate.to_string(),
            ),
            (
                "text_lr_factor",
                self.text_lr_factor.is_finite() && self.text_lr_factor > 0.0,
                "above 0",
                self.text_lr_factor.to_string(),
            ),
            amount("weight_decay", self.weight_decay),
            amount("clip", self.clip),
            amount("modality_loss", self.modality_loss),
            amount("attention_spread", self.attention_spread),
            amount("attention_room", self.attention_room),
            amount("attention_cover", self.attention_cover),
            top_p("top_p_least", self.top_p_least),
            top_p("top_p_most", self.top_p_most),
            share("label_smoothing", f64::from(self.label_smoothing)),
            share("modality_dropout", self.modality_dropout),
            share("average", self.average),
            (
                "mixup",
                (0.0..=100.0).contains(&self.mixup)
                    && (self.mixup == 0.0 || self.modalities.count() == 1),
                "0 to 100, and 0 where the phase has several modalities",
                self.mixup.to_string(),
            ),
            (
                "teacher_share",
                (0.0..=1.0).contains(&self.teacher_share),
                "in [0, 1]",
                self.teacher_share.to_string(),
            ),
            (
                "balance",
                (0.0..=1.0).contains(&self.balance),
                "in [0, 1]",
                self.balance.to_string(),
            ),
        ]
    }

    /// The share of the attention mass that a step keeps, where `drawn` in `[0, 1)` is its random number and `own` the
    /// model's share.
    #[must_use]
    pub fn top_p(&self, drawn: f64, own: f32) -> f32 {
        let (least, most) = self.top_p_range(own);
        (least + (most - least) * drawn) as f32
    }

    /// The share at which epochs are judged: the model's `own`, or the nearest that the phase draws.
    #[must_use]
    pub fn judged_top_p(&self, own: f32) -> f32 {
        let (one, other) = self.top_p_range(own);
        f64::from(own).clamp(one.min(other), one.max(other)) as f32
    }

    fn top_p_range(&self, own: f32) -> (f64, f64) {
        let or_own = |p: f64| if p == 0.0 { f64::from(own) } else { p };
        (or_own(self.top_p_least), or_own(self.top_p_most))
    }

    /// Whether it learns from a teacher beside the labels.
    #[must_use]
    pub fn is_taught(&self) -> bool {
        self.teacher_share > 0.0
    }

    /// What of the text encoder learns.
    #[must_use]
    pub fn text_learning(&self) -> TextLearning {
        if self.train_text_encoder {
            TextLearning::Above(self.freeze_text_layers)
        } else {
            TextLearning::Nothing
        }
    }

    /// The learning rate of step `step` of `steps`.
    #[must_use]
    pub fn rate(&self, step: usize, steps: usize) -> f64 {
        if step < self.warmup_steps {
            return self.learning_rate * (step + 1) as f64 / (self.warmup_steps + 1) as f64;
        }
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => {
                let span = steps.saturating_sub(self.warmup_steps).max(1) as f64;
                let way = ((step - self.warmup_steps) as f64 / span).min(1.0);
                self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * way).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_draws_its_share() {
        let mut phase = PhaseConfig::default();
        let thousandths = |share: f32| (share * 1000.0).round() as u32;
        let shares = |phase: &PhaseConfig| {
            [0.0, 0.5, 0.75].map(|drawn| thousandths(phase.top_p(drawn, 0.5)))
        };
        assert_eq!(shares(&phase), [500, 500, 500], "the model's own");
        phase.top_p_most = 1.0;
        assert_eq!(shares(&phase), [500, 750, 875]);
        phase.top_p_least = 0.25;
        phase.top_p_most = 0.75;
        assert_eq!(shares(&phase), [250, 500, 625]);
    }

    #[test]
    fn epochs_are_judged_at_a_share_that_was_learnt() {
        let judged = |least, most| {
            let phase = PhaseConfig {
                top_p_least: least,
                top_p_most: most,
                ..PhaseConfig::default()
            };
            (phase.judged_top_p(0.85) * 100.0).round() as u32
        };
        assert_eq!(judged(0.0, 0.0), 85);
        assert_eq!(judged(0.5, 1.0), 85);
        assert_eq!(judged(1.0, 1.0), 100);
        assert_eq!(judged(0.3, 0.5), 50);
        assert_eq!(judged(0.0, 0.5), 85);
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let phase = PhaseConfig {
            learning_rate: 0.1,
            warmup_steps: 4,
            ..PhaseConfig::default()
        };
        let rates: Vec<f64> = (0..=104).map(|step| phase.rate(step, 104)).collect();
        assert!(rates[..5].windows(2).all(|pair| pair[0] < pair[1]));
        assert!((rates[4] - 0.1).abs() < 1e-12);
        assert!((rates[54] - 0.05).abs() < 1e-12);
        assert!(rates[104].abs() < 1e-12);
    }
}
