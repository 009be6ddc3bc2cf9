//! A running average of the weights: what is judged and kept, where a phase asks for it.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::learner::Learner;

/// `average` moved towards `learner` by `1 - keep`: `keep * average + (1 - keep) * learner`, buffers too.
///
/// Both must be made alike and share nothing: running statistics of a clone are those of its original. What does not
/// learn of the text encoder, which has no buffers, is left as it is: that is most of all there is to read and write.
#[must_use]
pub(crate) fn averaged(average: Learner, learner: &Learner, keep: f64) -> Learner {
    let mut collected = Collect {
        values: GradientsParams::new(),
        next: 0,
        fixed: false,
    };
    match learner {
        Learner::EndToEnd(learner) => {
            learner.encoder.visit(&mut collected);
            collected.fixed = true;
            learner.model.visit(&mut collected);
        }
        Learner::TwoPhase(model) => {
            collected.fixed = true;
            model.visit(&mut collected);
        }
    }
    average.map(&mut Blend {
        values: collected.values,
        next: 0,
        keep,
    })
}

/// The share of the old average at `step` (from 0): smaller at the beginning, so that the first weights are forgotten.
#[must_use]
pub(crate) fn share_kept(keep: f64, step: usize) -> f64 {
    keep.min((1 + step) as f64 / (10 + step) as f64)
}

/// A container that knows tensors of any rank by a number: here their place in the module.
struct Collect {
    values: GradientsParams,
    next: u64,
    /// Whether what has no gradient is taken too.
    fixed: bool,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if self.fixed || param.is_require_grad() {
            self.values
                .register(ParamId::from(self.next), param.val().inner());
        }
        self.next += 1;
    }
}

struct Blend {
    values: GradientsParams,
    next: u64,
    keep: f64,
}

impl ModuleMapper for Blend {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = self.values.remove::<D>(ParamId::from(self.next));
        self.next += 1;
        match value {
            None => param,
            Some(value) => param.map(|old| old * self.keep + value * (1.0 - self.keep)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::share_kept;

    #[test]
    fn the_first_weights_are_forgotten() {
        assert!(share_kept(0.999, 0) < 0.2);
        assert!((share_kept(0.999, 1_000_000) - 0.999).abs() < 1e-12);
    }
}
