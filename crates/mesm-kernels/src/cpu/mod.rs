//! The processor: plain Rust on slices, vector instructions through `pulp`.

// What is not inlined into the function that has the vector instructions does not have them.
#![allow(clippy::inline_always)]

mod attention;
mod kernel;
mod normalise;
mod outer;
mod pool;
mod product;
mod taps;
mod unfold;

pub use attention::{Additive, ScoreGradients, scores, scores_back};
pub use kernel::{Kernel, Order};
pub use normalise::{Normalised, column_sums, normalise, normalise_back, statistics};
pub use outer::outer;
pub use pool::{pool, pool_back, select, windows};
pub use product::{Finish, product};
pub use taps::Taps;
pub use unfold::unfold;

use pulp::{Arch, Simd, WithSimd};

use crate::parallel::for_each_chunk;

/// Columns of a panel of weights: four vectors where there are registers for six rows of them, or else two.
fn panel_width() -> usize {
    struct Width;
    impl WithSimd for Width {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            let vectors = if S::REGISTER_COUNT >= 32 { 4 } else { 2 };
            vectors * S::F32_LANES
        }
    }
    Arch::new().dispatch(Width)
}

/// The results of `work` for each frame, all of the same `size`, one after the other; on all threads.
///
/// # Panics
/// When a result has another size.
pub(crate) fn frame_by_frame(
    frames: usize,
    size: usize,
    work: impl Fn(usize) -> Vec<f32> + Send + Sync,
) -> Vec<f32> {
    let mut out = vec![0.0; frames * size];
    if size > 0 {
        for_each_chunk(&mut out, size, |frame, out| {
            out.copy_from_slice(&work(frame));
        });
    }
    out
}
