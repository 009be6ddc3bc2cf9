//! The one product behind every convolution: rows of features, picked by a list of pairs, times panels of weights.

use std::array;

use pulp::{Arch, Simd, WithSimd};

use super::{Kernel, Taps};
use crate::parallel::{for_each_chunk, threads};

/// Bytes of features that one task works on: they stay in the second-level cache while panel after panel is multiplied.
const TASK_BYTES: usize = 192 * 1024;

/// What happens to a finished row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish<'a> {
    /// Added to each row, one value a column.
    pub shift: Option<&'a [f32]>,
    /// Negative values become 0.
    pub relu: bool,
}

/// Multiplies rows of `features` `[rows in, channels in]` with `kernel` as `taps` say, `[rows out, channels out]`.
///
/// # Panics
/// When the sizes do not fit each other.
#[must_use]
pub fn product(features: &[f32], taps: &Taps, kernel: &Kernel, finish: Finish<'_>) -> Vec<f32> {
    assert_eq!(features.len(), taps.rows_in() * kernel.depth, "features");
    assert_eq!(taps.count(), kernel.taps, "taps");
    assert!(
        finish
            .shift
            .is_none_or(|shift| shift.len() == kernel.columns),
        "shift"
    );
    let (count, columns) = (taps.rows_out(), kernel.columns);
    let mut out = vec![0.0; count * columns];
    if out.is_empty() {
        return out;
    }
    let rows = rows_of_a_task(count, kernel.depth);
    let threads = threads();
    if count.div_ceil(rows) < threads && columns > kernel.width {
        by_panels(features, taps, kernel, finish, &mut out);
        return out;
    }
    for_each_chunk(&mut out, rows * columns, |task, out| {
        Arch::new().dispatch(Task {
            features,
            taps,
            kernel,
            panels: &kernel.panels,
            columns,
            finish,
            first: task * rows,
            out,
        });
    });
    out
}

/// The product where there are too few rows for all threads: each works on panels of its own.
fn by_panels(features: &[f32], taps: &Taps, kernel: &Kernel, finish: Finish<'_>, out: &mut [f32]) {
    let Kernel { columns, width, .. } = *kernel;
    let inner = kernel.taps * kernel.depth * width;
    let columns_of = |panel: usize| width.min(columns - panel * width);
    let size = taps.rows_out() * width;
    let mut parts = vec![0.0; columns.div_ceil(width) * size];
    for_each_chunk(&mut parts, size, |panel, out| {
        let columns = columns_of(panel);
        let shift = finish.shift.map(|shift| &shift[panel * width..][..columns]);
        Arch::new().dispatch(Task {
            features,
            taps,
            kernel,
            panels: &kernel.panels[panel * inner..][..inner],
            columns,
            finish: Finish { shift, ..finish },
            first: 0,
            out: &mut out[..taps.rows_out() * columns],
        });
    });
    for (panel, part) in parts.chunks_exact(size).enumerate() {
        let rows = part.chunks_exact(columns_of(panel));
        for (row, out) in rows.zip(out.chunks_exact_mut(columns)) {
            out[panel * width..][..row.len()].copy_from_slice(row);
        }
    }
}

/// As many rows as fit the cache, but few enough that every thread has some.
fn rows_of_a_task(rows: usize, depth: usize) -> usize {
    let fit = TASK_BYTES / (4 * depth);
    let share = rows.div_ceil(threads() * 2);
    fit.min(share).max(24)
}

/// Some rows of the result, and some of its columns.
struct Task<'a> {
    features: &'a [f32],
    taps: &'a Taps,
    /// What the panels are of.
    kernel: &'a Kernel,
    panels: &'a [f32],
    /// Columns of these panels.
    columns: usize,
    finish: Finish<'a>,
    first: usize,
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Kernel { depth, width, .. } = *self.kernel;
        let columns = self.columns;
        let rows = self.out.len() / columns;
        if let Some(shift) = self.finish.shift {
            for row in self.out.chunks_exact_mut(columns) {
                row.copy_from_slice(shift);
            }
        }
        let inner = self.kernel.taps * depth * width;
        for (panel, weights) in self.panels.chunks_exact(inner).enumerate() {
            let column = panel * width;
            let place = Place {
                depth,
                columns,
                column,
                first: self.first,
            };
            for (pairs, weights) in self.taps.iter().zip(weights.chunks_exact(depth * width)) {
                let (to, from) = pairs.within(self.first..self.first + rows);
                let weights = S::as_simd_f32s(weights).0;
                let left = (columns - column).div_ceil(S::F32_LANES);
                macro_rules! tiles_of {
                    ($panel:literal, $vectors:literal) => {
                        tiles::<S, $panel, $vectors>(
                            simd,
                            self.features,
                            weights,
                            to,
                            from,
                            self.out,
                            place,
                        )
                    };
                }
                match (width / S::F32_LANES, left) {
                    (4, 1) => tiles_of!(4, 1),
                    (4, 2) => tiles_of!(4, 2),
                    (4, 3) => tiles_of!(4, 3),
                    (4, _) => tiles_of!(4, 4),
                    (_, 1) => tiles_of!(2, 1),
                    (_, _) => tiles_of!(2, 2),
                }
            }
        }
        if self.finish.relu {
            for value in self.out.iter_mut() {
                *value = value.max(0.0);
            }
        }
    }
}

/// Where a tile reads and writes.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    columns: usize,
    column: usize,
    first: usize,
}

/// All pairs of a tap, as many at once as there are registers for.
#[inline(always)]
fn tiles<S: Simd, const PANEL: usize, const VECTORS: usize>(
    simd: S,
    features: &[f32],
    weights: &[S::f32s],
    to: &[u32],
    from: &[u32],
    out: &mut [f32],
    place: Place,
) {
    let mut done = 0;
    macro_rules! tiles_of {
        ($rows:literal) => {
            while to.len() - done >= $rows {
                let (to, from) = (&to[done..done + $rows], &from[done..done + $rows]);
                tile::<S, $rows, PANEL, VECTORS>(simd, features, weights, to, from, out, place);
                done += $rows;
            }
        };
    }
    tiles_of!(6);
    tiles_of!(3);
    tiles_of!(1);
}

// In a browser a function of its own: its registers then do not depend on what else the browser's compiler has put into the
// same function, which it decides by what was called before.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn tile<S: Simd, const ROWS: usize, const PANEL: usize, const VECTORS: usize>(
    simd: S,
    features: &[f32],
    weights: &[S::f32s],
    to: &[u32],
    from: &[u32],
    out: &mut [f32],
    place: Place,
) {
    let depth = place.depth;
    let rows: [&[f32]; ROWS] =
        array::from_fn(|i| &features[from[i] as usize * depth..from[i] as usize * depth + depth]);
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (k, weights) in weights.chunks_exact(PANEL).enumerate().take(depth) {
        for (sums, row) in sums.iter_mut().zip(rows) {
            let value = simd.splat_f32s(row[k]);
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum = simd.mul_add_e_f32s(value, *weight, *sum);
            }
        }
    }
    let lanes = S::F32_LANES;
    let count = (place.columns - place.column).min(VECTORS * lanes);
    // A copy, because what follows is not unrolled, and whatever is indexed by a number lives in memory: the sums should
    // not, as long as they are summed.
    let sums = std::hint::black_box(sums);
    for (sums, &to) in sums.iter().zip(to) {
        let start = (to as usize - place.first) * place.columns + place.column;
        let out = &mut out[start..start + count];
        let (whole, rest) = S::as_mut_simd_f32s(out);
        for (out, sum) in whole.iter_mut().zip(sums) {
            *out = simd.add_f32s(*out, *sum);
        }
        if !rest.is_empty() {
            let sum = simd.add_f32s(simd.partial_load_f32s(rest), sums[VECTORS - 1]);
            simd.partial_store_f32s(rest, sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::Order;

    fn value(seed: usize, i: usize) -> f32 {
        ((i * 193 + seed * 71) % 127) as f32 / 64.0 - 1.0
    }

    fn values(seed: usize, count: usize) -> Vec<f32> {
        (0..count).map(|i| value(seed, i)).collect()
    }

    /// A table of a few of all rows, many of them absent.
    fn table(rows_out: usize, taps: usize, rows_in: usize) -> Vec<u32> {
        (0..rows_out * taps)
            .map(|i| ((i * 7919 + i / 13) % (2 * rows_in)).min(rows_in) as u32)
            .collect()
    }

    /// Every size that a vector, a panel or a tile may end in.
    #[test]
    fn every_remainder_is_the_sum_of_its_pairs() {
        for (rows_in, rows_out, taps, depth, columns) in [
            (1, 1, 1, 1, 1),
            (5, 7, 9, 3, 5),
            (40, 61, 9, 24, 24),
            (33, 200, 4, 17, 48),
            (50, 50, 9, 8, 64),
            (20, 31, 2, 70, 65),
            (9, 12, 9, 2, 130),
        ] {
            let features = values(1, rows_in * depth);
            let weights = values(2, taps * depth * columns);
            let (scale, shift) = (values(3, columns), values(4, columns));
            let table = table(rows_out, taps, rows_in);
            let sizes = [taps, depth, columns];
            let pairs = Taps::from_table(&table, taps, rows_in);
            for (order, relu) in [(Order::InOut, false), (Order::OutIn, true)] {
                let kernel = Kernel::new(&weights, order, sizes, Some(&scale));
                let finish = Finish {
                    shift: Some(&shift),
                    relu,
                };
                let found = product(&features, &pairs, &kernel, finish);
                for (i, found) in found.iter().enumerate() {
                    let (row, column) = (i / columns, i % columns);
                    let mut sum = f64::from(shift[column]);
                    for tap in 0..taps {
                        let source = table[row * taps + tap] as usize;
                        for k in (0..depth).filter(|_| source < rows_in) {
                            let weight = match order {
                                Order::InOut => weights[(tap * depth + k) * columns + column],
                                Order::OutIn => weights[(column * depth + k) * taps + tap],
                            };
                            sum += f64::from(features[source * depth + k])
                                * f64::from(weight)
                                * f64::from(scale[column]);
                        }
                    }
                    let expected = if relu { sum.max(0.0) } else { sum };
                    assert!(
                        (f64::from(*found) - expected).abs() < 1e-4,
                        "{sizes:?} {order:?}, row {row}, column {column}: {found}, not {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_selected_gives_nothing() {
        let kernel = Kernel::new(&[1.0; 9], Order::InOut, [9, 1, 1], None);
        let taps = Taps::from_table(&[], 9, 4);
        assert!(product(&[1.0; 4], &taps, &kernel, Finish::default()).is_empty());
    }
}
