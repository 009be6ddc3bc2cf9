//! The training loop: phases, epochs, steps; it can be stopped anywhere and goes on as if it had not been.

mod at_work;
mod error;
mod event;
mod score;
mod teacher;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::optim::GradientsParams;
use burn::tensor::Device;
use mesm::weights::FloatFormat;
use mesm_data::seed::rng;
use rand::RngExt;

use crate::average::{averaged, share_kept};
use crate::checkpoint::{Checkpoint, Exact, RunState, replace};
use crate::config::{PhaseConfig, TrainConfig};
use crate::judge::judge;
use crate::learner::Learner;
use crate::lessons::{LessonError, Lessons, each};
use crate::loss::Loss;
use crate::weights::{self, InputSettings};

use at_work::AtWork;
pub use error::TrainError;
pub use event::Event;
use score::{batch_loss, chosen, scores};
pub use teacher::Teacher;

/// The checkpoint's name in the run's folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";
/// The log's name in the run's folder: a JSON object a line.
pub const LOG: &str = "log.jsonl";
/// Marks the random numbers of the share of the attention mass.
const TOP_P: u64 = 7;
/// Steps between two lines of the log.
const LOG_STEPS: usize = 20;

/// What a phase learns from.
pub struct PhaseLessons<'a> {
    /// Batches to learn from.
    pub train: Box<dyn Lessons + 'a>,
    /// Batches that choose the epoch.
    pub valid: Box<dyn Lessons + 'a>,
    /// Weights of the classes in the loss.
    pub class_weights: Vec<f32>,
}

/// A run: settings, a folder, a device, and where learner and data come from.
pub struct Run<'a> {
    /// The settings.
    pub config: &'a TrainConfig,
    /// Where everything is kept.
    pub folder: &'a Path,
    /// What the learner's inputs are made of, for the header of its weights.
    pub inputs: &'a InputSettings,
    /// Whose answers are learnt from in the phases that ask for it and name no phase of this run, on the device below without
    /// automatic differentiation.
    pub teacher: Option<&'a Teacher>,
    /// A device with automatic differentiation.
    pub device: &'a Device,
    /// The lessons of a phase.
    pub lessons: &'a dyn Fn(&PhaseConfig) -> Result<PhaseLessons<'a>, LessonError>,
    /// Hears of every event; false stops the run.
    pub watch: &'a mut dyn FnMut(&Event) -> bool,
}

impl Run<'_> {
    /// Trains to the end, from the last checkpoint if there is one. `fresh` makes the learner at its beginning, and is
    /// called more than once: two learners must share nothing.
    ///
    /// # Errors
    /// See [`TrainError`]; the run can be taken up again after any of them.
    pub fn train(
        &mut self,
        fresh: &dyn Fn() -> Result<Learner, TrainError>,
    ) -> Result<Learner, TrainError> {
        self.config.check()?;
        let settings = serde_json::to_string_pretty(self.config)
            .map_err(|e| TrainError::Device(e.to_string()))?;
        let folder = self.folder;
        fs::create_dir_all(folder).map_err(|source| file(folder, source))?;
        let checkpoint = self.checkpoint_path();
        let mut at_work = if checkpoint.is_file() {
            self.taken_up(Checkpoint::read(&checkpoint)?, &settings, fresh)?
        } else {
            let path = folder.join("config.json");
            replace(&path, settings.as_bytes()).map_err(|source| file(&path, source))?;
            let state = RunState {
                config: settings,
                phase: 0,
                epoch: 0,
                step: 0,
                loss: Exact(0.0),
                best: None,
                log_lines: 0,
                identities: BTreeMap::new(),
            };
            self.at_work(fresh()?, state, fresh)?
        };
        self.shorten_log(at_work.state.log_lines)?;
        while let Some(phase) = self.config.phases.get(at_work.state.phase) {
            self.phase(phase, &mut at_work, fresh)?;
            let path = self.weights_path(phase);
            let bytes = fs::read(&path).map_err(|source| file(&path, source))?;
            let learner = weights::from_bytes(fresh()?, &bytes)?;
            let state = RunState {
                phase: at_work.state.phase + 1,
                epoch: 0,
                step: 0,
                loss: Exact(0.0),
                best: None,
                ..at_work.state
            };
            at_work = self.at_work(learner, state, fresh)?;
            self.keep(&at_work)?;
        }
        Ok(at_work.learner)
    }

    fn checkpoint_path(&self) -> PathBuf {
        self.folder.join(CHECKPOINT)
    }

    fn weights_path(&self, phase: &PhaseConfig) -> PathBuf {
        self.folder.join(format!("{}.safetensors", phase.name))
    }

    fn phase(
        &mut self,
        phase: &PhaseConfig,
        at_work: &mut AtWork,
        fresh: &dyn Fn() -> Result<Learner, TrainError>,
    ) -> Result<(), TrainError> {
        let lessons = (self.lessons)(phase)?;
        let of_the_run = self.of_the_run(phase, fresh)?;
        let teacher = of_the_run.as_ref().or(self.teacher);
        let loss = Loss::new(
            phase.loss,
            lessons.class_weights.clone(),
            phase.label_smoothing,
        );
        self.tell(&Event::Phase {
            phase: phase.name.clone(),
            epochs: phase.epochs,
            epoch: at_work.state.epoch,
            steps: lessons.train.steps(),
            step: at_work.state.step,
            valid_steps: lessons.valid.steps(),
        })?;
        while at_work.state.epoch < phase.epochs && !stops_early(phase, &at_work.state) {
            let begun = Instant::now();
            self.epoch(phase, lessons.train.as_ref(), &loss, teacher, at_work)?;
            self.end_epoch(phase, &lessons, &loss, at_work, begun)?;
        }
        let (score, epoch) = at_work.state.best.unwrap_or_default();
        let ended = Event::Ended {
            phase: phase.name.clone(),
            epoch,
            score: score.0,
            weights: self.weights_path(phase).display().to_string(),
        };
        self.log(&mut at_work.state, &ended)?;
        self.tell(&ended)
    }

    /// The phase of this run by which `phase` is taught, if it is.
    fn of_the_run(
        &self,
        phase: &PhaseConfig,
        fresh: &dyn Fn() -> Result<Learner, TrainError>,
    ) -> Result<Option<Teacher>, TrainError> {
        let named = |former: &&PhaseConfig| Some(&former.name) == phase.taught_by.as_ref();
        let Some(former) = self.config.phases.iter().find(named) else {
            return Ok(None);
        };
        let path = self.weights_path(former);
        let bytes = fs::read(&path).map_err(|source| file(&path, source))?;
        let mut learner = weights::from_bytes(fresh()?, &bytes)?.judging();
        learner.set_top_p(former.judged_top_p(self.config.model.top_p()))?;
        Ok(Some(Teacher::new(learner)))
    }

    fn epoch(
        &mut self,
        phase: &PhaseConfig,
        lessons: &dyn Lessons,
        loss: &Loss,
        teacher: Option<&Teacher>,
        at_work: &mut AtWork,
    ) -> Result<(), TrainError> {
        let (epoch, steps) = (at_work.state.epoch, lessons.steps());
        let mut since = (Instant::now(), 0_usize);
        let first = at_work.state.step;
        let judging = self.device.clone().inner();
        each(lessons, epoch, first, |step, mut utterances| {
            let whole = epoch * steps + step;
            self.device.seed(mixed(&[
                self.config.seed,
                at_work.state.phase as u64,
                whole as u64,
            ]));
            let rate = phase.rate(whole, phase.epochs * steps);
            let own = self.config.model.top_p();
            let place = [TOP_P, at_work.state.phase as u64, whole as u64];
            let top_p = phase.top_p(rng(self.config.seed, &place).random(), own);
            if let Some(teacher) = teacher {
                teacher.teach(phase, &mut utterances, &judging)?;
            }
            at_work.learner.set_top_p(top_p)?;
            let answer = at_work.learner.forward(&utterances, self.device)?;
            at_work.learner.set_top_p(own)?;
            let value = batch_loss(phase, loss, &answer, &utterances);
            let number = value
                .clone()
                .try_into_scalar::<f32>()
                .map_err(|e| TrainError::Device(format!("{e:?}")))?;
            let gradients = value.backward();
            let gradients = GradientsParams::from_grads(gradients, &at_work.learner);
            let (learner, norm) =
                at_work
                    .optimizer
                    .step(rate, at_work.learner.clone(), gradients)?;
            if !number.is_finite() || !norm.is_finite() {
                return Err(TrainError::NotFinite {
                    phase: phase.name.clone(),
                    epoch,
                    step,
                    loss: f64::from(number),
                    norm,
                    ids: utterances.ids.join(", "),
                    checkpoint: self.checkpoint_path(),
                });
            }
            at_work.learner = learner;
            if let Some(average) = at_work.average.take() {
                let keep = share_kept(phase.average, whole);
                at_work.average = Some(averaged(average, &at_work.learner, keep));
            }
            at_work.state.step = step + 1;
            at_work.state.loss.0 += f64::from(number);
            since.1 += utterances.len();
            let event = Event::Step {
                phase: phase.name.clone(),
                epoch,
                step,
                loss: f64::from(number),
                norm,
                rate,
                utterances_per_s: since.1 as f64 / since.0.elapsed().as_secs_f64().max(1e-9),
            };
            if (step + 1).is_multiple_of(LOG_STEPS) {
                self.log(&mut at_work.state, &event)?;
                since = (Instant::now(), 0);
            }
            if (step + 1).is_multiple_of(self.config.checkpoint_steps) && step + 1 < steps {
                self.keep(at_work)?;
            }
            self.tell(&event)?;
            Ok::<_, TrainError>(true)
        })
    }

    fn end_epoch(
        &mut self,
        phase: &PhaseConfig,
        lessons: &PhaseLessons<'_>,
        loss: &Loss,
        at_work: &mut AtWork,
        begun: Instant,
    ) -> Result<(), TrainError> {
        let mut judged = match &at_work.average {
            Some(average) => average.clone(),
            None => at_work.learner.judging(),
        };
        let own = self.config.model.top_p();
        judged.set_top_p(phase.judged_top_p(own))?;
        let mut stopped = false;
        let answers = judge(
            &judged,
            lessons.valid.as_ref(),
            &self.device.clone().inner(),
            |answer, utterances| batch_loss(phase, loss, answer, utterances),
            |done, of| stopped |= !(self.watch)(&Event::Valid { done, of }),
        )?;
        if stopped {
            return Err(TrainError::Stopped);
        }
        let classes = judged.classes().len();
        let scores = scores(phase, &answers, classes);
        let score = chosen(phase, &scores);
        let state = &mut at_work.state;
        let best = state.best.is_none_or(|(best, _)| score > best.0);
        if best {
            let path = self.weights_path(phase);
            judged.set_top_p(own)?;
            let bytes = weights::to_bytes(&judged, self.inputs, FloatFormat::F32)?;
            replace(&path, &bytes).map_err(|source| file(&path, source))?;
            state.best = Some((Exact(score), state.epoch));
        }
        let event = Event::Epoch {
            phase: phase.name.clone(),
            epoch: state.epoch,
            train_loss: state.loss.0 / lessons.train.steps().max(1) as f64,
            valid_loss: answers.loss,
            score,
            scores,
            best,
            seconds: begun.elapsed().as_secs_f64(),
        };
        self.log(state, &event)?;
        state.epoch += 1;
        state.step = 0;
        state.loss = Exact(0.0);
        self.keep(at_work)?;
        self.tell(&event)
    }

    fn tell(&mut self, event: &Event) -> Result<(), TrainError> {
        if (self.watch)(event) {
            Ok(())
        } else {
            Err(TrainError::Stopped)
        }
    }

    fn log(&self, state: &mut RunState, event: &Event) -> Result<(), TrainError> {
        let path = self.folder.join(LOG);
        let line = serde_json::to_string(event).map_err(|e| TrainError::Device(e.to_string()))?;
        fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut log| writeln!(log, "{line}"))
            .map_err(|source| file(&path, source))?;
        state.log_lines += 1;
        Ok(())
    }

    /// Removes the lines of the log that a killed run wrote after its last checkpoint.
    fn shorten_log(&self, lines: usize) -> Result<(), TrainError> {
        let path = self.folder.join(LOG);
        let kept: String = match fs::read_to_string(&path) {
            Ok(text) => text.split_inclusive('\n').take(lines).collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(file(&path, source)),
        };
        replace(&path, kept.as_bytes()).map_err(|source| file(&path, source))
    }
}

fn file(path: &Path, source: std::io::Error) -> TrainError {
    TrainError::File {
        path: path.to_owned(),
        source,
    }
}

/// One seed from several numbers (the finaliser of splitmix64 after each).
fn mixed(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |seed, number| {
        let mut z = (seed ^ number).wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

fn stops_early(phase: &PhaseConfig, state: &RunState) -> bool {
    phase.early_stop > 0
        && state
            .best
            .is_some_and(|(_, epoch)| state.epoch > epoch + phase.early_stop)
}
