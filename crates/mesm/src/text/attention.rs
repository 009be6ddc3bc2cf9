//! Multi-head self-attention with an additive mask, shared by both families.

use burn::nn::Dropout;
use burn::tensor::{Int, Tensor, activation};
use mesm_gpu as gpu;

/// What the mask adds to the scores of padded keys: 0 where `mask` is 1, the lowest finite `f32`
/// where it is 0, as Hugging Face does it. Finite, so that a row without any real token becomes
/// uniform instead of NaN.
///
/// `mask`: `[batch, tokens]`; returns `[batch, 1, 1, tokens]`.
pub(super) fn additive_mask(mask: Tensor<2, Int>) -> Tensor<4> {
    let [batch, tokens] = mask.dims();
    ((mask.float() - 1.0) * f32::MAX).reshape([batch, 1, 1, tokens])
}

/// `softmax(query key^T / sqrt(width) + mask) value`, head by head.
///
/// `query`, `key`, `value`: `[batch, tokens, hidden]`, `mask`: `[batch, 1, 1, tokens]`; returns
/// `[batch, tokens, hidden]`.
pub(super) fn attend(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    mask: &Tensor<4>,
    heads: usize,
    dropout: &Dropout,
) -> Tensor<3> {
    let [batch, tokens, hidden] = query.dims();
    let rows = |x: &Tensor<3>| x.clone().reshape([batch * tokens, hidden]);
    let parts = [rows(&query), rows(&key), rows(&value)];
    let flat = mask.clone().reshape([batch, tokens]);
    if let Some(mixed) = gpu::attend(parts.each_ref(), &flat, heads) {
        return mixed.reshape([batch, tokens, hidden]);
    }
    let width = hidden / heads;
    let split = |x: Tensor<3>| x.reshape([batch, tokens, heads, width]).swap_dims(1, 2);
    let scale = 1.0 / (width as f64).sqrt();
    let scores = split(query).matmul(split(key).swap_dims(2, 3)) * scale + mask.clone();
    let weights = dropout.forward(activation::softmax(scores, 3));
    weights
        .matmul(split(value))
        .swap_dims(1, 2)
        .reshape([batch, tokens, hidden])
}
