//! `mesm train`, as it is typed. Names of settings are those of the authors' program where it has them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mesm::{AttentionMode, Modalities, Modality};
use mesm_train::config::{OptimizerKind, PhaseConfig, Schedule, TrainConfig};
use mesm_train::loss::LossKind;
use mesm_train::system::SystemConfig;

use crate::choices::{DeviceChoice, SystemChoice, TEXT_ENCODER};
use crate::error::CliError;
use crate::train::recipe;

const EXAMPLES: &str = "\
Examples:
  mesm prepare manifest DATA --out STORE            a folder of csv and tar files into a store, once
  mesm train --data STORE --out runs/first          the paper's best settings, from the beginning
  mesm train --data STORE --out runs/first          the same again: goes on where it was stopped or killed
  mesm train --data STORE --out runs/web --config web.toml --seed 1
  mesm train --data STORE --out runs/all --config web.toml --only joint --part v=runs/faces/faces.safetensors
  mesm train --data STORE --out runs/dense --model fe2e --epochs 10
  mesm train --data STORE --out runs/sparse --teacher runs/dense/joint.safetensors --teacher-share 0.6
  mesm train --data STORE --out runs/late --model lf-lstm --word-vectors glove.840B.300d.txt
  mesm train --data MOSEI --out runs/latch --model mm-latch --loss mae
  mesm train --print-config > mine.toml             every setting with its default, to start a file of your own

A run's folder holds config.json, log.jsonl (a JSON object a line), the best weights of each phase
(PHASE.safetensors, for --weights of `mesm infer` and `mesm eval`), its learning curves (PHASE.svg)
and checkpoint.safetensors. A
run that is killed at any moment goes on from its last checkpoint and ends with the same weights,
bit for bit, on the same kind of device with the same number of threads.

Flags override the file. A flag about how to learn changes every phase, or those that --phase names.

Exit code: 0 done, 1 the machine or the training failed, 2 the input is at fault.";

/// `mesm train`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct TrainArguments {
    /// The store to learn from, made by `mesm prepare`
    #[arg(
        long,
        alias = "datapath",
        value_name = "STORE",
        required_unless_present = "print_config"
    )]
    pub data: Option<PathBuf>,
    /// The run's folder: settings, log, checkpoints, weights
    #[arg(long, value_name = "FOLDER", required_unless_present = "print_config")]
    pub out: Option<PathBuf>,
    /// Settings as TOML, see --print-config; `base = "other.toml"` in it takes the rest from another file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print all settings as TOML and stop
    #[arg(long)]
    pub print_config: bool,
    /// Begin with these weights instead of random ones: a file of an earlier run
    #[arg(long, alias = "weights", value_name = "FILE")]
    pub ckpt: Option<PathBuf>,
    /// Take only these parts of --ckpt: t (words), v (faces), a (voice) [default: everything]
    #[arg(long, value_name = "LETTERS", requires = "ckpt", value_parser = crate::choices::parse_modalities)]
    pub ckpt_mod: Option<Modalities>,
    /// Begin with one part of these weights: t (words), v (faces) or a (voice), e.g. v=runs/faces/faces.safetensors;
    /// may be given for each, and again for one of them: the mean of its files is taken
    #[arg(long, value_name = "LETTER=FILE", value_parser = parse_part)]
    pub part: Vec<(Modality, PathBuf)>,
    /// Train only these phases of the settings, e.g. joint,query [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Where to compute
    #[arg(long, value_enum, default_value_t = DeviceChoice::Cpu)]
    pub device: DeviceChoice,
    /// Folder of the text encoder
    #[arg(long, value_name = "FOLDER", help = TEXT_ENCODER)]
    pub text_encoder: Option<PathBuf>,
    /// Phases the flags below change [default: all]
    #[arg(long, value_name = "NAME")]
    pub phase: Vec<String>,
    /// Settings of the run.
    #[command(flatten)]
    pub run: RunFlags,
    /// Settings of phases.
    #[command(flatten)]
    pub learning: LearningFlags,
}

/// Flags that change the run or its model.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "The model")]
pub struct RunFlags {
    /// Seed of everything random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Weights of a model whose answers are learnt from beside the labels, as --teacher-share says: MESM or FE2E of any size,
    /// with the same classes; instead of phases that teach others
    #[arg(long, value_name = "FILE")]
    pub teacher: Option<PathBuf>,
    /// Which model
    #[arg(long, value_enum)]
    pub model: Option<SystemChoice>,
    /// Share of the attention mass that MESM keeps, above 0 and up to 1
    #[arg(long, alias = "top-p", value_name = "P", value_parser = crate::choices::parse_top_p)]
    pub sparse_threshold: Option<f32>,
    /// Whether the attention learns
    #[arg(long, value_enum)]
    pub attention: Option<AttentionChoice>,
    /// Keep points regularly, and more of them where attention is stronger: amplitude of the pattern in the scores, 0 for
    /// none; 0.1 is a good one
    #[arg(long, value_name = "AMPLITUDE")]
    pub dither: Option<f32>,
    /// Hidden size between the convolutions and the sequence encoder
    #[arg(long, value_name = "N")]
    pub feature_dim: Option<usize>,
    /// Width of the sequence encoder; of a two-phase model's hidden layers
    #[arg(long, value_name = "N")]
    pub trans_dim: Option<usize>,
    /// Layers of the sequence encoder, or of a two-phase model
    #[arg(long, value_name = "N")]
    pub trans_nlayers: Option<usize>,
    /// Attention heads
    #[arg(long, value_name = "N")]
    pub trans_nheads: Option<usize>,
    /// Dropout
    #[arg(long, value_name = "SHARE")]
    pub dropout: Option<f64>,
    /// Tokens of an utterance that are read; words, by a two-phase model
    #[arg(long, value_name = "N")]
    pub text_max_len: Option<usize>,
    /// Word vectors for a two-phase model: GloVe's text files [default: the text encoder's own table]
    #[arg(long, value_name = "FILE")]
    pub word_vectors: Option<PathBuf>,
    /// Folder with OpenFace's output, ID.csv an utterance, for a two-phase model [default: features of the crops]
    #[arg(long, value_name = "FOLDER")]
    pub openface: Option<PathBuf>,
    /// Folder with DisVoice's output, ID.csv an utterance, for a two-phase model [default: features of the samples]
    #[arg(long, value_name = "FOLDER")]
    pub disvoice: Option<PathBuf>,
}

/// Flags that change phases.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Learning")]
pub struct LearningFlags {
    /// Utterances in a step
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Highest learning rate
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// Decay of the weights
    #[arg(long, value_name = "RATE")]
    pub weight_decay: Option<f64>,
    /// Share of the targets that is what the --teacher says of the utterance, 0 to 1; the label keeps the rest
    #[arg(long, value_name = "SHARE")]
    pub teacher_share: Option<f32>,
    /// Times through the data
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Epochs without a better score after which a phase ends; 0 for never
    #[arg(long, value_name = "N")]
    pub early_stop: Option<usize>,
    /// Largest norm of all gradients together; 0 for no limit
    #[arg(long, value_name = "NORM")]
    pub clip: Option<f64>,
    /// How the learning rate goes
    #[arg(long, value_enum)]
    pub scheduler: Option<ScheduleChoice>,
    /// Binary cross-entropy of each class, cross-entropy of their softmax, or absolute error of sentiment
    #[arg(long, value_enum)]
    pub loss: Option<LossChoice>,
    /// What turns gradients into steps
    #[arg(long, value_enum)]
    pub optim: Option<OptimizerChoice>,
    /// The text learns this many times slower
    #[arg(long, value_name = "FACTOR")]
    pub text_lr_factor: Option<f64>,
    /// What is read: t (words), v (faces), a (voice); the model is built for what its phases read
    #[arg(long, value_name = "LETTERS", value_parser = crate::choices::parse_modalities)]
    pub modalities: Option<Modalities>,
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident => $target:ty { $($(#[$arm_doc:meta])* $arm:ident => $value:expr),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub enum $name { $($(#[$arm_doc])* $arm),* }

        impl From<$name> for $target {
            fn from(choice: $name) -> Self {
                match choice { $($name::$arm => $value),* }
            }
        }
    };
}

choice!(
    /// Whether the attention learns.
    AttentionChoice => AttentionMode {
        /// It keeps its initial values, as in the authors' code
        Frozen => AttentionMode::Frozen,
        /// It receives the gradient of soft attention
        StraightThrough => AttentionMode::StraightThrough,
    }
);
choice!(
    /// How the learning rate goes.
    ScheduleChoice => Schedule {
        /// It stays
        Constant => Schedule::Constant,
        /// It falls along half a cosine
        Cosine => Schedule::Cosine,
    }
);
choice!(
    /// The loss.
    LossChoice => LossKind {
        /// Each class on its own
        Bce => LossKind::Bce,
        /// One class of all
        Ce => LossKind::Ce,
        /// Absolute error of the sentiment
        Mae => LossKind::Mae,
    }
);
choice!(
    /// The optimizer.
    OptimizerChoice => OptimizerKind {
        /// Adam
        Adam => OptimizerKind::Adam,
        /// Adam with decoupled decay
        Adamw => OptimizerKind::Adamw,
        /// Gradient descent with momentum
        Sgd => OptimizerKind::Sgd,
    }
);

impl TrainArguments {
    /// The settings: defaults, then the file, then the flags.
    ///
    /// # Errors
    /// When the file cannot be read, a setting cannot be used, or a phase is not there.
    pub fn settings(&self) -> Result<TrainConfig, CliError> {
        let mut config = match &self.config {
            None => TrainConfig::default(),
            Some(path) => recipe::read(path)?,
        };
        self.run.change(&mut config);
        check_names("--only", &self.only, &config)?;
        if !self.only.is_empty() {
            config
                .phases
                .retain(|phase| self.only.contains(&phase.name));
        }
        check_names("--phase", &self.phase, &config)?;
        for phase in &mut config.phases {
            if self.phase.is_empty() || self.phase.contains(&phase.name) {
                self.learning.change(phase);
            }
        }
        config
            .check()
            .map_err(|e| CliError::Arguments(e.to_string()))?;
        if self.run.teacher.is_some() && !config.phases.iter().any(PhaseConfig::is_taught) {
            return Err(CliError::Arguments(
                "--teacher: no phase learns from one; --teacher-share 0.6 lets them".to_owned(),
            ));
        }
        Ok(config)
    }
}

fn check_names(flag: &str, names: &[String], config: &TrainConfig) -> Result<(), CliError> {
    let known: Vec<&str> = config.phases.iter().map(|p| p.name.as_str()).collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(CliError::Arguments(format!(
            "{flag} {name}: the phases are {}",
            known.join(", ")
        ))),
    }
}

fn parse_part(text: &str) -> Result<(Modality, PathBuf), String> {
    let (letter, file) = text.split_once('=').unwrap_or_default();
    match crate::choices::modality(letter) {
        Some(modality) if !file.is_empty() => Ok((modality, file.into())),
        _ => Err("t=FILE, v=FILE or a=FILE is needed".to_owned()),
    }
}

impl RunFlags {
    fn change(&self, config: &mut TrainConfig) {
        set(&mut config.seed, self.seed);
        if let Some(choice) = self.model {
            choice.change(&mut config.model);
        }
        match &mut config.model {
            SystemConfig::EndToEnd(model) => {
                set(&mut model.top_p, self.sparse_threshold);
                set(&mut model.attention, self.attention.map(Into::into));
                set(&mut model.dither, self.dither);
                set(&mut model.flatten_dim, self.feature_dim);
                set(&mut model.trans_dim, self.trans_dim);
                set(&mut model.trans_layers, self.trans_nlayers);
                set(&mut model.trans_heads, self.trans_nheads);
                set(&mut model.dropout, self.dropout);
                set(&mut config.text_max_tokens, self.text_max_len);
            }
            SystemConfig::TwoPhase(model) => {
                set(&mut model.hidden_dim, self.trans_dim);
                set(&mut model.layers, self.trans_nlayers);
                set(&mut model.heads, self.trans_nheads);
                set(&mut model.dropout, self.dropout);
                set(&mut config.features.max_words, self.text_max_len);
            }
        }
        if let Some(teacher) = &self.teacher {
            config.teacher = Some(teacher.clone());
            for phase in &mut config.phases {
                phase.taught_by = None;
            }
        }
        let features = &mut config.features;
        set(
            &mut features.word_vectors,
            self.word_vectors.clone().map(Some),
        );
        set(&mut features.openface, self.openface.clone().map(Some));
        set(&mut features.disvoice, self.disvoice.clone().map(Some));
    }
}

impl LearningFlags {
    fn change(&self, phase: &mut PhaseConfig) {
        set(&mut phase.batch_size, self.batch_size);
        set(&mut phase.learning_rate, self.learning_rate);
        set(&mut phase.weight_decay, self.weight_decay);
        set(&mut phase.teacher_share, self.teacher_share);
        set(&mut phase.epochs, self.epochs);
        set(&mut phase.early_stop, self.early_stop);
        set(&mut phase.clip, self.clip);
        set(&mut phase.schedule, self.scheduler.map(Into::into));
        set(&mut phase.loss, self.loss.map(Into::into));
        set(&mut phase.optimizer, self.optim.map(Into::into));
        set(&mut phase.text_lr_factor, self.text_lr_factor);
        set(&mut phase.modalities, self.modalities);
    }
}

fn set<T>(setting: &mut T, flag: Option<T>) {
    if let Some(flag) = flag {
        *setting = flag;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        train: TrainArguments,
    }

    fn settings(line: &str) -> Result<TrainConfig, CliError> {
        let words = ["train", "--data", "x", "--out", "y"].into_iter();
        Line::try_parse_from(words.chain(line.split_whitespace()))
            .unwrap()
            .train
            .settings()
    }

    #[test]
    fn the_authors_command_line_is_understood() {
        let config = settings(
            "--learning-rate 5e-5 --epochs 40 --modalities tav --batch-size 2 --early-stop 6 --loss bce --model mesm \
             --trans-dim 64 --trans-nlayers 4 --trans-nheads 4 --text-lr-factor 10 --sparse-threshold 0.8 \
             --text-max-len 100",
        )
        .unwrap();
        assert_eq!(config.phases[0].batch_size, 2);
        assert!((config.model.top_p() - 0.8).abs() < 1e-6);
    }

    #[test]
    fn defaults_are_the_papers() {
        assert_eq!(settings("").unwrap(), TrainConfig::default());
    }

    #[test]
    fn flags_go_to_the_phases_named() {
        let error = settings("--phase faces --epochs 3")
            .unwrap_err()
            .to_string();
        assert!(error.contains("the phases are joint"), "{error}");
        assert_eq!(
            settings("--phase joint --epochs 3").unwrap().phases[0].epochs,
            3
        );
    }

    #[test]
    fn the_printed_settings_are_read_again() {
        let text = toml::to_string_pretty(&TrainConfig::default()).unwrap();
        assert_eq!(
            toml::from_str::<TrainConfig>(&text).unwrap(),
            TrainConfig::default()
        );
    }
}
