//! The processor's kernels where gradients are recorded, each with its own way back.

use std::fmt::Debug;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, OpsPrep};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{DType, Tensor, TensorData};

use crate::AdditiveParams;
use crate::cpu::{self, Additive, Finish, Kernel, Normalised, Order, Taps};

type Recording = Autodiff<Flex, NoCheckpointing>;
type Recorded = FloatTensor<Recording>;
type Values = FloatTensor<Flex>;

/// Whether the kernels of this module take tensors like this one.
#[must_use]
pub fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    recorded(tensor.clone()).is_some()
}

/// A convolution of rows `[rows in, in]` to `[rows out, out]`. The weights are `[taps, 1, in, out]` for
/// [`Order::InOut`] and `[out, in, ...taps]` for [`Order::OutIn`].
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn conv_rows(
    rows: Tensor<2>,
    taps: &Arc<Taps>,
    weights: Tensor<4>,
    order: Order,
    bias: Option<Tensor<1>>,
) -> Option<Tensor<2>> {
    let [_, channels_in] = rows.dims();
    let channels_out = match order {
        Order::InOut => weights.dims()[3],
        Order::OutIn => weights.dims()[0],
    };
    let sizes = [taps.count(), channels_in, channels_out];
    let rows = recorded(rows)?;
    let weights = recorded(weights)?;
    // A convolution without a bias has one that nobody learns.
    let bias = match bias {
        Some(bias) => recorded(bias)?,
        None => Recorded::new(tensor(vec![0.0; channels_out], [channels_out])),
    };
    let nodes = [rows.node(), weights.node(), bias.node()];
    let state = Convolved {
        rows: rows.into_primitive().to_contiguous(),
        weights: weights.into_primitive().to_contiguous(),
        taps: Arc::clone(taps),
        order,
        sizes,
    };
    let bias = bias.into_primitive().to_contiguous();
    let kernel = Kernel::new(slice(&state.weights), order, sizes, None);
    let finish = Finish {
        shift: Some(slice(&bias)),
        relu: false,
    };
    let out = cpu::product(slice(&state.rows), taps, &kernel, finish);
    let out = tensor(out, [taps.rows_out(), channels_out]);
    Some(record(Convolve.prepare(nodes), state, out))
}

#[derive(Debug)]
struct Convolve;

/// What the way back through a convolution needs.
#[derive(Debug, Clone)]
struct Convolved {
    rows: Values,
    weights: Values,
    taps: Arc<Taps>,
    order: Order,
    /// Taps, channels in, channels out.
    sizes: [usize; 3],
}

impl Backward<Flex, 3> for Convolve {
    type State = Convolved;

    fn backward(self, ops: Ops<Convolved, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let Convolved {
            rows,
            weights,
            taps,
            order,
            sizes,
        } = ops.state;
        let [_, channels_in, channels_out] = sizes;
        let gradients = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [to_rows, to_weights, to_bias] = ops.parents;
        if let Some(node) = to_rows {
            let kernel = Kernel::transposed(slice(&weights), order, sizes);
            let back = cpu::product(
                slice(&gradients),
                &taps.reversed(),
                &kernel,
                Finish::default(),
            );
            grads.register::<Flex>(node.id, tensor(back, [taps.rows_in(), channels_in]));
        }
        if let Some(node) = to_weights {
            let sizes = [channels_in, channels_out];
            let found = cpu::outer(slice(&rows), slice(&gradients), &taps, sizes, order);
            let shape = weights.layout().shape().clone();
            let found = Values::from_data(TensorData::new(found, shape));
            grads.register::<Flex>(node.id, found);
        }
        if let Some(node) = to_bias {
            let sums = cpu::column_sums(slice(&gradients), channels_out);
            let sums = sums.into_iter().map(|sum| sum as f32).collect();
            grads.register::<Flex>(node.id, tensor(sums, [channels_out]));
        }
    }
}

/// A batch normalisation in training with its ReLU.
#[derive(Debug)]
pub struct BatchNormalised {
    /// The normalised rows, none below 0, `[rows, channels]`.
    pub rows: Tensor<2>,
    /// Mean of the batch, `[channels]`.
    pub mean: Tensor<1>,
    /// Biased variance of the batch, `[channels]`.
    pub variance: Tensor<1>,
}

/// Normalises rows `[rows, channels]` by their own mean and biased variance, and clears what is below 0.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn normalise(
    rows: Tensor<2>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Option<BatchNormalised> {
    let [count, channels] = rows.dims();
    let device = rows.device();
    let rows = recorded(rows)?;
    let (weight, bias) = (recorded(weight)?, recorded(bias)?);
    let nodes = [rows.node(), weight.node(), bias.node()];
    let rows = rows.into_primitive().to_contiguous();
    let vector = |values: Recorded| slice(&values.into_primitive().to_contiguous()).to_vec();
    let (mean, variance) = cpu::statistics(slice(&rows), channels);
    let by = Normalised {
        inverse_deviation: variance
            .iter()
            .map(|variance| 1.0 / (variance + epsilon as f32).sqrt())
            .collect(),
        mean: mean.clone(),
        weight: vector(weight),
        bias: vector(bias),
    };
    let out = tensor(cpu::normalise(slice(&rows), &by), [count, channels]);
    Some(BatchNormalised {
        rows: record(Normalise.prepare(nodes), (rows, Arc::new(by)), out),
        mean: Tensor::from_floats(mean.as_slice(), &device),
        variance: Tensor::from_floats(variance.as_slice(), &device),
    })
}

#[derive(Debug)]
struct Normalise;

impl Backward<Flex, 3> for Normalise {
    type State = (Values, Arc<Normalised>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (rows, by) = ops.state;
        let channels = by.mean.len();
        let gradients = grads.consume::<Flex>(&ops.node).to_contiguous();
        let (back, weight, bias) = cpu::normalise_back(slice(&rows), slice(&gradients), &by);
        let count = back.len() / channels;
        let [to_rows, to_weight, to_bias] = ops.parents;
        if let Some(node) = to_rows {
            grads.register::<Flex>(node.id, tensor(back, [count, channels]));
        }
        if let Some(node) = to_weight {
            grads.register::<Flex>(node.id, tensor(weight, [channels]));
        }
        if let Some(node) = to_bias {
            grads.register::<Flex>(node.id, tensor(bias, [channels]));
        }
    }
}

/// The largest of four rows each, at least 0, see [`cpu::pool`]. No row may be in two windows.
///
/// # Panics
/// When the table does not fit.
#[must_use]
pub fn pool_rows(rows: Tensor<2>, table: Arc<Vec<u32>>) -> Option<Tensor<2>> {
    let [_, channels] = rows.dims();
    let rows = recorded(rows)?;
    let node = rows.node();
    let rows = rows.into_primitive().to_contiguous();
    let out = cpu::pool(slice(&rows), channels, &table);
    let out = tensor(out, [table.len() / 4, channels]);
    Some(record(Pool.prepare([node]), (rows, table), out))
}

#[derive(Debug)]
struct Pool;

impl Backward<Flex, 1> for Pool {
    type State = (Values, Arc<Vec<u32>>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (rows, table) = ops.state;
        let gradients = grads.consume::<Flex>(&ops.node).to_contiguous();
        let shape = rows.layout().shape().clone();
        let channels = shape[1];
        let [parent] = ops.parents;
        if let Some(node) = parent {
            let back = cpu::pool_back(slice(&rows), channels, &table, slice(&gradients));
            grads.register::<Flex>(node.id, Values::from_data(TensorData::new(back, shape)));
        }
    }
}

/// Some of the rows, each at most once, in the order they are named.
///
/// # Panics
/// When a row is named that is not there.
#[must_use]
pub fn select_rows(rows: Tensor<2>, selected: Arc<Vec<u32>>) -> Option<Tensor<2>> {
    let [count, channels] = rows.dims();
    let rows = recorded(rows)?;
    let node = rows.node();
    let rows = rows.into_primitive().to_contiguous();
    let out = tensor(
        cpu::select(slice(&rows), channels, &selected),
        [selected.len(), channels],
    );
    Some(record(
        Select.prepare([node]),
        (selected, [count, channels]),
        out,
    ))
}

#[derive(Debug)]
struct Select;

impl Backward<Flex, 1> for Select {
    type State = (Arc<Vec<u32>>, [usize; 2]);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (selected, [count, channels]) = ops.state;
        let gradients = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [parent] = ops.parents;
        if let Some(node) = parent {
            let mut back = vec![0.0; count * channels];
            for (&row, gradient) in selected
                .iter()
                .zip(slice(&gradients).chunks_exact(channels))
            {
                back[row as usize * channels..][..channels].copy_from_slice(gradient);
            }
            grads.register::<Flex>(node.id, tensor(back, [count, channels]));
        }
    }
}

/// Scores `[rows]` of rows `[rows, channels]`, `counts` of them with each of the `queries` `[frames, width]`.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn scores(
    rows: Tensor<2>,
    attention: AdditiveParams,
    queries: Tensor<2>,
    counts: &[usize],
) -> Option<Tensor<1>> {
    let inputs = [
        recorded(rows)?,
        recorded(attention.points)?,
        recorded(attention.shift)?,
        recorded(attention.scores)?,
        recorded(attention.score_shift)?,
        recorded(queries)?,
    ];
    let nodes = inputs.each_ref().map(Recorded::node);
    let state = Scored {
        inputs: inputs.map(|input| input.into_primitive().to_contiguous()),
        counts: counts.into(),
    };
    let [rows, .., queries] = state.inputs.each_ref().map(slice);
    let points = state.points();
    let out = cpu::scores(rows, state.attention(&points), queries, counts);
    let count = out.len();
    let out = tensor(out, [count]);
    Some(record(Score.prepare(nodes), state, out))
}

#[derive(Debug)]
struct Score;

/// What the way back through scores needs.
#[derive(Debug, Clone)]
struct Scored {
    /// Rows, W, b, w, c, queries.
    inputs: [Values; 6],
    counts: Arc<[usize]>,
}

impl Scored {
    /// W as the product reads it.
    fn points(&self) -> Kernel {
        let [_, points, shift, ..] = self.inputs.each_ref().map(slice);
        let width = shift.len();
        Kernel::new(points, Order::InOut, [1, points.len() / width, width], None)
    }

    fn attention<'a>(&'a self, points: &'a Kernel) -> Additive<'a> {
        let [_, _, shift, scores, score_shift, _] = self.inputs.each_ref().map(slice);
        Additive {
            points,
            shift,
            scores,
            score_shift: score_shift.first().copied().unwrap_or_default(),
        }
    }
}

impl Backward<Flex, 6> for Score {
    type State = Scored;

    fn backward(self, ops: Ops<Scored, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let state = ops.state;
        let gradients = grads.consume::<Flex>(&ops.node).to_contiguous();
        let [rows, weights, .., queries] = state.inputs.each_ref().map(slice);
        let points = state.points();
        let attention = state.attention(&points);
        let (counts, gradients) = (&state.counts, slice(&gradients));
        let found = cpu::scores_back(rows, attention, weights, queries, counts, gradients);
        let found = [
            found.features,
            found.points,
            found.shift,
            found.scores,
            vec![found.score_shift],
            found.queries,
        ];
        for ((parent, found), input) in ops.parents.into_iter().zip(found).zip(&state.inputs) {
            if let Some(node) = parent {
                let shape = input.layout().shape().clone();
                grads.register::<Flex>(node.id, Values::from_data(TensorData::new(found, shape)));
            }
        }
    }
}

/// The neighbourhoods of maps `[frames, channels, height, width]` that nothing is learnt about, as rows
/// `[frames * height * width, size * size * channels]`; see [`cpu::unfold`].
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn unfold(maps: &Tensor<4>, size: usize) -> Option<Tensor<2>> {
    let [frames, channels, height, width] = maps.dims();
    let maps = recorded(maps.clone().permute([0, 2, 3, 1]))?;
    if maps.is_tracked() {
        return None;
    }
    let maps = maps.into_primitive().to_contiguous();
    let sizes = [frames, height, width, channels];
    let out = cpu::unfold(slice(&maps), sizes, size);
    let out = tensor(out, [frames * height * width, size * size * channels]);
    Some(Tensor::from_primitive::<Recording>(Recorded::new(out)))
}

/// The result of an operation, with what its way back needs where one of its inputs learns.
fn record<O, S, const N: usize, const D: usize>(
    operation: OpsPrep<O, Flex, S, NoCheckpointing, N>,
    state: S,
    out: Values,
) -> Tensor<D>
where
    O: Backward<Flex, N, State = S>,
    S: Clone + Send + Debug + 'static,
{
    let out = match operation.compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(state, out),
        OpsKind::UnTracked(operation) => operation.finish(out),
    };
    Tensor::from_primitive::<Recording>(out)
}

fn recorded<const D: usize>(tensor: Tensor<D>) -> Option<Recorded> {
    if tensor.dtype() != DType::F32 || !tensor.device().is_autodiff() {
        return None;
    }
    tensor.try_into_primitive::<Recording>().ok()
}

/// The values of a contiguous tensor.
fn slice(values: &Values) -> &[f32] {
    values.as_slice::<f32>().unwrap_or_default()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Values {
    Values::from_data(TensorData::new(values, shape))
}
