//! What a detection is.

use super::boxes::BoundingBox;
use super::pyramid::Level;

/// A face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Left edge, pixels of the frame; may lie outside it, as the others.
    pub x1: f32,
    /// Top edge.
    pub y1: f32,
    /// Right edge.
    pub x2: f32,
    /// Bottom edge.
    pub y2: f32,
    /// That it is a face, 0 to 1.
    pub probability: f32,
    /// Left eye, right eye, nose, left and right corner of the mouth (as seen in the picture):
    /// x and y in pixels.
    pub landmarks: [[f32; 2]; 5],
}

impl Detection {
    /// Its four edges.
    #[must_use]
    pub fn bounding_box(&self) -> BoundingBox {
        BoundingBox {
            x1: self.x1,
            y1: self.y1,
            x2: self.x2,
            y2: self.y2,
        }
    }

    /// O-net's answer for the window `bounds`: probability, four corrections, five x, five y.
    pub(super) fn from_answer(bounds: &BoundingBox, answer: &[f32; 15]) -> Self {
        let (width, height) = (bounds.width() + 1.0, bounds.height() + 1.0);
        let corrected = bounds.moved([answer[1], answer[2], answer[3], answer[4]], 1.0);
        Self {
            x1: corrected.x1,
            y1: corrected.y1,
            x2: corrected.x2,
            y2: corrected.y2,
            probability: answer[0],
            landmarks: std::array::from_fn(|k| {
                [
                    width * answer[5 + k] + bounds.x1 - 1.0,
                    height * answer[10 + k] + bounds.y1 - 1.0,
                ]
            }),
        }
    }
}

/// How much each stage of a scan had to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stages {
    /// The pyramid.
    pub levels: Vec<Level>,
    /// Candidates R-net looked at.
    pub rnet_candidates: usize,
    /// Candidates O-net looked at.
    pub onet_candidates: usize,
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // whole numbers: exact
mod tests {
    use super::*;

    #[test]
    fn answers_are_shares_of_the_window() {
        let window = BoundingBox::from([10.0, 20.0, 109.0, 119.0]);
        let mut answer = [0.0; 15];
        answer[0] = 0.9;
        answer[1] = 0.1;
        answer[4] = -0.2;
        answer[5] = 0.5;
        answer[10] = 0.25;
        let face = Detection::from_answer(&window, &answer);
        assert_eq!(face.bounding_box(), [20.0, 20.0, 109.0, 99.0].into());
        assert_eq!(face.landmarks[0], [59.0, 44.0]);
        assert_eq!(face.landmarks[1], [9.0, 19.0]);
    }
}
