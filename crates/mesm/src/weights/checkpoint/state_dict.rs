//! From pickled values to named tensors.

use std::collections::{BTreeMap, HashMap};

use super::archive::Archive;
use super::malformed;
use super::pickle::{Id, Pickle, Value};
use super::tensor::{Element, Layout, StoredTensor};
use crate::weights::WeightsError;

/// Where training scripts put a state dict beside an epoch, an optimizer and so on.
const STATE_DICT_KEYS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// All tensors of the state dict in `pickle`, each checked against its storage.
pub(super) fn tensors<'a>(
    pickle: &Pickle<'a>,
    archive: &mut Archive<'a>,
) -> Result<BTreeMap<String, StoredTensor<'a>>, WeightsError> {
    let mut storages = HashMap::new();
    let mut tensors = BTreeMap::new();
    for (key, value) in state_dict(pickle)? {
        let Value::Text(name) = pickle.get(*key) else {
            return Err(malformed("a name in the state dict is not a text"));
        };
        let in_tensor = |reason: &str| malformed(format!("`{name}`: {reason}"));
        let described = describe(pickle, *value).map_err(|reason| in_tensor(&reason))?;
        let storage = if let Some(storage) = storages.get(described.storage) {
            *storage
        } else {
            let storage = archive.storage(described.storage)?;
            storages.insert(described.storage, storage);
            storage
        };
        let tensor = StoredTensor::new(storage, described.element, described.layout)
            .map_err(|reason| in_tensor(&reason))?;
        tensors.insert((*name).to_owned(), tensor);
    }
    Ok(tensors)
}

/// The dictionary that holds tensors: the saved object itself, or one of its entries.
fn state_dict<'p>(pickle: &'p Pickle<'_>) -> Result<&'p [(Id, Id)], WeightsError> {
    let top = match pickle.get(pickle.root()) {
        Value::Dict(entries) => entries,
        Value::Call { callable, .. } => {
            let class = match pickle.get(*callable) {
                Value::Global { module, name } => format!("{module}.{name}"),
                _ => "a Python object".to_owned(),
            };
            return Err(malformed(format!(
                "it holds {class}, not a state dict; save model.state_dict() instead"
            )));
        }
        _ => return Err(malformed("it holds no dictionary of tensors")),
    };
    for wanted in STATE_DICT_KEYS {
        for (key, value) in top {
            if let (Value::Text(key), Value::Dict(entries)) = (pickle.get(*key), pickle.get(*value))
                && *key == wanted
            {
                return Ok(entries);
            }
        }
    }
    Ok(top)
}

struct Described<'a> {
    storage: &'a str,
    element: Element<'a>,
    layout: Layout,
}

/// Reads the recorded call that would rebuild one tensor.
fn describe<'a>(pickle: &Pickle<'a>, id: Id) -> Result<Described<'a>, String> {
    let Value::Call {
        callable,
        arguments,
    } = pickle.get(id)
    else {
        return Err("is not a tensor".to_owned());
    };
    let Value::Global { module, name } = pickle.get(*callable) else {
        return Err("is not a tensor".to_owned());
    };
    let Value::Tuple(arguments) = pickle.get(*arguments) else {
        return Err("its description is not a tuple".to_owned());
    };
    match (*module, *name, arguments.as_slice()) {
        ("torch._utils", "_rebuild_tensor_v2", [storage, offset, shape, strides, ..]) => {
            let (storage, element) = storage_of(pickle, *storage)?;
            Ok(Described {
                storage,
                element,
                layout: Layout {
                    offset: size(pickle, *offset)?,
                    shape: sizes(pickle, *shape)?,
                    strides: sizes(pickle, *strides)?,
                },
            })
        }
        // A parameter wraps its tensor. One level: a tensor inside it must be a plain one, so
        // that a description that contains itself cannot recurse.
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state", [tensor, ..]) => {
            match pickle.get(*tensor) {
                Value::Call { callable, .. }
                    if matches!(
                        pickle.get(*callable),
                        Value::Global {
                            name: "_rebuild_tensor_v2",
                            ..
                        }
                    ) =>
                {
                    describe(pickle, *tensor)
                }
                _ => Err("is a parameter without a plain tensor".to_owned()),
            }
        }
        (module, name, _) => Err(format!("is a {module}.{name}, which is not supported")),
    }
}

/// `("storage", torch.FloatStorage, key, device, elements)`: the key and the element type.
fn storage_of<'a>(pickle: &Pickle<'a>, id: Id) -> Result<(&'a str, Element<'a>), String> {
    let wrong = || "its storage is described in an unknown way".to_owned();
    let Value::Persistent(reference) = pickle.get(id) else {
        return Err(wrong());
    };
    let Value::Tuple(parts) = pickle.get(*reference) else {
        return Err(wrong());
    };
    let [kind, class, key, _device, _elements] = parts.as_slice() else {
        return Err(wrong());
    };
    match (pickle.get(*kind), pickle.get(*class), pickle.get(*key)) {
        (
            Value::Text("storage"),
            Value::Global {
                module: "torch",
                name,
            },
            Value::Text(key),
        ) => Ok((key, Element::of_storage(name))),
        _ => Err(wrong()),
    }
}

fn size(pickle: &Pickle<'_>, id: Id) -> Result<usize, String> {
    match pickle.get(id) {
        Value::Int(value) => {
            usize::try_from(*value).map_err(|_| format!("{value} cannot be a size"))
        }
        _ => Err("a size is not an integer".to_owned()),
    }
}

fn sizes(pickle: &Pickle<'_>, id: Id) -> Result<Vec<usize>, String> {
    match pickle.get(id) {
        Value::Tuple(items) if items.len() <= super::tensor::MAX_RANK => {
            items.iter().map(|item| size(pickle, *item)).collect()
        }
        _ => Err("its shape is not a short tuple".to_owned()),
    }
}
