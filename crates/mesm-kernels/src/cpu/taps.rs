//! Which rows of features a convolution reads for which rows of its result.

/// For each tap of a kernel the pairs of a row of the result and the row of features it reads there.
///
/// A convolution costs as many multiply-accumulates as there are pairs, times both widths: absent neighbours cost nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taps {
    rows_in: usize,
    rows_out: usize,
    pairs: Vec<Pairs>,
}

/// The pairs of one tap, by rising row of the result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs {
    pub(crate) to: Vec<u32>,
    pub(crate) from: Vec<u32>,
}

impl Pairs {
    /// Those whose row of the result is in `rows`.
    pub(crate) fn within(&self, rows: std::ops::Range<usize>) -> (&[u32], &[u32]) {
        let start = self.to.partition_point(|&row| (row as usize) < rows.start);
        let end = self.to.partition_point(|&row| (row as usize) < rows.end);
        (&self.to[start..end], &self.from[start..end])
    }
}

impl Taps {
    /// Every row of a matrix, read by itself: a plain matrix product.
    #[must_use]
    pub fn identity(rows: usize) -> Self {
        Self::parts(rows, 1)
    }

    /// The same for rows that are cut into `parts` rows of features each, one after the other, a tap for each part.
    #[must_use]
    pub fn parts(rows: usize, parts: usize) -> Self {
        let pairs = (0..parts).map(|part| Pairs {
            to: (0..rows as u32).collect(),
            from: (0..rows).map(|row| (row * parts + part) as u32).collect(),
        });
        Self {
            rows_in: rows * parts,
            rows_out: rows,
            pairs: pairs.collect(),
        }
    }

    /// 3x3 neighbourhoods of every point of `frames` maps, rows in (frame, y, x) order, zeros around.
    #[must_use]
    pub fn grid(frames: usize, height: usize, width: usize) -> Self {
        let rows = frames * height * width;
        let mut taps = Vec::with_capacity(9);
        for dy in 0..3 {
            for dx in 0..3 {
                let mut pairs = Pairs::default();
                let (ys, xs) = (inside(dy, height), inside(dx, width));
                pairs.to.reserve(frames * ys.len() * xs.len());
                pairs.from.reserve(frames * ys.len() * xs.len());
                for frame in 0..frames {
                    for y in ys.clone() {
                        let line = (frame * height + y) * width;
                        let source = (frame * height + y + dy - 1) * width + dx - 1;
                        pairs.to.extend(xs.clone().map(|x| (line + x) as u32));
                        pairs.from.extend(xs.clone().map(|x| (source + x) as u32));
                    }
                }
                taps.push(pairs);
            }
        }
        Self {
            rows_in: rows,
            rows_out: rows,
            pairs: taps,
        }
    }

    /// From a table of `taps` rows of features a row of the result, `rows_in` where there is none.
    ///
    /// # Panics
    /// When the table is not a multiple of `taps` long, or names a row that is not there.
    #[must_use]
    pub fn from_table(table: &[u32], taps: usize, rows_in: usize) -> Self {
        assert!(taps > 0 && table.len().is_multiple_of(taps), "whole rows");
        let mut pairs = vec![Pairs::default(); taps];
        for (row, sources) in table.chunks_exact(taps).enumerate() {
            for (pairs, &source) in pairs.iter_mut().zip(sources) {
                assert!(source as usize <= rows_in, "row {source} of {rows_in}");
                if (source as usize) < rows_in {
                    pairs.to.push(row as u32);
                    pairs.from.push(source);
                }
            }
        }
        Self {
            rows_in,
            rows_out: table.len() / taps,
            pairs,
        }
    }

    /// The same pairs the other way: what carries gradients back.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let taps = self.pairs.iter().map(|pairs| {
            let (to, from) = (&pairs.from, &pairs.to);
            // Neighbours at the same distance keep their order.
            if to.is_sorted() {
                return Pairs {
                    to: to.clone(),
                    from: from.clone(),
                };
            }
            let mut both: Vec<(u32, u32)> = to.iter().copied().zip(from.iter().copied()).collect();
            both.sort_unstable();
            let (to, from) = both.into_iter().unzip();
            Pairs { to, from }
        });
        Self {
            rows_in: self.rows_out,
            rows_out: self.rows_in,
            pairs: taps.collect(),
        }
    }

    /// Rows of features.
    #[must_use]
    pub fn rows_in(&self) -> usize {
        self.rows_in
    }

    /// Rows of the result.
    #[must_use]
    pub fn rows_out(&self) -> usize {
        self.rows_out
    }

    /// How many taps the kernel has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pairs.len()
    }

    /// How many pairs all taps have.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.pairs.iter().map(|pairs| pairs.to.len()).sum()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pairs> {
        self.pairs.iter()
    }
}

/// The positions whose neighbour at `offset - 1` lies inside.
fn inside(offset: usize, size: usize) -> std::ops::Range<usize> {
    usize::from(offset == 0).min(size)..(size + 1).saturating_sub(offset).min(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_the_table_of_its_points() {
        let (frames, height, width) = (2, 3, 4);
        let rows = frames * height * width;
        let mut table = Vec::new();
        for frame in 0..frames {
            for y in 0..height {
                for x in 0..width {
                    for dy in 0..3 {
                        for dx in 0..3 {
                            let (ny, nx) = (y + dy, x + dx);
                            let inside = (1..=height).contains(&ny) && (1..=width).contains(&nx);
                            table.push(if inside {
                                ((frame * height + ny - 1) * width + nx - 1) as u32
                            } else {
                                rows as u32
                            });
                        }
                    }
                }
            }
        }
        assert_eq!(
            Taps::grid(frames, height, width),
            Taps::from_table(&table, 9, rows)
        );
        assert_eq!(Taps::grid(1, 1, 1).pairs(), 1);
    }

    #[test]
    fn pairs_of_some_rows() {
        let taps = Taps::from_table(&[2, 0, 2, 1], 1, 2);
        let pairs = taps.iter().next().unwrap();
        assert_eq!(pairs.within(0..4), (&[1, 3][..], &[0, 1][..]));
        assert_eq!(pairs.within(2..4), (&[3][..], &[1][..]));
    }
}
