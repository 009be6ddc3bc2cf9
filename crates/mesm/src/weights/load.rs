//! Walking a module to list or to fill its parameters.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};

use super::keys::{Step, is_transposed, state_dict_key};
use super::source::{ParamSource, ParamSpec, WeightsError};

/// The state-dict names and shapes of every float parameter and buffer of a module, without
/// initialising any of them.
#[must_use]
pub fn param_specs<M: Module>(module: &M) -> Vec<ParamSpec> {
    let mut lister = Lister::default();
    module.visit(&mut lister);
    lister.specs
}

/// Fills every float parameter and buffer of `module` from `source`, on the module's device.
///
/// Names, shapes and values are checked first, for the whole module: on an error nothing has
/// been allocated on the device.
///
/// # Errors
/// See [`WeightsError`].
pub fn load_params<M: Module>(module: M, source: &mut impl ParamSource) -> Result<M, WeightsError> {
    source.verify(&param_specs(&module))?;
    let mut filler = Filler {
        path: Vec::new(),
        source,
        error: None,
    };
    let module = module.map(&mut filler);
    match filler.error {
        None => Ok(module),
        Some(error) => Err(error),
    }
}

/// The spec of the parameter at `path` whose shape inside burn is `shape`.
pub(super) fn spec_at(path: &[Step], mut shape: Vec<usize>) -> ParamSpec {
    if is_transposed(path) {
        shape.reverse();
    }
    ParamSpec {
        name: state_dict_key(path),
        shape,
    }
}

/// Row-major transpose of a `[rows, columns]` matrix.
pub(super) fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for column in 0..columns {
        out.extend((0..rows).map(|row| values[row * columns + column]));
    }
    out
}

#[derive(Default)]
struct Lister {
    path: Vec<Step>,
    specs: Vec<ParamSpec>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(Step {
            container: container_type.to_owned(),
            field: name.to_owned(),
        });
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.specs
            .push(spec_at(&self.path, param.lazy_shape().to_vec()));
    }
}

struct Filler<'a, S> {
    path: Vec<Step>,
    source: &'a mut S,
    error: Option<WeightsError>,
}

impl<S: ParamSource> ModuleMapper for Filler<'_, S> {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push(Step {
            container: container_type.to_owned(),
            field: name.to_owned(),
        });
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let spec = spec_at(&self.path, param.lazy_shape().to_vec());
        match self.source.take(&spec) {
            Err(error) => {
                self.error = Some(error);
                param
            }
            Ok(mut values) => {
                let mut shape = spec.shape;
                if is_transposed(&self.path) {
                    values = transpose(&values, shape[0], shape[1]);
                    shape.reverse();
                }
                let device = param.lazy_device();
                let id = param.id;
                let tensor = Tensor::from_data(TensorData::new(values, shape), &device);
                param.transform_for_load(tensor, id)
            }
        }
    }
}
