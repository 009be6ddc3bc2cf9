//! Rectangles of a face, upright in its own axes.

use super::points::Axes;
use crate::crop::CROP_SIDE;

/// Samples per distance of the eyes: about one a pixel, as the eyes of a crop are some 20 pixels apart.
const DENSITY: f32 = 20.0;

/// One number a pixel, `[48, 48]` row-major.
pub(super) struct Plane(pub(super) Vec<f32>);

impl Plane {
    /// The value at a place in pixels, between the centres of four of them; the edges go on outside.
    fn at(&self, [x, y]: [f32; 2]) -> f32 {
        let last = CROP_SIDE as f32 - 1.0;
        let (x, y) = ((x - 0.5).clamp(0.0, last), (y - 0.5).clamp(0.0, last));
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(CROP_SIDE - 1), (top + 1).min(CROP_SIDE - 1));
        let (fx, fy) = (x - left as f32, y - top as f32);
        let value = |row: usize, column: usize| self.0[row * CROP_SIDE + column];
        let upper = value(top, left) * (1.0 - fx) + value(top, right) * fx;
        let lower = value(bottom, left) * (1.0 - fx) + value(bottom, right) * fx;
        upper * (1.0 - fy) + lower * fy
    }
}

/// A rectangle in a face's coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    /// Its middle.
    pub(super) centre: [f32; 2],
    /// Half of its width and height.
    pub(super) half: [f32; 2],
}

impl Region {
    /// The samples of a plane in this region.
    pub(super) fn cut(&self, plane: &Plane, axes: &Axes) -> Patch {
        let count = |half: f32| (2.0 * half * DENSITY).round().max(2.0) as usize;
        let (columns, rows) = (count(self.half[0]), count(self.half[1]));
        let place = |i: usize, count: usize, axis: usize| {
            let share = (i as f32 + 0.5) / count as f32;
            self.centre[axis] + self.half[axis] * (2.0 * share - 1.0)
        };
        let values = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| {
                plane.at(axes.pixel([place(column, columns, 0), place(row, rows, 1)]))
            });
        Patch {
            columns,
            values: values.collect(),
        }
    }
}

/// What lies in a region.
pub(super) struct Patch {
    columns: usize,
    /// `[rows, columns]` row-major.
    values: Vec<f32>,
}

impl Patch {
    pub(super) fn mean(&self) -> f32 {
        self.values.iter().sum::<f32>() / self.values.len() as f32
    }

    /// Standard deviation.
    pub(super) fn contrast(&self) -> f32 {
        let mean = self.mean();
        let squares = self.values.iter().map(|v| (v - mean).powi(2));
        (squares.sum::<f32>() / self.values.len() as f32).sqrt()
    }

    /// Mean difference of a sample and the one below: lines across the face.
    pub(super) fn level_edges(&self) -> f32 {
        let below = self.values.iter().skip(self.columns);
        mean_difference(self.values.iter().zip(below))
    }

    /// Mean difference of a sample and its right neighbour: lines down the face.
    pub(super) fn upright_edges(&self) -> f32 {
        let rows = self.values.chunks_exact(self.columns);
        mean_difference(rows.flat_map(|row| row.iter().zip(&row[1..])))
    }

    /// Mean difference of this patch and the other one seen in a mirror. Both have the same size.
    pub(super) fn asymmetry(&self, other: &Self) -> f32 {
        let rows = self.values.chunks_exact(self.columns);
        let others = other.values.chunks_exact(other.columns);
        let pairs = rows.zip(others);
        mean_difference(pairs.flat_map(|(row, other)| row.iter().zip(other.iter().rev())))
    }

    /// Mean height and deviation in height of what is darker than the patch's mean, in distances of the eyes from its
    /// upper edge, over `columns`. The middle, and no deviation, where nothing is darker.
    pub(super) fn darkness(&self, columns: std::ops::Range<usize>) -> (f32, f32) {
        let mean = self.mean();
        let rows = self.values.len() / self.columns;
        let (mut weight, mut first, mut second) = (0.0f32, 0.0f32, 0.0f32);
        for (row, values) in self.values.chunks_exact(self.columns).enumerate() {
            let dark: f32 = values[columns.clone()]
                .iter()
                .map(|v| (mean - v).max(0.0))
                .sum();
            let height = row as f32 + 0.5;
            weight += dark;
            first += dark * height;
            second += dark * height * height;
        }
        if weight <= f32::EPSILON {
            return (rows as f32 / 2.0 / DENSITY, 0.0);
        }
        let height = first / weight;
        let deviation = (second / weight - height * height).max(0.0).sqrt();
        (height / DENSITY, deviation / DENSITY)
    }

    /// [`darkness`](Self::darkness) over all columns.
    pub(super) fn all_darkness(&self) -> (f32, f32) {
        self.darkness(0..self.columns)
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }
}

fn mean_difference<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> f32 {
    let (mut sum, mut count) = (0.0f32, 0usize);
    for (a, b) in pairs {
        sum += (a - b).abs();
        count += 1;
    }
    sum / count.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handcrafted::FacePoints;

    fn patch(columns: usize, values: &[f32]) -> Patch {
        Patch {
            columns,
            values: values.to_vec(),
        }
    }

    #[test]
    fn edges_know_their_direction() {
        let stripes = patch(3, &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        assert!((stripes.level_edges() - 1.0).abs() < 1e-6 && stripes.upright_edges() < 1e-6);
        let bars = patch(3, &[0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
        assert!((bars.upright_edges() - 1.0).abs() < 1e-6 && bars.level_edges() < 1e-6);
        assert!((bars.contrast() - (2.0f32 / 9.0).sqrt()).abs() < 1e-6);
    }

    #[test]
    fn a_mirrored_patch_is_symmetric() {
        let left = patch(3, &[1.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
        let right = patch(3, &[3.0, 2.0, 1.0, 7.0, 5.0, 4.0]);
        assert!(left.asymmetry(&right) < 1e-6);
        assert!(left.asymmetry(&left) > 1.0);
    }

    #[test]
    fn darkness_has_a_place() {
        let mut values = vec![1.0; 40];
        values[20..24].fill(0.0);
        let (height, deviation) = patch(4, &values).all_darkness();
        assert!((height - 5.5 / DENSITY).abs() < 1e-5 && deviation < 1e-5);
        assert_eq!(patch(4, &[2.0; 40]).all_darkness(), (5.0 / DENSITY, 0.0));
    }

    #[test]
    fn places_between_pixels_are_between_their_values() {
        let ramp = Plane(
            (0..CROP_SIDE * CROP_SIDE)
                .map(|i| (i % CROP_SIDE) as f32)
                .collect(),
        );
        assert!((ramp.at([10.5, 7.0]) - 10.0).abs() < 1e-5);
        assert!((ramp.at([11.0, 3.3]) - 10.5).abs() < 1e-5);
        assert!((ramp.at([-9.0, 99.0])).abs() < 1e-5);
        // A region along tilted eyes still lies on them.
        let tilted = FacePoints::new([
            [12.0, 12.0],
            [28.0, 28.0],
            [15.0, 30.0],
            [9.0, 32.0],
            [20.0, 40.0],
        ]);
        let region = Region {
            centre: [0.5, 0.0],
            half: [0.1, 0.1],
        };
        let mean = region.cut(&ramp, &tilted.unwrap().axes()).mean();
        assert!((mean - 27.5).abs() < 0.1, "{mean}");
    }
}
