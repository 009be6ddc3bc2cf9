//! Which trainings a table is made of.

use std::fmt;

use mesm::two_phase::{Feedback, TwoPhaseConfig, TwoPhaseKind};
use mesm::{Modalities, ModelConfig, ModelKind};
use serde::{Deserialize, Serialize};

use crate::system::SystemConfig;

/// A model as the papers' tables name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Late fusion of LSTMs.
    LfLstm,
    /// Late fusion of Transformers.
    LfTrans,
    /// Emotion embeddings.
    EmoEmbs,
    /// The multimodal Transformer.
    Mult,
    /// The dense end-to-end model.
    Fe2e,
    /// The sparse end-to-end model.
    Mesm,
    /// `MMLatch`'s baseline: LSTMs and attention between modalities.
    Baseline,
    /// The baseline with masks from a linear layer.
    BaselineLinear,
    /// The baseline with masks from LSTMs.
    MmLatch,
    /// MulT with masks from LSTMs.
    MmLatchMult,
}

/// A table or figure of the papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PaperTable {
    /// All models by class: Tables 3 and 4 of Dai et al.
    Systems,
    /// Fewer modalities: their Table 5.
    Modalities,
    /// Quality and cost over p: their Figure 5.
    TopP,
    /// Sentiment: Table 1 of Paraskevopoulos et al.
    Sentiment,
    /// Kinds of feedback: their Table 2.
    Feedback,
    /// What the feedback masks: their Figure 2.
    Masks,
}

/// What a trial's model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// Which emotions.
    Emotions,
    /// How positive, in -3..3.
    Sentiment,
}

/// One training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trial {
    /// The model.
    pub system: System,
    /// What it reads, a bit each: t, v, a.
    reads: [bool; 3],
    /// What it is asked.
    pub asked: Asked,
    /// Everything random follows from it.
    pub seed: u64,
}

impl System {
    /// The models of Tables 3 and 4, in their order.
    pub const EMOTIONS: [Self; 6] = [
        Self::LfLstm,
        Self::LfTrans,
        Self::EmoEmbs,
        Self::Mult,
        Self::Fe2e,
        Self::Mesm,
    ];

    /// As the papers write it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::LfLstm => "LF-LSTM",
            Self::LfTrans => "LF-TRANS",
            Self::EmoEmbs => "EmoEmbs",
            Self::Mult => "MulT",
            Self::Fe2e => "FE2E",
            Self::Mesm => "MESM",
            Self::Baseline => "Baseline",
            Self::BaselineLinear => "Baseline + MMLatch (no LSTM)",
            Self::MmLatch => "Baseline + MMLatch",
            Self::MmLatchMult => "MulT + MMLatch",
        }
    }

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LfLstm => "lf-lstm",
            Self::LfTrans => "lf-trans",
            Self::EmoEmbs => "emo-embs",
            Self::Mult => "mult",
            Self::Fe2e => "fe2e",
            Self::Mesm => "mesm",
            Self::Baseline => "baseline",
            Self::BaselineLinear => "baseline-linear",
            Self::MmLatch => "mm-latch",
            Self::MmLatchMult => "mm-latch-mult",
        }
    }

    /// Whether it reads pixels and sound rather than features of them.
    #[must_use]
    pub fn is_end_to_end(self) -> bool {
        matches!(self, Self::Fe2e | Self::Mesm)
    }

    /// `config`, where it is of the same family, made to be this model; otherwise this model's own defaults.
    #[must_use]
    pub fn configured(self, config: &SystemConfig) -> SystemConfig {
        let end_to_end = |kind| {
            let base: ModelConfig = config.end_to_end().cloned().unwrap_or_default();
            SystemConfig::EndToEnd(ModelConfig { kind, ..base })
        };
        let two_phase = |kind, feedback| {
            let base: TwoPhaseConfig = config.two_phase().cloned().unwrap_or_default();
            SystemConfig::TwoPhase(TwoPhaseConfig {
                kind,
                feedback,
                ..base
            })
        };
        match self {
            Self::Fe2e => end_to_end(ModelKind::Fe2e),
            Self::Mesm => end_to_end(ModelKind::Mesm),
            Self::LfLstm => two_phase(TwoPhaseKind::LfLstm, Feedback::None),
            Self::LfTrans => two_phase(TwoPhaseKind::LfTrans, Feedback::None),
            Self::EmoEmbs => two_phase(TwoPhaseKind::EmoEmbs, Feedback::None),
            Self::Mult => two_phase(TwoPhaseKind::Mult, Feedback::None),
            Self::Baseline => two_phase(TwoPhaseKind::MmLatch, Feedback::None),
            Self::BaselineLinear => two_phase(TwoPhaseKind::MmLatch, Feedback::Linear),
            Self::MmLatch => two_phase(TwoPhaseKind::MmLatch, Feedback::Lstm),
            Self::MmLatchMult => two_phase(TwoPhaseKind::MmLatchMult, Feedback::Lstm),
        }
    }
}

impl PaperTable {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Systems,
        Self::Modalities,
        Self::TopP,
        Self::Sentiment,
        Self::Feedback,
        Self::Masks,
    ];

    /// Whether it is about sentiment, which not all data have.
    #[must_use]
    pub fn asked(self) -> Asked {
        match self {
            Self::Systems | Self::Modalities | Self::TopP => Asked::Emotions,
            Self::Sentiment | Self::Feedback | Self::Masks => Asked::Sentiment,
        }
    }

    /// Its models with what they read.
    #[must_use]
    pub(super) fn rows(self) -> Vec<(System, &'static str)> {
        let all = |systems: &[System]| systems.iter().map(|system| (*system, "tva")).collect();
        match self {
            Self::Systems => all(&System::EMOTIONS),
            Self::Modalities => {
                let dense =
                    ["tva", "ta", "tv", "va", "t", "a", "v"].map(|reads| (System::Fe2e, reads));
                let sparse = ["tva", "ta", "tv"].map(|reads| (System::Mesm, reads));
                dense.into_iter().chain(sparse).collect()
            }
            Self::TopP => all(&[System::Fe2e, System::Mesm]),
            Self::Sentiment => all(&[System::Mult, System::Baseline, System::MmLatch]),
            Self::Feedback => all(&[
                System::Baseline,
                System::BaselineLinear,
                System::MmLatch,
                System::Mult,
                System::MmLatchMult,
            ]),
            Self::Masks => all(&[System::MmLatch]),
        }
    }
}

impl Trial {
    /// A training of `system` on the modalities of these letters.
    #[must_use]
    pub fn new(system: System, reads: &str, asked: Asked, seed: u64) -> Self {
        Self {
            system,
            reads: ['t', 'v', 'a'].map(|letter| reads.contains(letter)),
            asked,
            seed,
        }
    }

    /// Letters of what it reads.
    #[must_use]
    pub fn letters(&self) -> String {
        let letters = ['t', 'v', 'a'].into_iter().zip(self.reads);
        letters
            .filter_map(|(letter, reads)| reads.then_some(letter))
            .collect()
    }

    /// What it reads; everything where that is nothing.
    #[must_use]
    pub fn modalities(&self) -> Modalities {
        self.letters().parse().unwrap_or(Modalities::ALL)
    }
}

/// The trial's folder.
impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = match self.asked {
            Asked::Emotions => "",
            Asked::Sentiment => "-sentiment",
        };
        write!(
            f,
            "{}-{}{asked}-seed{}",
            self.system.name(),
            self.letters(),
            self.seed
        )
    }
}

/// The trainings of some tables, each once, in the order of the tables.
#[must_use]
pub fn trials(tables: &[PaperTable], seeds: &[u64]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for table in tables {
        for (system, reads) in table.rows() {
            for seed in seeds {
                let trial = Trial::new(system, reads, table.asked(), *seed);
                if !trials.contains(&trial) {
                    trials.push(trial);
                }
            }
        }
    }
    trials
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_share_their_trainings() {
        let both = trials(&[PaperTable::Systems, PaperTable::Modalities], &[1, 2]);
        assert_eq!(both.len(), 2 * (6 + 10 - 2));
        assert_eq!(both[0].to_string(), "lf-lstm-tva-seed1");
        let all = trials(&PaperTable::ALL, &[1]);
        assert_eq!(all.len(), 14 + 5);
        assert_eq!(
            all.last().unwrap().to_string(),
            "mm-latch-mult-tva-sentiment-seed1"
        );
        let mut names: Vec<String> = all.iter().map(Trial::to_string).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len());
    }

    #[test]
    fn a_recipe_serves_its_whole_family() {
        let wide = SystemConfig::TwoPhase(TwoPhaseConfig {
            hidden_dim: 80,
            ..TwoPhaseConfig::default()
        });
        for system in [System::LfLstm, System::Baseline, System::MmLatchMult] {
            let config = system.configured(&wide);
            assert_eq!(config.two_phase().unwrap().hidden_dim, 80);
            config.check().unwrap();
        }
        assert_eq!(System::Fe2e.configured(&wide).kind(), "fe2e");
    }
}
