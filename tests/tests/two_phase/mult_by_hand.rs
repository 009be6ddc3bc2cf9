//! MulT written down a second time, in `f64`, one utterance and one number at a time, from the paper's equations and the
//! authors' parameter names. It shares nothing with the model but the numbers it is given.

use std::collections::HashMap;

use burn::tensor::Device;
use mesm::weights::read_params;
use mesm::{TwoPhaseConfig, TwoPhaseKind};
use mesm_tests::golden::values;

use crate::small::{batch, config, model, utterances};

type Matrix = Vec<Vec<f64>>;

/// Parameters by name: shape and row-major values.
struct ByHand {
    params: HashMap<String, (Vec<usize>, Vec<f64>)>,
    heads: usize,
    causal: bool,
}

impl ByHand {
    fn vector(&self, name: &str) -> &[f64] {
        &self
            .params
            .get(name)
            .unwrap_or_else(|| panic!("no {name}"))
            .1
    }

    fn rows(&self, name: &str) -> Vec<&[f64]> {
        let (shape, values) = &self.params[name];
        values.chunks(shape[1..].iter().product()).collect()
    }

    /// Rows `from..to` of a linear layer applied to each row of `x`.
    fn linear(&self, x: &Matrix, weight: &str, bias: &str, from: usize, to: usize) -> Matrix {
        let (rows, shift) = (self.rows(weight), self.vector(bias));
        let one = |x: &Vec<f64>| (from..to).map(|r| dot(rows[r], x) + shift[r]).collect();
        x.iter().map(one).collect()
    }

    fn whole(&self, x: &Matrix, layer: &str) -> Matrix {
        let (weight, bias) = (format!("{layer}.weight"), format!("{layer}.bias"));
        let outputs = self.vector(&bias).len();
        self.linear(x, &weight, &bias, 0, outputs)
    }

    fn norm(&self, x: &Matrix, layer: &str) -> Matrix {
        let scale = self.vector(&format!("{layer}.weight"));
        let shift = self.vector(&format!("{layer}.bias"));
        let one = |x: &Vec<f64>| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            let deviation = (variance + 1e-5).sqrt();
            (0..x.len())
                .map(|k| (x[k] - mean) / deviation * scale[k] + shift[k])
                .collect()
        };
        x.iter().map(one).collect()
    }

    /// Convolution without bias; beyond the ends there are zeros.
    fn convolve(&self, x: &Matrix, name: &str) -> Matrix {
        let (shape, weight) = &self.params[name];
        let [outputs, inputs, kernel] = shape[..] else {
            panic!("{name}: {shape:?}");
        };
        let at = |step: usize, k: usize| (step + k).checked_sub(kernel / 2).and_then(|s| x.get(s));
        let one = |step: usize, out: usize| -> f64 {
            (0..kernel)
                .filter_map(|k| Some((k, at(step, k)?)))
                .map(|(k, x)| {
                    let of = |c: usize| weight[(out * inputs + c) * kernel + k] * x[c];
                    (0..inputs).map(of).sum::<f64>()
                })
                .sum()
        };
        (0..x.len())
            .map(|step| (0..outputs).map(|out| one(step, out)).collect())
            .collect()
    }

    fn attention(&self, queries: &Matrix, keys: &Matrix, layer: &str) -> Matrix {
        let width = queries.first().map_or(0, Vec::len);
        let (weight, bias) = (
            format!("{layer}.in_proj_weight"),
            format!("{layer}.in_proj_bias"),
        );
        let third =
            |x: &Matrix, k: usize| self.linear(x, &weight, &bias, k * width, (k + 1) * width);
        let (query, key, value) = (third(queries, 0), third(keys, 1), third(keys, 2));
        let head = width / self.heads;
        let ahead = queries.len().abs_diff(keys.len());
        let mut mixed = vec![vec![0.0; width]; queries.len()];
        for h in 0..self.heads {
            let own = h * head..(h + 1) * head;
            for (step, mixed) in mixed.iter_mut().enumerate() {
                let read = if self.causal {
                    keys.len().min(step + ahead + 1)
                } else {
                    keys.len()
                };
                let scores: Vec<f64> = key[..read]
                    .iter()
                    .map(|key| dot(&query[step][own.clone()], &key[own.clone()]))
                    .map(|score| (score / (head as f64).sqrt()).exp())
                    .collect();
                let sum: f64 = scores.iter().sum();
                for (score, value) in scores.iter().zip(&value) {
                    for k in own.clone() {
                        mixed[k] += score / sum * value[k];
                    }
                }
            }
        }
        self.whole(&mixed, &format!("{layer}.out_proj"))
    }

    fn stack(&self, x: &Matrix, other: Option<&Matrix>, name: &str) -> Matrix {
        let keys = other.map(embed);
        let mut x = embed(x);
        for layer in 0.. {
            let layer = format!("{name}.layers.{layer}");
            if !self.params.contains_key(&format!("{layer}.fc1.weight")) {
                break;
            }
            let queries = self.norm(&x, &format!("{layer}.layer_norms.0"));
            let keys = match &keys {
                Some(keys) => self.norm(keys, &format!("{layer}.layer_norms.0")),
                None => queries.clone(),
            };
            x = add(
                &x,
                &self.attention(&queries, &keys, &format!("{layer}.self_attn")),
            );
            let hidden = self.norm(&x, &format!("{layer}.layer_norms.1"));
            let hidden = relu(self.whole(&hidden, &format!("{layer}.fc1")));
            x = add(&x, &self.whole(&hidden, &format!("{layer}.fc2")));
        }
        self.norm(&x, &format!("{name}.layer_norm"))
    }

    /// `inputs`: the features of one utterance by the letter of the modality.
    fn logits(&self, inputs: &[(char, Matrix)]) -> Vec<f64> {
        let projected: Vec<(char, Matrix)> = inputs
            .iter()
            .map(|(m, x)| (*m, self.convolve(x, &format!("proj_{m}.weight"))))
            .collect();
        let mut last = Vec::new();
        for (target, x) in &projected {
            let others = projected.iter().filter(|(other, _)| other != target);
            let read: Vec<Matrix> = others
                .map(|(other, y)| self.stack(x, Some(y), &format!("trans_{target}_with_{other}")))
                .collect();
            let beside = |step: usize| -> Vec<f64> {
                read.iter().flat_map(|read| read[step].clone()).collect()
            };
            let memory: Matrix = if read.is_empty() {
                x.clone()
            } else {
                (0..x.len()).map(beside).collect()
            };
            let memory = self.stack(&memory, None, &format!("trans_{target}_mem"));
            last.extend(memory.last().unwrap().clone());
        }
        let last = vec![last];
        let hidden = relu(self.whole(&last, "proj1"));
        let fused = add(&self.whole(&hidden, "proj2"), &last);
        self.whole(&fused, "out_layer").remove(0)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(a: &Matrix, b: &Matrix) -> Matrix {
    let one = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
    a.iter().zip(b).map(one).collect()
}

fn relu(x: Matrix) -> Matrix {
    let one = |x: Vec<f64>| x.into_iter().map(|v| v.max(0.0)).collect();
    x.into_iter().map(one).collect()
}

/// Scaled, with sines and cosines of the positions from 1 on.
fn embed(x: &Matrix) -> Matrix {
    let mut embedded = x.clone();
    for (step, x) in embedded.iter_mut().enumerate() {
        let (width, half) = (x.len(), x.len() / 2);
        for (k, x) in x.iter_mut().enumerate() {
            *x *= (width as f64).sqrt();
            if k < 2 * half {
                let power = (k % half) as f64 / ((half - 1) as f64).max(1.0);
                let angle = (step + 1) as f64 / 10_000.0_f64.powf(power);
                *x += if k < half { angle.sin() } else { angle.cos() };
            }
        }
    }
    embedded
}

#[test]
fn mult_is_what_the_equations_say() {
    let device = Device::flex();
    let mut held = 0;
    for (modalities, causal, kernel) in [
        ("tav", false, 3),
        ("tav", true, 1),
        ("av", false, 1),
        ("tv", true, 3),
        ("a", false, 3),
        ("t", true, 1),
    ] {
        let config = TwoPhaseConfig {
            modalities: modalities.parse().unwrap(),
            causal,
            kernel,
            layers: 2,
            ..config(TwoPhaseKind::Mult)
        };
        let model = model(&config, &device);
        let params = read_params(&model).unwrap();
        let by_hand = ByHand {
            params: params
                .iter()
                .map(|(name, shape, values)| {
                    let values = values.iter().map(|v| f64::from(*v)).collect();
                    (name.to_owned(), (shape.to_vec(), values))
                })
                .collect(),
            heads: config.heads,
            causal,
        };
        let which = utterances(config.kind);
        let batch = batch(&config, &which, 1, 5.0, &device);
        let found = values(model.forward(&batch).unwrap().logits);
        for (utterance, found) in found.chunks(2).enumerate() {
            let sequences = [
                ('l', 't', &batch.text),
                ('a', 'a', &batch.acoustic),
                ('v', 'v', &batch.visual),
            ];
            let inputs: Vec<(char, Matrix)> = sequences
                .into_iter()
                .filter(|(_, letter, _)| modalities.contains(*letter))
                .map(|(letter, _, sequence)| {
                    let sequence = sequence.as_ref().unwrap();
                    let [_, steps, features] = sequence.values.dims();
                    let all = values(sequence.values.clone());
                    let own = all.chunks(steps * features).nth(utterance).unwrap();
                    let rows = own.chunks(features).take(sequence.lens[utterance]);
                    let rows = rows.map(|row| row.iter().map(|v| f64::from(*v)).collect());
                    (letter, rows.collect())
                })
                .collect();
            for (found, expected) in found.iter().zip(by_hand.logits(&inputs)) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-5 * (1.0 + expected.abs()),
                    "{modalities} causal {causal}: {found} {expected}"
                );
                held += 1;
            }
        }
    }
    assert_eq!(held, 6 * 4 * 2);
}
