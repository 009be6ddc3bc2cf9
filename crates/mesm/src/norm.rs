//! Batch normalisation as PyTorch and as the sparse-convolution library compute it.

use burn::module::{Flag, Module, Param, RunningState};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};
use mesm_gpu as gpu;
use mesm_kernels::flex::Folded;
use mesm_kernels::{BatchNormParams, recording};

/// Batch normalisation over points, with PyTorch's running variance.
///
/// Burn's own layer keeps the biased variance; PyTorch normalises by the biased one and keeps the
/// unbiased one. The sparse blocks also need statistics over active sites only.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale, `[channels]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[channels]`.
    pub bias: Param<Tensor<1>>,
    /// Mean used outside training, `[channels]`.
    pub running_mean: RunningState<Tensor<1>>,
    /// Variance used outside training, `[channels]`.
    pub running_var: RunningState<Tensor<1>>,
    /// Both at each of some [shares of the attention mass](crate::ModelConfig::calibrated_at), `[shares, channels]`.
    running_mean_at: Option<Param<Tensor<2>>>,
    running_var_at: Option<Param<Tensor<2>>>,
    training: Param<Flag>,
    epsilon: f64,
    replaced: f64,
    /// Batches whose statistics were kept so far, where they are normalised by their own without learning.
    measuring: Option<usize>,
}

/// Mean and biased variance of a batch with the number of points behind them.
struct Statistics {
    mean: Tensor<1>,
    variance: Tensor<1>,
    /// `[1]`, a tensor because the number of active sites may only be known on the device.
    points: Tensor<1>,
}

impl BatchNorm {
    /// PyTorch's defaults: epsilon 1e-5, a tenth of the running value replaced each batch.
    pub(crate) fn dense(channels: usize, device: &Device) -> Self {
        Self::new(channels, 1e-5, 0.1, device)
    }

    /// The sparse library's defaults: epsilon 1e-4, a hundredth replaced each batch. With room for the statistics at `shares`
    /// shares of the attention mass.
    pub(crate) fn sparse(channels: usize, shares: usize, device: &Device) -> Self {
        let room = |values: Tensor<2>| (shares > 0).then(|| Param::from_tensor(values));
        Self {
            running_mean_at: room(Tensor::zeros([shares.max(1), channels], device)),
            running_var_at: room(Tensor::ones([shares.max(1), channels], device)),
            ..Self::new(channels, 1e-4, 0.01, device)
        }
    }

    fn new(channels: usize, epsilon: f64, replaced: f64, device: &Device) -> Self {
        Self {
            weight: Initializer::Ones.init([channels], device),
            bias: Initializer::Zeros.init([channels], device),
            running_mean: RunningState::new(Tensor::zeros([channels], device)),
            running_var: RunningState::new(Tensor::ones([channels], device)),
            running_mean_at: None,
            running_var_at: None,
            training: Param::from_bool(true),
            epsilon,
            replaced,
            measuring: None,
        }
    }

    /// Takes the statistics of share `row`, and by `above` in `[0, 1]` those of the next one, from the table; as they are
    /// where there is none.
    pub(crate) fn settle(&mut self, row: usize, above: f32) {
        let between = |table: &Param<Tensor<2>>| {
            let table = table.val();
            let [_, channels] = table.dims();
            let lower = table.clone().narrow(0, row, 1);
            let values = if above > 0.0 {
                lower * (1.0 - above) + table.narrow(0, row + 1, 1) * above
            } else {
                lower
            };
            RunningState::new(values.reshape([channels]))
        };
        if let (Some(mean), Some(var)) = (&self.running_mean_at, &self.running_var_at) {
            (self.running_mean, self.running_var) = (between(mean), between(var));
        }
    }

    /// Fills the table: mean and variance `[channels]` at each share.
    pub(crate) fn calibrate(&mut self, at: &[[Tensor<1>; 2]]) {
        let table = |which: usize| {
            let rows: Vec<Tensor<2>> = at.iter().map(|s| s[which].clone().unsqueeze()).collect();
            Some(Param::from_tensor(Tensor::cat(rows, 0)))
        };
        (self.running_mean_at, self.running_var_at) = (table(0), table(1));
        self.measuring = None;
    }

    /// Mean and variance that are used outside training.
    pub(crate) fn statistics(&self) -> [Tensor<1>; 2] {
        [self.running_mean.value(), self.running_var.value()]
    }

    /// Normalises batches by their own statistics from now on; the next one counts as much as each of the `seen` ones since
    /// the last 0, so that what is kept is their mean.
    pub(crate) fn measure_from(&mut self, seen: usize) {
        self.measuring = Some(seen);
    }

    /// Whether what it does can be folded into the convolution before it.
    pub(crate) fn is_settled(&self) -> bool {
        self.measuring.is_none()
    }

    /// Normalises a dense map `[frames, channels, height, width]`.
    pub(crate) fn forward_map(&self, x: Tensor<4>) -> Tensor<4> {
        let device = x.device();
        if !self.is_training(&device) {
            return self.normalise_map(x);
        }
        let [n, c, h, w] = x.dims();
        // One dimension after the other: partial sums stay short, and so do their rounding errors.
        let mean_of = |values: Tensor<4>| values.mean_dim(3).mean_dim(2).mean_dim(0);
        let mean = mean_of(x.clone());
        let centred = x - mean.clone();
        let variance = mean_of(centred.clone() * centred.clone());
        self.remember(&Statistics {
            mean: mean.reshape([c]),
            variance: variance.clone().reshape([c]),
            points: Tensor::full([1], (n * h * w) as f32, &device),
        });
        let channels = |values: Tensor<1>| values.reshape([1, c, 1, 1]);
        let scale = channels(self.weight.val()) / (variance + self.epsilon).sqrt();
        centred * scale + channels(self.bias.val())
    }

    /// Normalises the points of a map where `mask` `[frames, 1, height, width]` is 1; statistics
    /// are over those points. The values elsewhere are unspecified.
    pub(crate) fn forward_masked(&self, x: Tensor<4>, mask: &Tensor<4>) -> Tensor<4> {
        if !self.is_training(&x.device()) {
            return self.normalise_map(x);
        }
        let [n, c, h, w] = x.dims();
        let rows = x.permute([0, 2, 3, 1]).reshape([n * h * w, c]);
        let weights = mask.clone().reshape([n * h * w, 1]);
        let points = weights.clone().sum();
        let share = |values: Tensor<2>| -> Tensor<1> {
            (values * weights.clone())
                .sum_dim(0)
                .reshape([c])
                .div(points.clone())
        };
        let mean = share(rows.clone());
        let centred = rows.clone() - mean.clone().unsqueeze();
        let variance = share(centred.clone() * centred);
        self.normalise_rows(
            rows,
            Statistics {
                mean,
                variance,
                points,
            },
        )
        .reshape([n, h, w, c])
        .permute([0, 3, 1, 2])
    }

    /// Normalises points `[points, channels]`.
    pub(crate) fn forward_rows(&self, x: Tensor<2>) -> Tensor<2> {
        let device = x.device();
        let [points, c] = x.dims();
        if !self.is_training(&device) {
            return burn::tensor::module::batch_norm(
                x,
                self.weight.val(),
                self.bias.val(),
                self.running_mean.value(),
                self.running_var.value(),
                self.epsilon,
            );
        }
        let mean = x.clone().mean_dim(0);
        let centred = x.clone() - mean.clone();
        let variance = (centred.clone() * centred).mean_dim(0);
        let points = Tensor::full([1], points as f32, &device);
        self.normalise_rows(
            x,
            Statistics {
                mean: mean.reshape([c]),
                variance: variance.reshape([c]),
                points,
            },
        )
    }

    /// What is left of it outside training, with the bias of the convolution before it.
    pub(crate) fn folded(&self, bias: Option<Tensor<1>>) -> Folded {
        let scale = self.weight.val() / (self.running_var.value() + self.epsilon).sqrt();
        let mean = self.running_mean.value();
        let mean = bias.map_or_else(|| mean.clone(), |bias| mean.clone() - bias);
        Folded {
            shift: self.bias.val() - mean * scale.clone(),
            scale,
        }
    }

    /// The same for the kernels for graphics devices, `[2, channels]`.
    pub(crate) fn folded_on_gpu(&self, bias: Option<&Tensor<1>>) -> Option<Tensor<2>> {
        let params = BatchNormParams {
            weight: self.weight.val(),
            bias: self.bias.val(),
            mean: self.running_mean.value(),
            variance: self.running_var.value(),
            epsilon: self.epsilon,
        };
        gpu::fold(&params, bias)
    }

    /// In training, normalises points `[points, channels]` and clears what is below 0, as one kernel, where there is one.
    pub(crate) fn recorded_relu(&self, x: Tensor<2>) -> Option<Tensor<2>> {
        let device = x.device();
        if !self.is_training(&device) {
            return None;
        }
        let [points, _] = x.dims();
        let found = recording::normalise(x, self.weight.val(), self.bias.val(), self.epsilon)?;
        self.remember(&Statistics {
            mean: found.mean,
            variance: found.variance,
            points: Tensor::full([1], points as f32, &device),
        });
        Some(found.rows)
    }

    fn is_training(&self, device: &Device) -> bool {
        self.measuring.is_some() || device.is_autodiff() && self.training.is_enabled()
    }

    fn normalise_map(&self, x: Tensor<4>) -> Tensor<4> {
        burn::tensor::module::batch_norm(
            x,
            self.weight.val(),
            self.bias.val(),
            self.running_mean.value(),
            self.running_var.value(),
            self.epsilon,
        )
    }

    fn normalise_rows(&self, x: Tensor<2>, batch: Statistics) -> Tensor<2> {
        self.remember(&batch);
        let scale = self.weight.val() / (batch.variance + self.epsilon).sqrt();
        let shift = self.bias.val() - batch.mean * scale.clone();
        x * scale.unsqueeze() + shift.unsqueeze()
    }

    fn remember(&self, batch: &Statistics) {
        // One point has no unbiased variance: the guard keeps the division finite, and the
        // biased variance it multiplies is 0 then.
        let others = (batch.points.clone() - 1.0).clamp_min(1.0);
        let unbiased = batch.variance.clone() * batch.points.clone() / others;
        let replaced = self
            .measuring
            .map_or(self.replaced, |seen| 1.0 / (seen + 1) as f64);
        let blend = |state: &RunningState<Tensor<1>>, new: Tensor<1>| {
            let old = state.value_sync() * (1.0 - replaced);
            state.update((old + new.detach() * replaced).detach());
            // Folded in at once, so that whoever reads the weights next sees it.
            let _ = state.value_sync();
        };
        blend(&self.running_mean, batch.mean.clone());
        blend(&self.running_var, unbiased);
    }
}
