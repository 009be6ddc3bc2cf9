//! Linear layers, by one kernel with what follows them where there is one.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use mesm_gpu as gpu;
use mesm_kernels::{LinearParams, flex};

/// Rows `[rows, in]` to `[rows, out]`.
pub(crate) fn linear(layer: &Linear, rows: Tensor<2>) -> Tensor<2> {
    kernel(layer, &rows, false).unwrap_or_else(|| layer.forward(rows))
}

/// The same, with ReLU.
pub(crate) fn linear_relu(layer: &Linear, rows: Tensor<2>) -> Tensor<2> {
    kernel(layer, &rows, true).unwrap_or_else(|| relu(layer.forward(rows)))
}

/// The same of maps `[frames, channels, height, width]`, whose values are rows in that order.
pub(crate) fn linear_relu_of_maps(layer: &Linear, maps: Tensor<4>) -> Tensor<2> {
    let weights = layer.weight.val();
    let bias = layer.bias.as_ref().map(Param::val);
    if gpu::takes(&maps)
        && let Some(rows) = gpu::linear_of_maps(&maps, &weights, bias.as_ref(), true)
    {
        return rows;
    }
    let [frames, channels, height, width] = maps.dims();
    linear_relu(layer, maps.reshape([frames, channels * height * width]))
}

/// The parameters of a layer that has a bias.
pub(crate) fn params(layer: &Linear) -> Option<LinearParams> {
    Some(LinearParams {
        weight: layer.weight.val(),
        bias: layer.bias.as_ref()?.val(),
    })
}

/// [`linear`] of every step of `[batch, length, in]`.
pub(crate) fn linear_of_steps(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    of_steps(layer, x, linear)
}

/// [`linear_relu`] of every step of `[batch, length, in]`.
pub(crate) fn linear_relu_of_steps(layer: &Linear, x: Tensor<3>) -> Tensor<3> {
    of_steps(layer, x, linear_relu)
}

fn of_steps(layer: &Linear, x: Tensor<3>, apply: fn(&Linear, Tensor<2>) -> Tensor<2>) -> Tensor<3> {
    let [batch, length, width] = x.dims();
    let rows = apply(layer, x.reshape([batch * length, width]));
    let [_, width] = rows.dims();
    rows.reshape([batch, length, width])
}

fn kernel(layer: &Linear, rows: &Tensor<2>, relu: bool) -> Option<Tensor<2>> {
    let plain = flex::takes(rows);
    if !plain && !gpu::takes(rows) {
        return None;
    }
    let bias = layer.bias.as_ref().map(Param::val);
    let kernel = if plain { flex::linear } else { gpu::linear };
    kernel(rows, &layer.weight.val(), bias.as_ref(), relu)
}
