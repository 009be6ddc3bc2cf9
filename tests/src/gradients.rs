//! Gradients of a module's parameters by state-dict name, in PyTorch's layout.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Gradients, Tensor};
use mesm::weights::{Formula, ParamSource, ParamSpec, WeightsError, read_params};

/// The gradient of every parameter, `None` where none arrived. Buffers such as running means have
/// none.
///
/// # Panics
/// When a gradient cannot be read.
pub fn gradients<M: Module>(module: &M, grads: &Gradients) -> BTreeMap<String, Option<Vec<f32>>> {
    // The module whose parameters are the gradients (NaN where none arrived) is read out like
    // any other, so names and layout are those of the weights.
    let mut swap = Swap { grads };
    let swapped = module.clone().map(&mut swap);
    let tensors = read_params(&swapped).expect("gradients can be read");
    tensors
        .iter()
        .filter(|(name, _, _)| !name.contains("running_"))
        .map(|(name, _, values)| {
            let arrived = !values.iter().all(|v| v.is_nan());
            (name.to_owned(), arrived.then(|| values.to_vec()))
        })
        .collect()
}

struct Swap<'a> {
    grads: &'a Gradients,
}

impl ModuleMapper for Swap<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let value = param.val();
        if !value.is_require_grad() {
            // A buffer: it is shared with the original module and must stay as it is.
            return param;
        }
        let gradient = value
            .grad(self.grads)
            .unwrap_or_else(|| Tensor::full(value.dims(), f32::NAN, &value.device().inner()));
        Param::initialized(param.id, gradient)
    }
}

/// Formula parameters for a module whose state-dict keys differ from the golden files'.
pub struct Renamed {
    /// The formula of the golden file.
    pub formula: Formula,
    /// From the module's key to the golden file's.
    pub rename: fn(&str) -> String,
}

impl ParamSource for Renamed {
    fn verify(&self, _: &[ParamSpec]) -> Result<(), WeightsError> {
        Ok(())
    }

    fn take(&mut self, spec: &ParamSpec) -> Result<Vec<f32>, WeightsError> {
        self.formula.take(&ParamSpec {
            name: (self.rename)(&spec.name),
            shape: spec.shape.clone(),
        })
    }
}
