//! Dot-product attention that padding has no part in.

use burn::module::Module;
use burn::nn::{Dropout, Initializer, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};

/// Added to a masked score: its exponential is exactly 0 in `f32`.
const MASKED: f32 = 1e30;

/// Softmax over the last dimension of `scores`, where `mask` (of a shape that broadcasts) is 1. Weights are 0 where it is
/// 0, everywhere if nothing is left.
pub(super) fn masked_softmax<const D: usize>(
    scores: Tensor<D>,
    mask: Option<&Tensor<D>>,
) -> Tensor<D> {
    match mask {
        Some(mask) => softmax(scores + (mask.clone() - 1.0) * MASKED, D - 1) * mask.clone(),
        None => softmax(scores, D - 1),
    }
}

/// `softmax(query key^T / sqrt(width)) value` with one head.
///
/// `query`: `[batch, queries, width]`; `key` and `value`: `[batch, keys, width]`; `keys`: 1 where there is one,
/// `[batch, 1, keys]`. Returns `[batch, queries, width]`.
pub(super) fn attend(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    keys: Option<&Tensor<3>>,
    dropout: &Dropout,
) -> Tensor<3> {
    let [_, _, width] = query.dims();
    let scores = query.matmul(key.swap_dims(1, 2)) / (width as f64).sqrt();
    dropout.forward(masked_softmax(scores, keys)).matmul(value)
}

/// Attention of MMLatch with one head (equation 1): projections without biases.
#[derive(Module, Debug)]
pub(super) struct DotAttention {
    key: Linear,
    query: Linear,
    value: Linear,
    dropout: Dropout,
}

impl DotAttention {
    pub(super) fn new(width: usize, dropout: Dropout, device: &Device) -> Self {
        let one = || projection(width, device);
        Self {
            key: one(),
            query: one(),
            value: one(),
            dropout,
        }
    }

    /// What `queries` `[batch, steps, width]` read from `x` `[batch, steps, width]`, of the same shape; `keys` as in
    /// [`attend`].
    pub(super) fn forward(
        &self,
        queries: Tensor<3>,
        x: Tensor<3>,
        keys: Option<&Tensor<3>>,
    ) -> Tensor<3> {
        attend(
            self.query.forward(queries),
            self.key.forward(x.clone()),
            self.value.forward(x),
            keys,
            &self.dropout,
        )
    }
}

/// Attention of MMLatch both ways between two modalities, added up (equation 2). As the authors' code, each modality is
/// added to what it read; the paper does not mention it.
#[derive(Module, Debug)]
pub(super) struct SymmetricAttention {
    key_x: Linear,
    query_x: Linear,
    value_x: Linear,
    key_y: Linear,
    query_y: Linear,
    value_y: Linear,
    dropout: Dropout,
}

impl SymmetricAttention {
    pub(super) fn new(width: usize, dropout: Dropout, device: &Device) -> Self {
        let one = || projection(width, device);
        Self {
            key_x: one(),
            query_x: one(),
            value_x: one(),
            key_y: one(),
            query_y: one(),
            value_y: one(),
            dropout,
        }
    }

    /// `x` and `y`: `[batch, steps, width]`; returns the same shape. `keys` as in [`attend`].
    pub(super) fn forward(
        &self,
        x: Tensor<3>,
        y: Tensor<3>,
        keys: Option<&Tensor<3>>,
    ) -> Tensor<3> {
        let from_x = attend(
            self.query_y.forward(y.clone()),
            self.key_x.forward(x.clone()),
            self.value_x.forward(x.clone()),
            keys,
            &self.dropout,
        );
        let from_y = attend(
            self.query_x.forward(x.clone()),
            self.key_y.forward(y.clone()),
            self.value_y.forward(y.clone()),
            keys,
            &self.dropout,
        );
        from_x + y + from_y + x
    }
}

fn projection(width: usize, device: &Device) -> Linear {
    LinearConfig::new(width, width)
        .with_bias(false)
        .with_initializer(Initializer::XavierUniform { gain: 1.0 })
        .init(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_what_is_there_add_up_to_one() {
        let device = Device::flex();
        let scores = Tensor::<3>::from_data([[[3.0, -2.0, 50.0]], [[1.0, 2.0, 3.0]]], &device);
        let mask = Tensor::<3>::from_data([[[1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0]]], &device);
        let weights = masked_softmax(scores, Some(&mask)).into_data();
        let weights = weights.try_to_vec::<f32>().unwrap();
        assert!((weights[0] + weights[1] - 1.0).abs() < 1e-6);
        assert!(((weights[0] / weights[1]).ln() - 5.0).abs() < 1e-3);
        assert_eq!(&weights[2..], [0.0; 4]);
    }
}
