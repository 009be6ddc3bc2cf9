//! Boxes, their overlaps and their corrections.

/// Corners of a box in pixels of the frame; x grows to the right, y downwards. Parts may lie
/// outside the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundingBox {
    /// Left.
    pub x1: f32,
    /// Top.
    pub y1: f32,
    /// Right.
    pub x2: f32,
    /// Bottom.
    pub y2: f32,
}

impl From<[f32; 4]> for BoundingBox {
    fn from([x1, y1, x2, y2]: [f32; 4]) -> Self {
        Self { x1, y1, x2, y2 }
    }
}

impl From<BoundingBox> for [f32; 4] {
    fn from(b: BoundingBox) -> Self {
        [b.x1, b.y1, b.x2, b.y2]
    }
}

impl BoundingBox {
    /// Right minus left.
    #[must_use]
    pub fn width(&self) -> f32 {
        self.x2 - self.x1
    }

    /// Bottom minus top.
    #[must_use]
    pub fn height(&self) -> f32 {
        self.y2 - self.y1
    }

    /// Width times height.
    #[must_use]
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// Intersection over union, 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let shared = self.shared(other, 0.0);
        if shared > 0.0 {
            shared / (self.area() + other.area() - shared)
        } else {
            0.0
        }
    }

    /// Area of the intersection, boxes being `edge` wider and higher than the difference of their
    /// corners.
    fn shared(&self, other: &Self, edge: f32) -> f32 {
        let width = (self.x2.min(other.x2) - self.x1.max(other.x1) + edge).max(0.0);
        let height = (self.y2.min(other.y2) - self.y1.max(other.y1) + edge).max(0.0);
        width * height
    }

    /// The square with the same centre whose side is the longer one of the box.
    #[must_use]
    pub fn squared(&self) -> Self {
        let side = self.width().max(self.height());
        let x1 = self.x1 + self.width() * 0.5 - side * 0.5;
        let y1 = self.y1 + self.height() * 0.5 - side * 0.5;
        Self {
            x1,
            y1,
            x2: x1 + side,
            y2: y1 + side,
        }
    }

    /// The box with each edge moved by its share of the sides; a side is `edge` longer than the
    /// difference of its corners.
    pub(super) fn moved(&self, [left, top, right, bottom]: [f32; 4], edge: f32) -> Self {
        let (width, height) = (self.width() + edge, self.height() + edge);
        Self {
            x1: self.x1 + left * width,
            y1: self.y1 + top * height,
            x2: self.x2 + right * width,
            y2: self.y2 + bottom * height,
        }
    }

    /// The pixels of the box inside a frame, as `(x0, y0, x1, y1)` with exclusive ends: corners
    /// cut to whole numbers, counted from 1 as in the first MTCNN. The result may be empty.
    pub(super) fn pixels(&self, width: usize, height: usize) -> (usize, usize, usize, usize) {
        let first = |v: f32| (v.trunc().max(1.0) as usize) - 1;
        let last = |v: f32, size: usize| (v.trunc().max(0.0) as usize).min(size);
        (
            first(self.x1),
            first(self.y1),
            last(self.x2, width),
            last(self.y2, height),
        )
    }
}

/// What the intersection of two boxes is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// The union of both.
    Union,
    /// The smaller of both, corners counted as pixels.
    Smaller,
}

/// Non-maximum suppression: positions of the boxes that stay, best score first. A box goes when
/// its overlap with a better one that stays is above `limit`.
///
/// # Panics
/// When there are fewer scores than boxes.
#[must_use]
pub fn suppress(boxes: &[BoundingBox], scores: &[f32], limit: f32, overlap: Overlap) -> Vec<usize> {
    let edge = match overlap {
        Overlap::Union => 0.0,
        Overlap::Smaller => 1.0,
    };
    let areas: Vec<f32> = boxes
        .iter()
        .map(|b| (b.width() + edge) * (b.height() + edge))
        .collect();
    let mut waiting: Vec<usize> = (0..boxes.len()).collect();
    waiting.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    let mut kept = Vec::new();
    while let Some(&best) = waiting.first() {
        kept.push(best);
        let stays = |other: &usize| {
            let shared = boxes[best].shared(&boxes[*other], edge);
            let whole = match overlap {
                Overlap::Union => areas[best] + areas[*other] - shared,
                Overlap::Smaller => areas[best].min(areas[*other]),
            };
            let ratio = shared / whole;
            // The ratio of two empty boxes is undefined; PyTorch keeps both.
            ratio <= limit || ratio.is_nan()
        };
        waiting = waiting[1..].iter().copied().filter(stays).collect();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b(x1: f32, y1: f32, x2: f32, y2: f32) -> BoundingBox {
        BoundingBox { x1, y1, x2, y2 }
    }

    #[test]
    fn overlap_is_measured_in_two_ways() {
        let big = b(0.0, 0.0, 99.0, 99.0);
        let inside = b(10.0, 10.0, 49.0, 49.0);
        assert!((big.iou(&big) - 1.0).abs() < 1e-6);
        assert!((big.iou(&b(200.0, 0.0, 300.0, 99.0))).abs() < 1e-6);
        let scores = [0.9, 0.8];
        assert_eq!(
            suppress(&[big, inside], &scores, 0.5, Overlap::Union),
            [0, 1]
        );
        assert_eq!(
            suppress(&[big, inside], &scores, 0.5, Overlap::Smaller),
            [0]
        );
    }

    #[test]
    fn a_suppressed_box_suppresses_nothing() {
        let boxes = [
            b(0.0, 0.0, 10.0, 10.0),
            b(4.0, 0.0, 14.0, 10.0),
            b(8.0, 0.0, 18.0, 10.0),
        ];
        assert_eq!(
            suppress(&boxes, &[0.9, 0.8, 0.7], 0.4, Overlap::Union),
            [0, 2]
        );
        assert_eq!(suppress(&boxes, &[0.7, 0.9, 0.8], 0.4, Overlap::Union), [1]);
        assert!(suppress(&[], &[], 0.5, Overlap::Union).is_empty());
    }

    #[test]
    fn empty_boxes_do_not_stop_the_search() {
        let point = b(3.0, 3.0, 3.0, 3.0);
        assert_eq!(
            suppress(&[point, point], &[0.5, 0.6], 0.5, Overlap::Union),
            [1, 0]
        );
    }

    #[test]
    fn squares_keep_the_centre() {
        assert_eq!(
            b(10.0, 10.0, 20.0, 40.0).squared(),
            b(0.0, 10.0, 30.0, 40.0)
        );
    }

    #[test]
    fn edges_move_by_their_share() {
        let moved = b(0.0, 0.0, 9.0, 19.0).moved([0.1, 0.1, -0.1, 0.0], 1.0);
        assert_eq!(moved, b(1.0, 2.0, 8.0, 19.0));
    }

    #[test]
    fn pixels_count_from_one_and_stay_inside() {
        assert_eq!(b(1.9, 3.2, 8.7, 9.9).pixels(100, 100), (0, 2, 8, 9));
        assert_eq!(b(-5.0, -0.5, 200.0, 50.0).pixels(100, 40), (0, 0, 100, 40));
        let (x0, _, x1, _) = b(-50.0, 0.0, -10.0, 10.0).pixels(100, 40);
        assert!(x0 >= x1);
        let (x0, _, x1, _) = b(150.0, 0.0, 180.0, 10.0).pixels(100, 40);
        assert!(x0 >= x1);
        let (x0, _, x1, _) = b(f32::NAN, 0.0, f32::NAN, 10.0).pixels(100, 40);
        assert!(x0 >= x1);
    }
}
