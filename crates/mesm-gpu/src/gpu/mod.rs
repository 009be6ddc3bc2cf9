//! Kernels for graphics devices, through `CubeCL`: the browser's, Vulkan's and CUDA's.
//!
//! Burn tunes its own kernels where it may compile and try many, and may round to fewer bits; a browser's visitor would wait
//! for that, and the numbers would be others. These do the arithmetic of the models as it comes, in `f32`: a unit holds four
//! rows of four columns in registers, reads four channels at once, and skips a tap that none of its rows has. What depends on
//! weights alone is computed once and kept.

mod choose;
mod constructors;
mod conv;
mod encoder;
mod head;
mod kept;
mod kernels;
mod pool;
mod sequence;

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Int, Tensor};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use cubecl::calculate_cube_count_elemwise;
use cubecl::client::Client;
use cubecl::prelude::{CubeCount, CubeDim};

pub use choose::{choose, scores};
pub use constructors::construct;
pub use conv::{conv_maps, first_conv, fold};
pub use encoder::encode;
pub use head::judge;
use kept::{Made, kept};
use kernels::parts::SHARERS;
pub use pool::{halve_chosen, halve_maps};
pub use sequence::{add_normalise, attend, attend_packed, linear, linear_of_maps, side_by_side};

/// Values that are read at once.
const LANES: usize = 4;

/// Whether the kernels of this module take tensors like this one.
#[must_use]
pub fn takes<const D: usize>(tensor: &Tensor<D>) -> bool {
    // Without bringing the values into order: asking dispatches nothing.
    primitive(tensor).is_some()
}

/// Launches a kernel with that many units, or that many cubes of so many. Bounds are not checked: where it is launched stands
/// why it keeps them.
macro_rules! launch {
    ($kernel:ident, $client:expr, $units:expr, $($argument:expr),+ $(,)?) => {
        $crate::gpu::launch!($kernel, $client; $crate::gpu::shape($client, $units); $($argument),+)
    };
    ($kernel:ident, $client:expr; $shape:expr; $($argument:expr),+ $(,)?) => {{
        let (cubes, units_of_a_cube) = $shape;
        #[allow(unsafe_code, reason = "launching without bounds checks is unsafe")]
        unsafe {
            $kernel::launch_unchecked($client, cubes, units_of_a_cube, $($argument),+);
        }
    }};
}
use launch;

/// How many cubes of how many units hold that many.
fn shape(client: &Client, units: usize) -> (CubeCount, CubeDim) {
    cubes(client, units, CubeDim::new(client, units))
}

/// How many of these cubes hold that many units.
fn cubes(client: &Client, units: usize, cube: CubeDim) -> (CubeCount, CubeDim) {
    (calculate_cube_count_elemwise(client, units, cube), cube)
}

/// Whether this is a card, as far as the width of its groups of units tells, and not a processor that stands in for one: that
/// has no memory to wait for, and units that wait for each other cost it time.
fn is_card(client: &Client) -> bool {
    let hardware = &client.properties().hardware;
    hardware.plane_size_min >= 8 && hardware.plane_size_max >= 16
}

/// From here on a card always has units to turn to while others wait for memory.
const ENOUGH_UNITS: usize = 131_072;

/// How many units share the sums of each of so many, of so many steps each.
fn parts(client: &Client, units: usize, steps: usize) -> u32 {
    // Few different numbers: each is a kernel that has to be compiled.
    let shared = |parts: usize| units * parts / 2 < ENOUGH_UNITS && steps >= 2 * parts;
    if !is_card(client) {
        1
    } else if shared(16) {
        16
    } else if shared(4) {
        4
    } else {
        1
    }
}

/// [`shape`] where that many share sums.
fn shape_in(client: &Client, units: usize, parts: u32) -> (CubeCount, CubeDim) {
    if parts == 1 {
        return shape(client, units);
    }
    let cube = CubeDim::new_2d(SHARERS / parts, parts);
    cubes(client, units * parts as usize, cube)
}

/// Memory for a result beside `like`.
fn empty(like: &FloatTensor<Cube>, shape: burn::tensor::Shape, dtype: DType) -> FloatTensor<Cube> {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), shape, dtype)
}

/// The values in memory, in the order of the dimensions.
fn values<const D: usize>(tensor: &Tensor<D>) -> Option<FloatTensor<Cube>> {
    primitive(tensor).map(into_contiguous)
}

/// The same of weights, which are brought into order once.
fn constant<const D: usize>(tensor: &Tensor<D>) -> Option<FloatTensor<Cube>> {
    let tensor = primitive(tensor)?;
    if tensor.is_contiguous() {
        return Some(tensor);
    }
    kept(Made::Ordered, vec![tensor.clone()], || {
        Some(into_contiguous(tensor))
    })
}

/// The same of whole numbers.
fn whole<const D: usize>(tensor: &Tensor<D, Int>) -> Option<FloatTensor<Cube>> {
    let tensor = tensor.clone().try_into_primitive::<Cube>().ok()?;
    Some(into_contiguous(tensor))
}

/// The same, however they lie.
fn primitive<const D: usize>(tensor: &Tensor<D>) -> Option<FloatTensor<Cube>> {
    if tensor.dtype() != DType::F32 || tensor.device().is_autodiff() {
        return None;
    }
    tensor.clone().try_into_primitive::<Cube>().ok()
}
