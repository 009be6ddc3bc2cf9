//! From gradients to steps: one norm over all parameters, a slower text, a state that can be kept.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param, ParamGroup, ParamId};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::lr_scheduler::LrSchedulerConfig;
use burn::optim::lr_scheduler::module_lr_scheduler::ModuleLrSchedulerConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Bytes, Tensor};
use thiserror::Error;

use crate::config::{OptimizerKind, PhaseConfig};
use crate::learner::Learner;

/// Why an optimizer could not be used or restored.
#[derive(Debug, Error)]
#[error("the optimizer: {0}")]
pub struct OptimizerError(String);

/// The optimizer of one phase.
pub(crate) struct PhaseOptimizer {
    inner: ModuleOptimizer,
    text_lr_factor: f64,
    clip: f64,
}

/// Parameters that belong to the text and learn slower, by their path in the learner.
const TEXT: &str = r"^EndToEnd\.(encoder\.|model\.t_out\.)";

fn text_group() -> Result<ParamGroup, OptimizerError> {
    ParamGroup::from_regex(TEXT).map_err(|error| OptimizerError(format!("{error:?}")))
}

impl PhaseOptimizer {
    /// As the phase says.
    #[must_use]
    pub(crate) fn new(phase: &PhaseConfig) -> Self {
        let decay =
            (phase.weight_decay > 0.0).then(|| WeightDecayConfig::new(phase.weight_decay as f32));
        let inner = match phase.optimizer {
            // PyTorch's epsilon; burn's own default is a thousand times larger.
            OptimizerKind::Adam => AdamConfig::new()
                .with_epsilon(1e-8)
                .with_weight_decay(decay)
                .init(),
            OptimizerKind::Adamw => AdamWConfig::new()
                .with_epsilon(1e-8)
                .with_weight_decay(phase.weight_decay as f32)
                .init(),
            OptimizerKind::Sgd => SgdConfig::new()
                .with_momentum(Some(MomentumConfig::new().with_momentum(0.9)))
                .with_weight_decay(decay)
                .init(),
        };
        Self {
            inner,
            text_lr_factor: phase.text_lr_factor,
            clip: phase.clip,
        }
    }

    /// One step with learning rate `rate`. Returns the learner and the norm of all gradients before clipping.
    ///
    /// # Errors
    /// When the learning rate is out of range or the device cannot be read.
    pub(crate) fn step(
        &mut self,
        rate: f64,
        learner: Learner,
        mut gradients: GradientsParams,
    ) -> Result<(Learner, f64), OptimizerError> {
        let norm = norm(&learner, &gradients)?;
        if self.clip > 0.0 && norm > self.clip {
            let mut scale = Scale {
                gradients: &mut gradients,
                factor: self.clip / norm,
            };
            learner.visit(&mut scale);
        }
        let rates = ModuleLrSchedulerConfig::new(LrSchedulerConfig::Constant(rate))
            .with_group(
                text_group()?,
                LrSchedulerConfig::Constant(rate / self.text_lr_factor),
            )
            .init()
            .map_err(OptimizerError)?
            .step();
        Ok((self.inner.step(rates, learner, gradients), norm))
    }

    /// The state as bytes.
    ///
    /// # Errors
    /// When it cannot be read from the device.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, OptimizerError> {
        let bytes = self.inner.into_bytes();
        Ok(bytes.map_err(|e| OptimizerError(e.to_string()))?.to_vec())
    }

    /// The state that [`to_bytes`](Self::to_bytes) gave; parameters are known by their identity.
    ///
    /// # Errors
    /// When the bytes are not such a state.
    pub(crate) fn restored(mut self, bytes: Vec<u8>) -> Result<Self, OptimizerError> {
        let bytes = Bytes::from_bytes_vec(bytes);
        let restored = self.inner.from_bytes(bytes);
        self.inner = restored.map_err(|e| OptimizerError(format!("its state: {e}")))?;
        Ok(self)
    }
}

/// The square root of the sum of all squares.
fn norm(learner: &Learner, gradients: &GradientsParams) -> Result<f64, OptimizerError> {
    let mut squares = Squares {
        gradients,
        sums: Vec::new(),
    };
    learner.visit(&mut squares);
    if squares.sums.is_empty() {
        return Ok(0.0);
    }
    // One read-back for all; added up in double precision.
    let sums = Tensor::cat(squares.sums, 0)
        .try_into_data()
        .map_err(|e| OptimizerError(format!("{e:?}")))?;
    let sums = sums
        .try_into_vec::<f32>()
        .map_err(|e| OptimizerError(format!("{e:?}")))?;
    Ok(sums.iter().map(|s| f64::from(*s)).sum::<f64>().sqrt())
}

struct Squares<'a> {
    gradients: &'a GradientsParams,
    sums: Vec<Tensor<1>>,
}

impl ModuleVisitor for Squares<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.sums.push((gradient.clone() * gradient).sum());
        }
    }
}

struct Scale<'a> {
    gradients: &'a mut GradientsParams,
    factor: f64,
}

impl ModuleVisitor for Scale<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient * self.factor);
        }
    }
}

/// The identities of `learner`'s parameters replaced by those that `known` has for their paths: an optimizer's state
/// refers to them.
///
/// # Errors
/// When a parameter's path is not known.
pub(crate) fn with_identities(
    learner: Learner,
    known: &BTreeMap<String, u64>,
) -> Result<Learner, OptimizerError> {
    let mut rename = Rename {
        path: Vec::new(),
        known,
        unknown: None,
    };
    let learner = learner.map(&mut rename);
    match rename.unknown {
        None => Ok(learner),
        Some(path) => Err(OptimizerError(format!(
            "its state does not know the parameter `{path}`: it was made for another model"
        ))),
    }
}

struct Rename<'a> {
    path: Vec<String>,
    known: &'a BTreeMap<String, u64>,
    unknown: Option<String>,
}

impl burn::module::ModuleMapper for Rename<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.join(".");
        let Some(id) = self.known.get(&path) else {
            self.unknown.get_or_insert(path);
            return param;
        };
        let (_, tensor, mapper) = param.consume();
        Param::from_mapped_value(ParamId::from(*id), tensor, mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ParamId;

    use super::text_group;

    #[test]
    fn the_text_is_known_by_its_path() {
        let group = text_group().unwrap();
        let is_text = |path| group.matches(&ParamId::new(), Some(path));
        assert!(is_text(
            "EndToEnd.encoder.Bert.embeddings.word_embeddings.weight"
        ));
        assert!(is_text("EndToEnd.model.t_out.weight"));
        assert!(!is_text("EndToEnd.model.visual.out.weight"));
    }
}
