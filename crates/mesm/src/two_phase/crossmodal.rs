//! MulT's Transformer: one sequence reads another, or itself.

use burn::module::Module;
use burn::nn::{
    Dropout, DropoutConfig, Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig,
};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

use super::attention::masked_softmax;
use super::batch::Padded;

/// Sizes of a crossmodal Transformer.
#[derive(Debug, Clone, Copy)]
pub(super) struct CrossmodalConfig {
    pub(super) width: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) feedforward: usize,
    /// On attention weights, in training.
    pub(super) attention_dropout: f64,
    /// After ReLU and before residuals are added, in training.
    pub(super) dropout: f64,
    /// On the embedded steps, in training.
    pub(super) embed_dropout: f64,
    pub(super) causal: bool,
}

/// A stack of pre-norm layers with a norm at the end (Tsai et al., 2019, sections 3.2 and 3.3).
///
/// As the authors' code: steps are scaled by the square root of the width before sines and cosines of their positions are
/// added, positions count from 1, every layer reads the other sequence as it came in, under the norm of its own steps.
/// Unlike it, positions follow the lengths and not from which features are exactly 0, padded steps are never read, and keys
/// and values are one tensor, so that one draw of dropout serves both.
#[derive(Module, Debug)]
pub(super) struct Crossmodal {
    layers: Vec<CrossmodalLayer>,
    layer_norm: LayerNorm,
    dropout: Dropout,
    causal: bool,
}

#[derive(Module, Debug)]
struct CrossmodalLayer {
    self_attn: PackedAttention,
    fc1: Linear,
    fc2: Linear,
    /// Before attention, before the feed-forward layers.
    layer_norms: Vec<LayerNorm>,
    dropout: Dropout,
}

/// Multi-head attention with query, key and value projections packed into one matrix.
#[derive(Module, Debug)]
struct PackedAttention {
    in_proj: Linear,
    out_proj: Linear,
    dropout: Dropout,
    heads: usize,
}

impl Crossmodal {
    pub(super) fn new(config: CrossmodalConfig, device: &Device) -> Self {
        Self {
            layers: (0..config.layers)
                .map(|_| CrossmodalLayer::new(config, device))
                .collect(),
            layer_norm: LayerNormConfig::new(config.width).init(device),
            dropout: DropoutConfig::new(config.embed_dropout).init(),
            causal: config.causal,
        }
    }

    /// What the steps `x` become when they read `other`, or each other; zeros past each length, `[utterances, steps,
    /// width]`.
    pub(super) fn forward(&self, x: &Padded, other: Option<&Padded>) -> Tensor<3> {
        let mask = readable(x, other.unwrap_or(x), self.causal);
        let keys = other.map(|other| self.embed(other));
        let steps = self.layers.iter().fold(self.embed(x), |steps, layer| {
            layer.forward(steps, keys.as_ref(), mask.as_ref())
        });
        x.clear(self.layer_norm.forward(steps))
    }

    fn embed(&self, x: &Padded) -> Tensor<3> {
        let [_, steps, width] = x.values.dims();
        let scaled = x.values.clone() * (width as f64).sqrt();
        let positions = positions(steps, width, &x.values.device());
        self.dropout.forward(x.clear(scaled + positions))
    }
}

/// 1 where a step may read a key, `[utterances, 1, steps or 1, keys]`; `None` where all may be read.
fn readable(x: &Padded, keys: &Padded, causal: bool) -> Option<Tensor<4>> {
    let [utterances, steps, _] = x.values.dims();
    let [_, count, _] = keys.values.dims();
    if !causal {
        let mask = keys.mask.clone()?;
        return Some(mask.reshape([utterances, 1, 1, count]));
    }
    let mut mask = Vec::with_capacity(utterances * steps * count);
    for (own, other) in x.lens.iter().zip(&keys.lens) {
        let ahead = own.abs_diff(*other);
        for step in 0..steps {
            mask.extend((0..count).map(|key| f32::from(key < *other && key <= step + ahead)));
        }
    }
    let data = TensorData::new(mask, [utterances, 1, steps, count]);
    Some(Tensor::from_data(data, &x.values.device()))
}

/// Sines, then cosines, of positions from 1, `[1, steps, width]`; wavelengths grow geometrically to 10000 times `2 pi`, and
/// an odd width ends with a 0.
fn positions(steps: usize, width: usize, device: &Device) -> Tensor<3> {
    let half = width / 2;
    let rate = -(10_000.0_f64.ln()) / half.saturating_sub(1).max(1) as f64;
    let mut table = Vec::with_capacity(steps * width);
    for position in 1..=steps {
        let angle = |k: usize| position as f64 * (rate * k as f64).exp();
        table.extend((0..half).map(|k| angle(k).sin() as f32));
        table.extend((0..half).map(|k| angle(k).cos() as f32));
        table.resize(position * width, 0.0);
    }
    Tensor::from_data(TensorData::new(table, [1, steps, width]), device)
}

impl CrossmodalLayer {
    fn new(config: CrossmodalConfig, device: &Device) -> Self {
        let CrossmodalConfig {
            width, feedforward, ..
        } = config;
        Self {
            self_attn: PackedAttention {
                in_proj: unshifted(width, 3 * width, device),
                out_proj: unshifted(width, width, device),
                dropout: DropoutConfig::new(config.attention_dropout).init(),
                heads: config.heads,
            },
            fc1: unshifted(width, feedforward, device),
            fc2: unshifted(feedforward, width, device),
            layer_norms: (0..2)
                .map(|_| LayerNormConfig::new(width).init(device))
                .collect(),
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    fn norm(&self, which: usize, x: Tensor<3>) -> Tensor<3> {
        match self.layer_norms.get(which) {
            Some(norm) => norm.forward(x),
            None => x,
        }
    }

    fn forward(
        &self,
        x: Tensor<3>,
        keys: Option<&Tensor<3>>,
        mask: Option<&Tensor<4>>,
    ) -> Tensor<3> {
        let queries = self.norm(0, x.clone());
        let keys = match keys {
            Some(keys) => self.norm(0, keys.clone()),
            None => queries.clone(),
        };
        let read = self.self_attn.forward(queries, keys, mask);
        let x = x + self.dropout.forward(read);
        let hidden = relu(self.fc1.forward(self.norm(1, x.clone())));
        let hidden = self.fc2.forward(self.dropout.forward(hidden));
        x + self.dropout.forward(hidden)
    }
}

impl PackedAttention {
    /// `queries`: `[utterances, steps, width]`; `keys`: `[utterances, keys, width]`, values as well.
    fn forward(&self, queries: Tensor<3>, keys: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<3> {
        let [utterances, steps, width] = queries.dims();
        let value = self.part(2, keys.clone());
        let mixed = self
            .weights(queries, keys, mask)
            .matmul(value)
            .swap_dims(1, 2)
            .reshape([utterances, steps, width]);
        self.out_proj.forward(mixed)
    }

    /// How much each step reads of each key, `[utterances, heads, steps, keys]`.
    fn weights(&self, queries: Tensor<3>, keys: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<4> {
        let query = self.part(0, queries);
        let head = query.dims()[3];
        let key = self.part(1, keys);
        let scores = query.matmul(key.swap_dims(2, 3)) / (head as f64).sqrt();
        self.dropout.forward(masked_softmax(scores, mask))
    }

    /// One third of the packed projection, head by head, `[utterances, heads, steps, width / heads]`.
    fn part(&self, third: usize, x: Tensor<3>) -> Tensor<4> {
        let [utterances, steps, width] = x.dims();
        let weight = self.in_proj.weight.val().narrow(1, third * width, width);
        let rows = x.reshape([utterances * steps, width]).matmul(weight);
        let rows = match &self.in_proj.bias {
            Some(bias) => {
                rows + bias
                    .val()
                    .narrow(0, third * width, width)
                    .reshape([1, width])
            }
            None => rows,
        };
        rows.reshape([utterances, steps, self.heads, width / self.heads])
            .swap_dims(1, 2)
    }
}

/// A linear layer whose biases begin at 0.
fn unshifted(from: usize, to: usize, device: &Device) -> Linear {
    let mut layer = LinearConfig::new(from, to)
        .with_initializer(Initializer::XavierUniform { gain: 1.0 })
        .init(device);
    layer.bias = Some(Initializer::Zeros.init([to], device));
    layer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Formula, load_params};

    const WIDTH: usize = 6;

    fn stack(causal: bool, device: &Device) -> Crossmodal {
        let config = CrossmodalConfig {
            width: WIDTH,
            layers: 2,
            heads: 2,
            feedforward: 8,
            attention_dropout: 0.0,
            dropout: 0.0,
            embed_dropout: 0.0,
            causal,
        };
        load_params(
            Crossmodal::new(config, device),
            &mut Formula::new("crossmodal", ""),
        )
        .unwrap()
    }

    fn sequence(name: &str, lens: &[usize], steps: usize, device: &Device) -> Padded {
        let formula = Formula::new("crossmodal", "");
        let mut values = Vec::new();
        let mut mask = Vec::new();
        for (utterance, len) in lens.iter().enumerate() {
            for step in 0..steps {
                let there = f32::from(step < *len);
                let name = format!("{name}.{utterance}.{step}");
                values.extend((0..WIDTH as u64).map(|k| there * formula.signed(&name, k)));
                mask.push(there);
            }
        }
        let shape = [lens.len(), steps];
        let tensor = |values: Vec<f32>, last: usize| {
            Tensor::<3>::from_data(TensorData::new(values, [shape[0], shape[1], last]), device)
        };
        Padded {
            values: tensor(values, WIDTH),
            lens: lens.to_vec(),
            mask: Some(tensor(mask, 1)),
        }
    }

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec::<f32>().unwrap()
    }

    #[test]
    fn positions_count_from_one() {
        let found = numbers(positions(2, 5, &Device::flex()));
        let angles = [1.0_f32, 1e-4, 2.0, 2e-4];
        let expected = [
            angles[0].sin(),
            angles[1].sin(),
            angles[0].cos(),
            angles[1].cos(),
            0.0,
            angles[2].sin(),
            angles[3].sin(),
            angles[2].cos(),
            angles[3].cos(),
            0.0,
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn weights_add_up_to_one_over_what_may_be_read() {
        let device = Device::flex();
        let (x, other) = (
            sequence("x", &[3, 2], 3, &device),
            sequence("y", &[4, 1], 4, &device),
        );
        for causal in [false, true] {
            let layer = &stack(causal, &device).layers[0];
            let mask = readable(&x, &other, causal).unwrap();
            let weights =
                layer
                    .self_attn
                    .weights(x.values.clone(), other.values.clone(), Some(&mask));
            let sums = numbers(weights.clone().sum_dim(3));
            assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{sums:?}");
            // The second utterance's other sequence has one step.
            let weights = numbers(weights);
            let second = &weights[weights.len() / 2..];
            assert!(second.chunks(4).all(|row| row[1..] == [0.0; 3]));
        }
    }

    #[test]
    fn later_steps_are_not_read_when_causal() {
        let device = Device::flex();
        let x = sequence("x", &[3], 3, &device);
        let mut changed = x.clone();
        let last = Tensor::<3>::ones([1, 1, WIDTH], &device) * 5.0;
        changed.values = changed.values.slice_assign([0..1, 2..3, 0..WIDTH], last);
        for causal in [false, true] {
            let stack = stack(causal, &device);
            let first = |x: &Padded| numbers(stack.forward(x, None).narrow(1, 0, 2));
            assert_eq!(first(&x) == first(&changed), causal);
        }
    }

    #[test]
    fn an_utterance_alone_is_the_same_in_company() {
        let device = Device::flex();
        let stack = stack(true, &device);
        let together = stack.forward(
            &sequence("x", &[2, 4], 4, &device),
            Some(&sequence("y", &[1, 3], 3, &device)),
        );
        let alone = stack.forward(
            &sequence("x", &[2], 2, &device),
            Some(&sequence("y", &[1], 1, &device)),
        );
        let together = numbers(together.narrow(0, 0, 1).narrow(1, 0, 2));
        for (a, b) in together.iter().zip(numbers(alone)) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }
}
