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

/// What a Transformer encoder (post-norm, ReLU) gives for the learnt vector in front of each utterance, `[utterances, width]`;
/// the utterances' rows, `lens` of them, lie one after the other in `rows` `[sum of lens, width]`.
///
/// `None` also where a sequence is too long for a cube, and where a width is no multiple of four or more than 64.
#[must_use]
pub fn encode(rows: &Tensor<2>, lens: &[usize], params: &EncoderParams) -> Option<Tensor<2>> {
    let [_, width] = rows.dims();
    let heads = params.heads;
    let longest = lens.iter().copied().max()?;
    let steps = longest + 1;
    let fits = width.is_multiple_of(LANES * heads)
        && width <= MOST_WIDTH * LANES
        && params.feedforward.is_multiple_of(LANES)
        && steps <= MOST_STEPS;
    let hidden = params.feedforward / LANES;
    let parts = hidden.div_ceil(PART);
    let utterances = lens.len();
    if !fits || params.layers.is_empty() || utterances * parts > MOST_CUBES {
        return None;
    }
    let device = rows.device();
    let rows = values(rows)?;
    let client = rows.client.clone();
    if client.properties().hardware.max_units_per_cube < ENCODERS {
        return None;
    }
    let packed = packed(params)?;
    let ragged = lens.iter().any(|&len| len != longest);
    let starts = if ragged {
        starts(lens, &device)?
    } else {
        // Not read.
        packed.clone()
    };
    let (head, width) = (width / heads, width / LANES);
    let state = || empty(&rows, [utterances, steps, width * LANES].into(), DType::F32);
    let cubes = |count: usize, units: u32| {
        (
            CubeCount::Static(count as u32, 1, 1),
            CubeDim::new_1d(units),
        )
    };
    let to_feed_forward = 16 * width * width + 6 * width;
    let layer = to_feed_forward + 8 * width * hidden + hidden + 3 * width;
    let mut at = width;
    let mut sources = rows.clone();
    // Not read in the first layer.
    let mut fed = rows.clone();
    for number in 0..params.layers.len() {
        let attended = state();
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
            longest as u32,
            steps as u32,
            parts as u32,
            at as u32,
            1.0 / (head as f32).sqrt(),
            params.epsilon as f32,
            ragged,
            number == 0,
            width as u32,
            heads as u32,
        );
        fed = empty(
            &rows,
            [utterances, parts, steps, width * LANES].into(),
            DType::F32,
        );
        // In bounds: a cube has a part of the hidden width, the last one what is left, and an utterance as above.
        launch!(
            feed_forward,
            &client;
            cubes(utterances * parts, FEEDERS);
            LANES,
            attended.clone().into_tensor_arg(),
            starts.clone().into_tensor_arg(),
            packed.clone().into_tensor_arg(),
            fed.clone().into_tensor_arg(),
            longest as u32,
            steps as u32,
            parts as u32,
            hidden as u32,
            (at + to_feed_forward) as u32,
            ragged,
            width as u32,
        );
        sources = attended;
        at += layer;
    }
    let out = empty(&rows, [utterances, width * LANES].into(), DType::F32);
    // In bounds: a cube has an utterance, and its units share the step in front.
    launch!(
        finish,
        &client;
        cubes(utterances, FEEDERS);
        LANES,
        sources.into_tensor_arg(),
        fed.into_tensor_arg(),
        packed.into_tensor_arg(),
        out.clone().into_tensor_arg(),
        steps as u32,
        parts as u32,
        at as u32,
        params.epsilon as f32,
        width as u32,
    );
    Some(Tensor::from_primitive::<Cube>(out))
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
