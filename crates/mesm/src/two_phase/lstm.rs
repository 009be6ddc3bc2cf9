//! The LSTM with PyTorch's parameters.

use burn::module::{Module, Param};
use burn::nn::{Dropout, DropoutConfig, Initializer};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};

use super::batch::Padded;
use super::config::TwoPhaseConfig;
use crate::config::Modality;
use crate::tanh::tanh;

/// `torch.nn.LSTM`: one or more layers, one or two directions, gates packed in the order input, forget, cell, output.
///
/// Burn's own has four gates of two linear layers each: checkpoints would have to be taken apart, and a step would cost
/// eight products. Here the inputs of all steps are one product, and each step is another one.
#[derive(Module, Debug)]
pub(super) struct Lstm {
    layers: Vec<LstmLayer>,
    /// Between layers.
    dropout: Dropout,
}

#[derive(Module, Debug)]
struct LstmLayer {
    forward: LstmDirection,
    reverse: Option<LstmDirection>,
}

/// One direction of one layer.
#[derive(Module, Debug)]
struct LstmDirection {
    /// `[4 hidden, inputs]`.
    weight_ih: Param<Tensor<2>>,
    /// `[4 hidden, hidden]`.
    weight_hh: Param<Tensor<2>>,
    /// `[4 hidden]`.
    bias_ih: Param<Tensor<1>>,
    /// `[4 hidden]`: the second bias of the same gates is PyTorch's habit.
    bias_hh: Param<Tensor<1>>,
}

/// Sizes of an LSTM.
#[derive(Debug, Clone, Copy)]
pub(super) struct LstmConfig {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) bidirectional: bool,
    /// Between layers, in training.
    pub(super) dropout: f64,
}

impl LstmConfig {
    /// An LSTM that reads the features of one modality.
    pub(super) fn of_features(config: &TwoPhaseConfig, modality: Modality) -> Self {
        Self {
            inputs: config.features(modality),
            hidden: config.width(modality),
            layers: config.depth(),
            bidirectional: config.bidirectional,
            dropout: config.dropout,
        }
    }
}

/// What the last layer of an LSTM gives.
#[derive(Debug, Clone)]
pub(super) struct States {
    /// After each step, zeros past each length, `[utterances, steps, hidden]`.
    forward: Tensor<3>,
    reverse: Option<Tensor<3>>,
    /// After the last step, `[utterances, hidden]` a direction.
    finals: Vec<Tensor<2>>,
}

impl Lstm {
    /// A new LSTM with PyTorch's initial values: uniform within `1 / sqrt(hidden)` of 0.
    pub(super) fn new(config: LstmConfig, device: &Device) -> Self {
        let directions = 1 + usize::from(config.bidirectional);
        let layers = (0..config.layers)
            .map(|layer| {
                let inputs = match layer {
                    0 => config.inputs,
                    _ => directions * config.hidden,
                };
                let direction = || LstmDirection::new(inputs, config.hidden, device);
                LstmLayer {
                    forward: direction(),
                    reverse: config.bidirectional.then(direction),
                }
            })
            .collect();
        Self {
            layers,
            dropout: DropoutConfig::new(config.dropout).init(),
        }
    }

    /// Runs over the steps of each utterance. Padding leaves the states alone, so that the reverse direction begins at the
    /// utterance's own last step.
    pub(super) fn forward(&self, x: &Padded) -> States {
        let mut states: Option<States> = None;
        for layer in &self.layers {
            states = Some(match states {
                None => layer.forward(x),
                Some(below) => layer.forward(&x.with(self.dropout.forward(below.side_by_side()))),
            });
        }
        // There is no LSTM without a layer; its states would be its inputs.
        states.unwrap_or_else(|| States {
            forward: x.values.clone(),
            reverse: None,
            finals: vec![x.last(x.values.clone())],
        })
    }
}

impl States {
    /// `[utterances, steps, directions * hidden]`.
    pub(super) fn side_by_side(&self) -> Tensor<3> {
        match &self.reverse {
            Some(reverse) => Tensor::cat(vec![self.forward.clone(), reverse.clone()], 2),
            None => self.forward.clone(),
        }
    }

    /// The directions added up, `[utterances, steps, hidden]`.
    pub(super) fn summed(self) -> Tensor<3> {
        match self.reverse {
            Some(reverse) => self.forward + reverse,
            None => self.forward,
        }
    }

    /// The same with `change` applied to the states after each step, to those of each direction by itself.
    pub(super) fn map(self, change: impl Fn(Tensor<3>) -> Tensor<3>) -> Self {
        Self {
            forward: change(self.forward),
            reverse: self.reverse.map(change),
            finals: self.finals,
        }
    }

    /// Both directions' final states, the reverse one's after the first step, `[utterances, directions * hidden]`.
    pub(super) fn finals(self) -> Tensor<2> {
        Tensor::cat(self.finals, 1)
    }
}

impl LstmLayer {
    fn forward(&self, x: &Padded) -> States {
        let (forward, last) = self.forward.run(x, false);
        let mut finals = vec![last];
        let reverse = self.reverse.as_ref().map(|direction| {
            let (states, last) = direction.run(x, true);
            finals.push(last);
            states
        });
        States {
            forward,
            reverse,
            finals,
        }
    }
}

impl LstmDirection {
    fn new(inputs: usize, hidden: usize, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f64).sqrt();
        let uniform = Initializer::Uniform {
            min: -bound,
            max: bound,
        };
        let gates = 4 * hidden;
        Self {
            weight_ih: uniform.init([gates, inputs], device),
            weight_hh: uniform.init([gates, hidden], device),
            bias_ih: uniform.init([gates], device),
            bias_hh: uniform.init([gates], device),
        }
    }

    /// The states after each step, zeros past each length, `[utterances, steps, hidden]`; and the final one,
    /// `[utterances, hidden]`.
    fn run(&self, x: &Padded, backwards: bool) -> (Tensor<3>, Tensor<2>) {
        let [utterances, steps, inputs] = x.values.dims();
        let recurrent = self.weight_hh.val().transpose();
        let [hidden, gates] = recurrent.dims();
        let bias = (self.bias_ih.val() + self.bias_hh.val()).reshape([1, gates]);
        let rows = x.values.clone().reshape([utterances * steps, inputs]);
        let driven = (rows.matmul(self.weight_ih.val().transpose()) + bias)
            .reshape([utterances, steps, gates]);

        let mut state = Tensor::<2>::zeros([utterances, hidden], &x.values.device());
        let mut cell = state.clone();
        let mut states = Vec::with_capacity(steps);
        for k in 0..steps {
            let step = if backwards { steps - 1 - k } else { k };
            let gate = driven
                .clone()
                .narrow(1, step, 1)
                .reshape([utterances, gates])
                + state.clone().matmul(recurrent.clone());
            let opened = sigmoid(gate.clone().narrow(1, 0, 2 * hidden));
            let input = opened.clone().narrow(1, 0, hidden);
            let forget = opened.narrow(1, hidden, hidden);
            let candidate = tanh(gate.clone().narrow(1, 2 * hidden, hidden));
            let output = sigmoid(gate.narrow(1, 3 * hidden, hidden));
            let next_cell = forget * cell.clone() + input * candidate;
            let next = output * tanh(next_cell.clone());
            if let Some(mask) = &x.mask {
                let here = mask.clone().narrow(1, step, 1).reshape([utterances, 1]);
                let past = -here.clone() + 1.0;
                let kept = next * here.clone();
                states.push(kept.clone());
                state = kept + state * past.clone();
                cell = next_cell * here + cell * past;
            } else {
                states.push(next.clone());
                state = next;
                cell = next_cell;
            }
        }
        if backwards {
            states.reverse();
        }
        (Tensor::stack(states, 1), state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::two_phase::{FeatureBatch, Sequence, TwoPhaseConfig};
    use crate::weights::{Formula, load_params, read_params};

    const HIDDEN: usize = 3;

    fn lstm(layers: usize, device: &Device) -> Lstm {
        let config = LstmConfig {
            inputs: 2,
            hidden: HIDDEN,
            layers,
            bidirectional: true,
            dropout: 0.0,
        };
        load_params(Lstm::new(config, device), &mut Formula::new("lstm", "")).unwrap()
    }

    fn padded(values: &[[[f32; 2]; 3]], lens: &[usize], device: &Device) -> Padded {
        let flat: Vec<f32> = values.iter().flatten().flatten().copied().collect();
        let values = Tensor::<1>::from_floats(flat.as_slice(), device);
        let config = TwoPhaseConfig {
            text_dim: 2,
            modalities: "t".parse().unwrap(),
            ..TwoPhaseConfig::default()
        };
        let batch = FeatureBatch {
            text: Some(Sequence {
                values: values.reshape([lens.len(), 3, 2]),
                lens: lens.to_vec(),
            }),
            ..FeatureBatch::default()
        };
        let inputs = batch.inputs(&config).unwrap();
        inputs.into_values().next().unwrap()
    }

    /// The textbook's equations, one number at a time, in `f64`.
    fn by_hand(lstm: &Lstm, steps: &[[f32; 2]], suffix: &str) -> Vec<[f64; HIDDEN]> {
        let tensors = read_params(lstm).unwrap();
        let of = |name: &str| -> Vec<f64> {
            let name = format!("{name}_l0{suffix}");
            let mut found = tensors.iter().filter(|(key, _, _)| *key == name);
            let (_, _, values) = found.next().unwrap_or_else(|| panic!("no {name}"));
            values.iter().map(|v| f64::from(*v)).collect()
        };
        let (ih, hh) = (of("weight_ih"), of("weight_hh"));
        let (bi, bh) = (of("bias_ih"), of("bias_hh"));
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let (mut h, mut c) = ([0.0; HIDDEN], [0.0; HIDDEN]);
        let mut states = Vec::new();
        for x in steps {
            let gate = |row: usize| -> f64 {
                let inputs: f64 = (0..2).map(|k| ih[row * 2 + k] * f64::from(x[k])).sum();
                let states: f64 = (0..HIDDEN).map(|k| hh[row * HIDDEN + k] * h[k]).sum();
                inputs + states + bi[row] + bh[row]
            };
            let gates: Vec<f64> = (0..4 * HIDDEN).map(gate).collect();
            for k in 0..HIDDEN {
                c[k] = sigmoid(gates[HIDDEN + k]) * c[k]
                    + sigmoid(gates[k]) * gates[2 * HIDDEN + k].tanh();
                h[k] = sigmoid(gates[3 * HIDDEN + k]) * c[k].tanh();
            }
            states.push(h);
        }
        states
    }

    #[test]
    fn both_directions_are_the_textbooks() {
        let device = Device::flex();
        let lstm = lstm(1, &device);
        let first = [[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]];
        let second = [[1.0, 1.0], [-2.0, 0.5], [f32::NAN, 7.0]];
        let x = padded(&[first, second], &[3, 2], &device);
        let states = lstm.forward(&x);
        let found = states.side_by_side().into_data();
        let found = found.try_to_vec::<f32>().unwrap();
        let finals = states.finals().into_data().try_to_vec::<f32>().unwrap();
        for (utterance, steps) in [&first[..], &second[..2]].into_iter().enumerate() {
            let ahead = by_hand(&lstm, steps, "");
            let reversed: Vec<[f32; 2]> = steps.iter().rev().copied().collect();
            let back = by_hand(&lstm, &reversed, "_reverse");
            for step in 0..3 {
                for k in 0..2 * HIDDEN {
                    let direction = if k < HIDDEN {
                        ahead.get(step)
                    } else {
                        steps
                            .len()
                            .checked_sub(step + 1)
                            .and_then(|at| back.get(at))
                    };
                    let expected = direction.map_or(0.0, |state| state[k % HIDDEN]);
                    let got = f64::from(found[(utterance * 3 + step) * 2 * HIDDEN + k]);
                    assert!((got - expected).abs() < 1e-6, "{got} {expected}");
                }
            }
            for k in 0..2 * HIDDEN {
                let direction = if k < HIDDEN { &ahead } else { &back };
                let expected = direction[steps.len() - 1][k % HIDDEN];
                let got = f64::from(finals[utterance * 2 * HIDDEN + k]);
                assert!((got - expected).abs() < 1e-6, "{got} {expected}");
            }
        }
    }

    #[test]
    fn an_utterance_alone_is_the_same_in_company() {
        let device = Device::flex();
        let lstm = lstm(2, &device);
        let long = [[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]];
        let short = [[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]];
        let finals = |values: &[[[f32; 2]; 3]], lens: &[usize]| {
            let finals = lstm.forward(&padded(values, lens, &device)).finals();
            finals.into_data().try_to_vec::<f32>().unwrap()
        };
        let together = finals(&[long, short], &[3, 1]);
        assert_eq!(together[2 * HIDDEN..], finals(&[short], &[1]));
        assert_eq!(together[..2 * HIDDEN], finals(&[long], &[3]));
    }

    #[test]
    fn names_are_pytorchs() {
        let tensors = read_params(&lstm(2, &Device::flex())).unwrap();
        let names: Vec<&str> = tensors.iter().map(|(name, _, _)| name).collect();
        assert_eq!(names.len(), 16);
        for name in [
            "weight_ih_l0",
            "weight_hh_l1_reverse",
            "bias_hh_l0_reverse",
            "bias_ih_l1",
        ] {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
    }
}
