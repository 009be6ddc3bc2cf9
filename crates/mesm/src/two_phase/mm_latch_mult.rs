//! MMLatch around MulT (Paraskevopoulos et al., 2022, Table 2).

use burn::module::Module;
use burn::tensor::Device;

use super::batch::Inputs;
use super::config::TwoPhaseConfig;
use super::feedback::{FeedbackMasks, Masked, check_aligned};
use super::mm_latch::{LatchOutput, LatchTrace};
use super::mult::Mult;
use crate::config::Modalities;
use crate::output::ForwardError;

/// MulT twice with the same weights: what its last layers give for each modality masks the features for the second time.
///
/// The authors published no code of it; it follows the paper's words (section 4), and the rest follows [`super::mult`] and
/// [`super::feedback`].
#[derive(Module, Debug)]
pub(super) struct MultLatch {
    mult: Mult,
    feedback: Option<FeedbackMasks>,
}

impl MultLatch {
    pub(super) fn new(config: &TwoPhaseConfig, device: &Device) -> Self {
        Self {
            mult: Mult::new(config, device),
            feedback: FeedbackMasks::new(config, Mult::memory_width(config), device),
        }
    }

    pub(super) fn forward(&self, inputs: &Inputs) -> Result<LatchOutput, ForwardError> {
        check_aligned(inputs)?;
        let mut first_stage = Vec::new();
        let mut after = None;
        if let Some(feedback) = &self.feedback {
            first_stage = self.mult.memories(inputs, Modalities::ALL)?;
            after = Some(feedback.forward(inputs, &first_stage)?);
        }
        let (inputs, masks) = match &after {
            Some(Masked { masked, masks }) => (masked, masks.clone()),
            None => (inputs, Vec::new()),
        };
        let output = self.mult.forward(inputs, Modalities::ALL)?;
        Ok(LatchOutput {
            logits: output.logits,
            masks,
            trace: LatchTrace {
                first_stage,
                masked: after.iter().flat_map(Masked::values).collect(),
                encoded: output.memories,
                pairs: None,
                fused: output.fused,
            },
        })
    }
}
