//! The activation between the two feed-forward matrices.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use burn::tensor::{Tensor, activation};
use serde::{Deserialize, Serialize};

use crate::tanh::tanh;

/// Activation functions by their Hugging Face name (`hidden_act`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x Phi(x)`, by the error function.
    Gelu,
    /// The approximation of GELU by a hyperbolic tangent.
    GeluNew,
    /// `max(x, 0)`.
    Relu,
}

impl Activation {
    /// The names [`from_name`](Self::from_name) knows.
    pub const NAMES: &str = "gelu, gelu_new, gelu_pytorch_tanh, relu";

    /// The activation called `name` in `config.json`, if it is one of [`Self::NAMES`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "gelu" => Some(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Some(Self::GeluNew),
            "relu" => Some(Self::Relu),
            _ => None,
        }
    }

    /// Applies the function to every element.
    #[must_use]
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Gelu => activation::gelu(x),
            Self::GeluNew => gelu_tanh(x),
            Self::Relu => activation::relu(x),
        }
    }
}

/// `0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`.
///
/// The cube is written as products: a power of a negative base is undefined in WGSL.
fn gelu_tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let cube = x.clone() * x.clone() * x.clone();
    let inner = (x.clone() + cube * 0.044_715) * (FRAC_2_SQRT_PI * FRAC_1_SQRT_2);
    x * (tanh(inner) + 1.0) * 0.5
}
