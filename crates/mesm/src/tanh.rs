//! The hyperbolic tangent, finite on every device.

use burn::tensor::{Tensor, activation};

/// From here on `tanh` is 1 in `f32`, and its gradient 0.
const SATURATED: f32 = 10.0;

/// `tanh x`.
///
/// Shader compilers write it with exponentials, which overflow: Vulkan and WebGPU devices give NaN from about 89 on.
/// The acoustic branch reaches such values, because it reads raw power.
#[must_use]
pub(crate) fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    activation::tanh(x.clamp(-SATURATED, SATURATED))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn nothing_is_lost_where_it_is_cut_off() {
        let values = [
            -1e30, -89.0, -10.5, -9.5, -0.5, 0.0, 3.0, 9.9, 11.0, 1e30_f32,
        ];
        let found = tanh(Tensor::<1>::from_data(values, &Device::flex()));
        let found = found.into_data().try_into_vec::<f32>().unwrap();
        for (value, found) in values.iter().zip(found) {
            let expected = f64::from(*value).tanh();
            assert!(
                (f64::from(found) - expected).abs() < 1e-6,
                "{value}: {found}"
            );
        }
    }
}
