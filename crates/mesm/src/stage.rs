//! The stages of a call, for whoever measures them: this crate has no clock.

use std::fmt;

/// A stage of a call, in the order in which a branch goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The dense layers that every point passes through: for MESM the low-level ones, for FE2E all.
    LowLevel,
    /// Scores and weights of the points.
    Attention,
    /// Which points are kept.
    Selection,
    /// Tables of neighbours, and the kept rows.
    Gather,
    /// The convolutions of the kept points, with what is folded into them.
    Product,
    /// Max-pools.
    Pool,
    /// The two linear layers after the convolutions.
    Flatten,
    /// The sequence encoder and the branch's logits.
    Sequence,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::LowLevel,
        Self::Attention,
        Self::Selection,
        Self::Gather,
        Self::Product,
        Self::Pool,
        Self::Flatten,
        Self::Sequence,
    ];
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LowLevel => "low-level",
            Self::Attention => "attention",
            Self::Selection => "selection",
            Self::Gather => "gather",
            Self::Product => "product",
            Self::Pool => "pool",
            Self::Flatten => "flatten",
            Self::Sequence => "sequence",
        })
    }
}

/// Is told when a stage has been issued to the device; whether the device has finished is for the listener to find out.
/// Stages that are computed as one are told together, by the name of the last.
#[derive(Clone, Copy, Default)]
pub struct Probe<'a>(Option<&'a dyn Fn(Stage)>);

impl<'a> Probe<'a> {
    /// Tells `listener`.
    #[must_use]
    pub fn new(listener: &'a dyn Fn(Stage)) -> Self {
        Self(Some(listener))
    }

    pub(crate) fn done(self, stage: Stage) {
        if let Some(listener) = self.0 {
            listener(stage);
        }
    }
}

impl fmt::Debug for Probe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Probe").field(&self.0.is_some()).finish()
    }
}
