//! Which sites are active, on the host, and who neighbours whom.

use burn::tensor::{Device, Int, Tensor, TensorData};

use mesm_kernels::parallel::for_each_chunk;

use crate::attention::unevenness;

/// Sites that one task goes through.
pub(super) const SITES_AT_ONCE: usize = 4096;

/// The active sites of a stack of frames, in (frame, y, x) order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sites {
    frames: usize,
    height: usize,
    width: usize,
    /// Flat positions `(frame * height + y) * width + x`, rising.
    flat: Vec<u32>,
}

impl Sites {
    /// Sites from one flag a point, row-major over (frame, y, x).
    ///
    /// # Panics
    /// When the number of flags is not `frames * height * width`.
    #[must_use]
    pub fn from_flags(frames: usize, height: usize, width: usize, active: &[bool]) -> Self {
        assert_eq!(active.len(), frames * height * width, "one flag a point");
        #[allow(clippy::cast_possible_truncation)] // maps are far smaller than 2^32 points
        let flat = active
            .iter()
            .enumerate()
            .filter(|(_, active)| **active)
            .map(|(i, _)| i as u32)
            .collect();
        Self {
            frames,
            height,
            width,
            flat,
        }
    }

    /// Every point of every frame.
    #[must_use]
    pub fn all(frames: usize, height: usize, width: usize) -> Self {
        Self::from_flags(frames, height, width, &vec![true; frames * height * width])
    }

    /// Number of active sites.
    #[must_use]
    pub fn len(&self) -> usize {
        self.flat.len()
    }

    /// Whether no site is active.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.flat.is_empty()
    }

    /// `(frames, height, width)`.
    #[must_use]
    pub fn size(&self) -> (usize, usize, usize) {
        (self.frames, self.height, self.width)
    }

    /// Number of points of one frame, active or not.
    #[must_use]
    pub fn points(&self) -> usize {
        self.height * self.width
    }

    /// Flat positions of the active sites, rising.
    #[must_use]
    pub fn flat(&self) -> &[u32] {
        &self.flat
    }

    /// Line and column of each active site.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        self.flat.iter().map(|&site| {
            let (_, y, x) = self.place(site);
            (y, x)
        })
    }

    /// Number of active sites of each frame.
    #[must_use]
    pub fn per_frame(&self) -> Vec<usize> {
        let mut counts = vec![0; self.frames];
        for &site in &self.flat {
            counts[site as usize / self.points()] += 1;
        }
        counts
    }

    /// The sites whose flag in `kept` (one a site, in order) is set.
    #[must_use]
    pub fn keep(&self, kept: &[bool]) -> Self {
        Self {
            flat: self
                .flat
                .iter()
                .zip(kept)
                .filter(|(_, kept)| **kept)
                .map(|(site, _)| *site)
                .collect(),
            ..*self
        }
    }

    /// One flag a point, row-major.
    #[must_use]
    pub fn flags(&self) -> Vec<bool> {
        let mut flags = vec![false; self.frames * self.points()];
        for &site in &self.flat {
            flags[site as usize] = true;
        }
        flags
    }

    /// Flat positions as an index tensor `[sites]`.
    #[must_use]
    pub fn index(&self, device: &Device) -> Tensor<1, Int> {
        index_tensor(self.flat.iter().map(|&site| i64::from(site)), device)
    }

    /// For each site its nine neighbours in kernel order, as rows: the row of an active neighbour
    /// is its rank, that of any other is `len()`. `[sites * 9]`.
    #[must_use]
    pub fn neighbours(&self) -> Vec<u32> {
        let rank = self.ranks();
        let mut rows = vec![self.absent(); self.len() * 9];
        for_each_chunk(&mut rows, SITES_AT_ONCE * 9, |task, rows| {
            let sites = &self.flat[task * SITES_AT_ONCE..];
            for (rows, &site) in rows.chunks_exact_mut(9).zip(sites) {
                let (frame, y, x) = self.place(site);
                for (tap, row) in rows.iter_mut().enumerate() {
                    let (ny, nx) = (y + tap / 3, x + tap % 3);
                    if (1..=self.height).contains(&ny) && (1..=self.width).contains(&nx) {
                        *row = rank[(frame * self.height + ny - 1) * self.width + nx - 1];
                    }
                }
            }
        });
        rows
    }

    /// Number of (site, active neighbour) pairs, the site itself included: what a convolution
    /// that skips inactive neighbours multiplies.
    #[must_use]
    pub fn pairs(&self) -> usize {
        let absent = self.absent();
        self.neighbours()
            .into_iter()
            .filter(|&row| row != absent)
            .count()
    }

    /// The sites after a 2x2 max-pool, and for each the rows of the four sites it pools
    /// (`len()` where one is inactive). `[pooled * 4]`.
    #[must_use]
    pub fn pooled(&self) -> (Self, Vec<u32>) {
        let (height, width) = (self.height / 2, self.width / 2);
        let mut active = vec![false; self.frames * height * width];
        for &site in &self.flat {
            let (frame, y, x) = self.place(site);
            if y / 2 < height && x / 2 < width {
                active[(frame * height + y / 2) * width + x / 2] = true;
            }
        }
        let pooled = Self::from_flags(self.frames, height, width, &active);
        let rank = self.ranks();
        let rows = pooled
            .flat
            .iter()
            .flat_map(|&site| {
                let (frame, y, x) = pooled.place(site);
                [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| {
                    rank[(frame * self.height + 2 * y + dy) * self.width + 2 * x + dx]
                })
            })
            .collect();
        (pooled, rows)
    }

    /// The authors' published order: the k-th feature row, in (frame, y, x) order, is put at the
    /// k-th location in (y, x, frame) order. Returns, for each site in (frame, y, x) order, the
    /// row whose feature lands there.
    #[must_use]
    pub fn as_published(&self) -> Vec<u32> {
        let mut by_location: Vec<(usize, usize)> = self
            .flat
            .iter()
            .enumerate()
            .map(|(row, &site)| {
                let (frame, y, x) = self.place(site);
                ((y * self.width + x) * self.frames + frame, row)
            })
            .collect();
        by_location.sort_unstable();
        let mut source = vec![0; self.len()];
        #[allow(clippy::cast_possible_truncation)]
        for (k, (_, row)) in by_location.into_iter().enumerate() {
            source[row] = k as u32;
        }
        source
    }

    /// [`unevenness`] of weights of the active sites, `[sites]`.
    pub(crate) fn unevenness(&self, weights: Tensor<1>) -> Tensor<1> {
        let device = weights.device();
        let size = [self.frames, self.height, self.width];
        let rows = index_tensor(self.ranks().into_iter().map(i64::from), &device);
        let map = |values: Tensor<1>| {
            let values = Tensor::cat(vec![values, Tensor::zeros([1], &device)], 0);
            values.select(0, rows.clone()).reshape(size)
        };
        unevenness(map(weights), map(Tensor::ones([self.len()], &device)))
    }

    /// The row number that stands for "not active".
    #[allow(clippy::cast_possible_truncation)]
    fn absent(&self) -> u32 {
        self.len() as u32
    }

    fn ranks(&self) -> Vec<u32> {
        let mut rank = vec![self.absent(); self.frames * self.points()];
        #[allow(clippy::cast_possible_truncation)]
        for (row, &site) in self.flat.iter().enumerate() {
            rank[site as usize] = row as u32;
        }
        rank
    }

    fn place(&self, site: u32) -> (usize, usize, usize) {
        let site = site as usize;
        let within = site % self.points();
        (
            site / self.points(),
            within / self.width,
            within % self.width,
        )
    }
}

/// An index tensor from host numbers.
pub(crate) fn index_tensor(
    values: impl IntoIterator<Item = i64>,
    device: &Device,
) -> Tensor<1, Int> {
    #[allow(clippy::cast_possible_truncation)] // every index here is below 2^31
    let values: Vec<i32> = values.into_iter().map(|v| v as i32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner() -> Sites {
        // One 2x4 frame:  # # . .
        //                 # . . #
        let flags = [true, true, false, false, true, false, false, true];
        Sites::from_flags(1, 2, 4, &flags)
    }

    #[test]
    fn neighbours_follow_the_kernel() {
        let n = corner().neighbours();
        // Site 0 at (0, 0): itself in the middle, (0, 1) to the right, (1, 0) below.
        assert_eq!(n[..9], [4, 4, 4, 4, 0, 1, 4, 2, 4]);
        assert_eq!(corner().pairs(), 3 + 3 + 3 + 1);
    }

    #[test]
    fn pooling_joins_windows() {
        let (pooled, rows) = corner().pooled();
        assert_eq!(pooled.flat(), [0, 1]);
        assert_eq!(rows, [0, 1, 2, 4, 4, 4, 4, 3]);
    }

    #[test]
    fn one_frame_is_published_in_place() {
        assert_eq!(corner().as_published(), [0, 1, 2, 3]);
        let two = Sites::all(2, 1, 2);
        // Locations by (y, x, frame): (0,0,f0), (0,0,f1), (0,1,f0), (0,1,f1).
        assert_eq!(two.as_published(), [0, 2, 1, 3]);
    }
}
