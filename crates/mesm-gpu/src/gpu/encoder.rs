//! A small Transformer over short sequences, in two launches a layer.

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use cubecl::prelude::{CubeCount, CubeDim};

use super::kept::{Made, kept};
use super::kernels::encoder::{
    MOST_STEPS, MOST_WIDTH, PART, encode as encode_kernel, feed_forward, finish,
};
use super::{LANES, empty, launch, primitive, values, whole};
use mesm_kernels::EncoderParams;

/// Units of a cube that takes a layer up to its first norm: as many as every device has.
const ENCODERS: u32 = 256;

/// Units of a cube that works on a part of a feed-forward layer.
const FEEDERS: u32 = 64;

/// Cubes that every device takes in a row.
const MOST_CUBES: usize = 65_535;

/// Sizes of a call, widths in vectors.
struct Sizes {
    utterances: usize,
    /// Rows of the longest utterance; one more are its steps.
    longest: usize,
    /// Whether others have fewer.
    ragged: bool,
    width: usize,
    heads: usize,
    hidden: usize,
    /// Parts of the hidden width.
    parts: usize,
    epsilon: f32,
}

impl Sizes {
    /// Where a call does not fit the kernels: none.
    fn new(lens: &[usize], width: usize, params: &EncoderParams) -> Option<Self> {
        let longest = lens.iter().copied().max()?;
        let hidden = params.feedforward / LANES;
        let sizes = Self {
            utterances: lens.len(),
            longest,
            ragged: lens.iter().any(|&len| len != longest),
            width: width / LANES,
            heads: params.heads,
            hidden,
            parts: hidden.div_ceil(PART),
            epsilon: params.epsilon as f32,
        };
        let fits = width.is_multiple_of(LANES * params.heads)
            && sizes.width <= MOST_WIDTH
            && params.feedforward.is_multiple_of(LANES)
            && longest < MOST_STEPS
            && sizes.utterances * sizes.parts <= MOST_CUBES
            && !params.layers.is_empty();
        fits.then_some(sizes)
    }

    fn steps(&self) -> usize {
        self.longest + 1
    }

    /// From where a layer's parameters begin to those of its feed-forward layer.
    fn to_feed_forward(&self) -> usize {
        16 * self.width * self.width + 6 * self.width
    }

    /// Vectors of a layer's parameters.
    fn layer(&self) -> usize {
        self.to_feed_forward() + 8 * self.width * self.hidden + self.hidden + 3 * self.width
    }
}

/// So many cubes of so many units.
fn cubes(count: usize, units: u32) -> (CubeCount, CubeDim) {
    let count = CubeCount::Static(count as u32, 1, 1);
    (count, CubeDim::new_1d(units))
}

/// What a Transformer encoder (post-norm, ReLU) gives for the learnt vector in front of each utterance, `[utterances, width]`;
/// the utterances' rows, `lens` of them, lie one after the other in `rows` `[sum of lens, width]`.
///
/// `None` also where a sequence is too long for a cube, and where a width is no multiple of four or more than 64.
#[must_use]
pub fn encode(rows: &Tensor<2>, lens: &[usize], params: &EncoderParams) -> Option<Tensor<2>> {
    let [_, width] = rows.dims();
    let sizes = Sizes::new(lens, width, params)?;
    let device = rows.device();
    let rows = values(rows)?;
    let client = rows.client.clone();
    if client.properties().hardware.max_units_per_cube < ENCODERS {
        return None;
    }
    let packed = packed(params)?;
    let starts = if sizes.ragged {
        starts(lens, &device)?
    } else {
        // Not read.
        packed.clone()
    };
    let mut at = sizes.width;
    // The first layer reads nothing that was fed forward.
    let (mut sources, mut fed) = (rows.clone(), rows.clone());
    for number in 0..params.layers.len() {
        let states = [sources, fed];
        [sources, fed] = layer(&sizes, states, &starts, &packed, at, number == 0);
        at += sizes.layer();
    }
    let out = empty(&rows, [sizes.utterances, width].into(), DType::F32);
    // In bounds: a cube has an utterance, and its units share the step in front.
    launch!(
        finish,
        &client;
        cubes(sizes.utterances, FEEDERS);
        LANES,
        sources.into_tensor_arg(),
        fed.into_tensor_arg(),
        packed.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        sizes.steps() as u32,
        sizes.parts as u32,
        at as u32,
        sizes.epsilon,
        sizes.width as u32,
    );
    Some(Tensor::from_primitive::<Cube>(out))
}

/// A layer whose parameters begin at `at`: what its attention gives, and the parts of what its feed-forward layer adds, from
/// the same two of the layer before.
fn layer(
    sizes: &Sizes,
    [sources, fed]: [FloatTensor<Cube>; 2],
    starts: &FloatTensor<Cube>,
    packed: &FloatTensor<Cube>,
    at: usize,
    first: bool,
) -> [FloatTensor<Cube>; 2] {
    let client = sources.client.clone();
    let (utterances, steps, width) = (sizes.utterances, sizes.steps(), LANES * sizes.width);
    let attended = empty(&sources, [utterances, steps, width].into(), DType::F32);
    let shape = [utterances, sizes.parts, steps, width];
    let feeding = empty(&sources, shape.into(), DType::F32);
    // In bounds: a cube has an utterance, whose steps fit its memory, and its units share them.
    launch!(
        encode_kernel,
        &client;
        cubes(utterances, ENCODERS);
        LANES,
        sources.into_tensor_arg(),
        fed.into_tensor_arg(),
        starts.clone().into_tensor_arg(),
        packed.clone().into_tensor_arg(),
        attended.clone().into_tensor_arg(),
        sizes.longest as u32,
        steps as u32,
        sizes.parts as u32,
        at as u32,
        1.0 / ((width / sizes.heads) as f32).sqrt(),
        sizes.epsilon,
        sizes.ragged,
        first,
        sizes.width as u32,
        sizes.heads as u32,
    );
    // In bounds: a cube has a part of the hidden width, the last one what is left, and an utterance as above.
    launch!(
        feed_forward,
        &client;
        cubes(utterances * sizes.parts, FEEDERS);
        LANES,
        attended.clone().into_tensor_arg(),
        starts.clone().into_tensor_arg(),
        packed.clone().into_tensor_arg(),
        feeding.clone().into_tensor_arg(),
        sizes.longest as u32,
        steps as u32,
        sizes.parts as u32,
        sizes.hidden as u32,
        (at + sizes.to_feed_forward()) as u32,
        sizes.ragged,
        sizes.width as u32,
    );
    [attended, feeding]
}

/// Where the rows of each utterance begin, and where the last ones end.
fn starts(lens: &[usize], device: &Device) -> Option<FloatTensor<Cube>> {
    let mut end = 0;
    let ends = lens.iter().map(|&len| {
        end += len as i32;
        end
    });
    let starts: Vec<i32> = std::iter::once(0).chain(ends).collect();
    let data = TensorData::from(starts.as_slice());
    whole(&Tensor::<1, Int>::from_data(data, (device, DType::I32)))
}

/// All parameters one after the other, in the order that the kernels read them in.
fn packed(params: &EncoderParams) -> Option<FloatTensor<Cube>> {
    let mut sources = vec![primitive(&params.front)?];
    for layer in &params.layers {
        for (linears, norm) in [
            ([&layer.in_proj, &layer.out_proj].as_slice(), &layer.norm1),
            (&[&layer.linear1, &layer.linear2], &layer.norm2),
        ] {
            for linear in linears {
                sources.push(primitive(&linear.weight)?);
                sources.push(primitive(&linear.bias)?);
            }
            sources.push(primitive(&norm.weight)?);
            sources.push(primitive(&norm.bias)?);
        }
    }
    let flat = |tensor: &FloatTensor<Cube>| {
        let count = tensor.meta.num_elements();
        match tensor.meta.shape().num_dims() {
            1 => Tensor::<1>::from_primitive::<Cube>(tensor.clone()),
            _ => Tensor::<2>::from_primitive::<Cube>(tensor.clone()).reshape([count]),
        }
    };
    kept(Made::Encoder, sources.clone(), || {
        values(&Tensor::cat(sources.iter().map(flat).collect(), 0))
    })
}
