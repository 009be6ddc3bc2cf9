//! The gradient of a hard selection is that of soft attention over the nucleus: autodiff against
//! finite differences of the soft function.

#![allow(clippy::unwrap_used)] // a failed expectation is a failed test

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use mesm::AttentionMode;
use mesm::attention::{CrossModalAttention, concentration, straight_through, unevenness};
use mesm::nucleus::nucleus_mask;
use mesm::weights::{Formula, load_params, param_specs};
use mesm_tests::golden::values;
use mesm_tests::gradients::gradients;

const FRAMES: usize = 2;
const POINTS: usize = 12;
const CHANNELS: usize = 5;
const QUERY: usize = 7;
const WIDTH: usize = 4;
const P: f32 = 0.6;
/// Half a step of a central difference; its error falls with the square, that of f32 grows.
const STEP: f32 = 1e-2;

fn drawn<const D: usize>(name: &str, shape: [usize; D], device: &Device) -> Tensor<D> {
    let formula = Formula::new("straight-through", "");
    let count = shape.iter().product::<usize>() as u64;
    let data: Vec<f32> = (0..count).map(|i| formula.signed(name, i)).collect();
    Tensor::from_data(TensorData::new(data, shape.to_vec()), device)
}

fn layer(device: &Device) -> CrossModalAttention {
    let layer = CrossModalAttention::new(
        CHANNELS,
        QUERY,
        WIDTH,
        AttentionMode::StraightThrough,
        device,
    );
    load_params(layer, &mut Formula::new("straight-through", "layer.")).unwrap()
}

fn weights(layer: &CrossModalAttention, device: &Device) -> Tensor<2> {
    let points = drawn("points", [FRAMES, POINTS, CHANNELS], device);
    let query = layer.project_query(drawn("query", [FRAMES, QUERY], device));
    layer.weights(points, query, None)
}

/// `<g_i, m_i>` of each point, 0 outside the nucleus: what a loss further on would send back.
fn pull(kept: &Tensor<2>, device: &Device) -> Tensor<2> {
    let points: Tensor<3> = drawn("points", [FRAMES, POINTS, CHANNELS], device);
    let sent_back: Tensor<3> = drawn("sent back", [FRAMES, POINTS, CHANNELS], device);
    (points * sent_back).sum_dim(2).reshape([FRAMES, POINTS]) * kept.clone()
}

#[test]
fn selection_has_the_gradient_of_soft_attention() {
    let plain = Device::flex();
    let kept = nucleus_mask(&weights(&layer(&plain), &plain), None, P);
    let count = values(kept.clone().sum())[0];
    assert!(
        count > 2.0 && count < (FRAMES * POINTS) as f32 - 2.0,
        "{count} points kept"
    );

    // Autodiff through the hard selection: features times the straight-through factor.
    let device = Device::flex().autodiff();
    let trained = layer(&device);
    let factor = straight_through(weights(&trained, &device));
    let kept_there = Tensor::from_data(kept.clone().into_data(), &device);
    let loss = (factor.clone() * pull(&kept_there, &device)).sum();
    let hard = values((kept.clone() * pull(&kept, &plain)).sum())[0];
    assert!(
        (values(loss.clone())[0] - hard).abs() < 1e-5,
        "the forward pass must be that of the hard selection"
    );
    let got = gradients(&trained, &loss.backward());

    // Finite differences of soft attention over the same nucleus.
    let soft = |layer: &CrossModalAttention| -> f64 {
        f64::from(values((weights(layer, &plain) * pull(&kept, &plain)).sum())[0])
    };
    let reference = layer(&plain);
    for (index, spec) in param_specs(&reference).iter().enumerate() {
        let gradient = got[&spec.name]
            .as_ref()
            .expect("every parameter has a gradient");
        let largest = gradient.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        if spec.name == "attn_weight_affine.bias" {
            assert!(largest < 1e-6, "a constant score cancels in the softmax");
            continue;
        }
        assert!(largest > 1e-4, "{}: the gradient vanishes", spec.name);
        let mut off = 0.0_f64;
        for (position, gradient) in gradient.iter().enumerate() {
            let nudged =
                |by: f32| soft(&nudge(&reference, index, spec.shape.clone(), position, by));
            let difference = (nudged(STEP) - nudged(-STEP)) / f64::from(2.0 * STEP);
            off = off.max((difference - f64::from(*gradient)).abs());
        }
        let allowed = 1e-2 * f64::from(largest) + 1e-5;
        assert!(
            off <= allowed,
            "{}: off by {off}, allowed {allowed}",
            spec.name
        );
    }
}

#[test]
fn concentration_is_0_for_even_weights_and_the_logarithm_of_their_number_for_one() {
    let device = Device::flex();
    let of = |weights: &[f32], counts: &[f32]| {
        let weights = Tensor::<1>::from_floats(weights, &device);
        values(concentration(
            weights,
            Tensor::<1>::from_floats(counts, &device),
        ))[0]
    };
    let near = |found: f32, expected: f32| {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    };
    near(of(&[0.25; 4], &[4.0]), 0.0);
    near(of(&[0.0, 1.0, 0.0, 0.0], &[4.0]), 4.0_f32.ln());
    // Two frames, the second with two candidates among its three points.
    near(
        of(&[1.0, 0.0, 0.5, 0.5, 0.0], &[2.0, 2.0]),
        2.0_f32.ln() / 2.0,
    );
}

#[test]
fn a_fresh_attention_that_learns_prefers_strong_responses_whatever_the_words() {
    let device = Device::flex();
    device.seed(1);
    let layer = CrossModalAttention::new(
        CHANNELS,
        QUERY,
        WIDTH,
        AttentionMode::StraightThrough,
        &device,
    );
    let strength: Tensor<3> = Tensor::arange(0..6, &device).float().reshape([1, 6, 1]);
    let points = strength.repeat_dim(2, CHANNELS);
    let of = |query: f32| {
        let query = Tensor::full([1, QUERY], query, &device);
        values(layer.weights(points.clone(), layer.project_query(query), None))
    };
    let weights = of(0.0);
    assert!(
        weights.windows(2).all(|pair| pair[0] < pair[1]),
        "{weights:?}"
    );
    assert_eq!(weights, of(3.0));
}

/// The layer with one entry of its `index`-th parameter, in PyTorch's layout, moved by `by`.
fn nudge(
    layer: &CrossModalAttention,
    index: usize,
    shape: Vec<usize>,
    position: usize,
    by: f32,
) -> CrossModalAttention {
    struct Nudge {
        visited: usize,
        index: usize,
        shape: Vec<usize>,
        position: usize,
        by: f32,
    }
    impl ModuleMapper for Nudge {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            self.visited += 1;
            if self.visited != self.index + 1 {
                return param;
            }
            param.map(|tensor| {
                let dims = tensor.dims();
                let mut data = tensor.to_data().try_to_vec::<f32>().unwrap();
                // Every matrix here is a linear weight: burn holds it transposed.
                let at = match self.shape.as_slice() {
                    [rows, columns] => (self.position % columns) * rows + self.position / columns,
                    _ => self.position,
                };
                data[at] += self.by;
                Tensor::from_data(TensorData::new(data, dims.to_vec()), &tensor.device())
            })
        }
    }
    layer.clone().map(&mut Nudge {
        visited: 0,
        index,
        shape,
        position,
        by,
    })
}

#[test]
fn unevenness_is_what_lies_between_the_cells_of_the_pooling() {
    let device = Device::flex();
    let of = |weights: [[[f32; 4]; 3]; 1], candidates: [[[f32; 4]; 3]; 1]| {
        let map = |values| Tensor::<3>::from_floats(values, &device);
        values(unevenness(map(weights), map(candidates)))[0]
    };
    let all = [[[1.0; 4], [1.0; 4], [0.0; 4]]];
    let near = |found: f32, expected: f32| {
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    };
    // One point of each cell has all of its mass: even between cells. The last line belongs to no cell.
    near(
        of(
            [[[0.5, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5], [0.0; 4]]],
            all,
        ),
        0.0,
    );
    // All of it lies in one of two cells, evenly.
    near(
        of(
            [[[0.25, 0.25, 0.0, 0.0], [0.25, 0.25, 0.0, 0.0], [0.0; 4]]],
            all,
        ),
        2.0_f32.ln(),
    );
    // A cell with one candidate out of three has a third.
    let third = 1.0 / 3.0;
    near(
        of(
            [[[third, third, 0.0, 0.0], [0.0, 0.0, third, 0.0], [0.0; 4]]],
            [[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0; 4]]],
        ),
        0.0,
    );
}
