//! Mirror, turn, zoom and move at once: every pixel is interpolated only one time.

use crate::media::FACE_SIDE;

/// Where the pixels of a face come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Warp {
    /// Left and right change places.
    pub(super) flip: bool,
    /// Counter-clockwise, in radians, around the middle.
    pub(super) turn: f32,
    /// Larger than 1 for a larger face, around the middle.
    pub(super) zoom: f32,
    /// How far the face moves to the right, as a share of the side.
    pub(super) right: f32,
    /// How far it moves down.
    pub(super) down: f32,
}

impl Warp {
    /// Every pixel from its own place.
    pub(super) const NONE: Self = Self {
        flip: false,
        turn: 0.0,
        zoom: 1.0,
        right: 0.0,
        down: 0.0,
    };
}

/// Applies `warp` to `[3, 48, 48]`. Places between pixels are interpolated linearly, places outside have the value of
/// the nearest pixel: what lies beyond the cut is more of the same, not black.
pub(super) fn warp(face: &mut [f32], warp: &Warp) {
    const PLANE: usize = FACE_SIDE * FACE_SIDE;
    let middle = (FACE_SIDE - 1) as f32 / 2.0;
    let last = (FACE_SIDE - 1) as f32;
    let (sin, cos) = (warp.turn.sin() / warp.zoom, warp.turn.cos() / warp.zoom);
    let (right, down) = (warp.right * FACE_SIDE as f32, warp.down * FACE_SIDE as f32);
    let mirror = if warp.flip { -1.0 } else { 1.0 };
    let source = face.to_vec();
    for y in 0..FACE_SIDE {
        for x in 0..FACE_SIDE {
            // From the result back to the source: unmove, unturn, unzoom, unmirror.
            let (u, v) = (x as f32 - middle - right, y as f32 - middle - down);
            let from_x = (mirror * (cos * u - sin * v) + middle).clamp(0.0, last);
            let from_y = (sin * u + cos * v + middle).clamp(0.0, last);
            let (left, top) = (from_x as usize, from_y as usize);
            let (dx, dy) = (from_x - left as f32, from_y - top as f32);
            let beside = usize::from(left + 1 < FACE_SIDE);
            let below = FACE_SIDE * usize::from(top + 1 < FACE_SIDE);
            let at = top * FACE_SIDE + left;
            for channel in 0..3 {
                let plane = &source[channel * PLANE..(channel + 1) * PLANE];
                let upper = plane[at] + (plane[at + beside] - plane[at]) * dx;
                let lower =
                    plane[at + below] + (plane[at + below + beside] - plane[at + below]) * dx;
                face[channel * PLANE + y * FACE_SIDE + x] = upper + (lower - upper) * dy;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "whole places: exact")]
mod tests {
    use super::*;
    use crate::media::FACE_VALUES;
    use std::f32::consts::FRAC_PI_2;

    fn numbered() -> Vec<f32> {
        (0..FACE_VALUES).map(|i| (i * 31 % 256) as f32).collect()
    }

    fn at(face: &[f32], channel: usize, y: usize, x: usize) -> f32 {
        face[(channel * FACE_SIDE + y) * FACE_SIDE + x]
    }

    fn warped(changed: Warp) -> Vec<f32> {
        let mut face = numbered();
        warp(&mut face, &changed);
        face
    }

    #[test]
    fn no_warp_is_the_identity() {
        assert_eq!(warped(Warp::NONE), numbered());
    }

    #[test]
    fn a_mirror_is_exact_and_undoes_itself() {
        let flip = Warp {
            flip: true,
            ..Warp::NONE
        };
        let mut face = warped(flip);
        for (channel, y, x) in [(0, 0, 0), (1, 7, 30), (2, 47, 46)] {
            assert_eq!(
                at(&face, channel, y, x),
                at(&numbered(), channel, y, 47 - x)
            );
        }
        warp(&mut face, &flip);
        assert_eq!(face, numbered());
    }

    #[test]
    fn whole_pixels_move_exactly_and_the_border_repeats() {
        let moved = warped(Warp {
            right: 3.0 / 48.0,
            down: -6.0 / 48.0,
            ..Warp::NONE
        });
        assert_eq!(at(&moved, 0, 0, 3), at(&numbered(), 0, 6, 0));
        assert_eq!(at(&moved, 2, 41, 47), at(&numbered(), 2, 47, 44));
        assert_eq!(at(&moved, 1, 47, 0), at(&numbered(), 1, 47, 0));
    }

    /// A quarter turn counter-clockwise takes the top edge to the left one.
    #[test]
    fn a_quarter_turn_is_a_transposition() {
        let turned = warped(Warp {
            turn: FRAC_PI_2,
            ..Warp::NONE
        });
        for (y, x) in [(0, 0), (5, 40), (47, 12)] {
            let from = at(&numbered(), 0, y, x);
            assert!((at(&turned, 0, 47 - x, y) - from).abs() < 0.05, "{y} {x}");
        }
        let back = {
            let mut face = turned;
            warp(
                &mut face,
                &Warp {
                    turn: -FRAC_PI_2,
                    ..Warp::NONE
                },
            );
            face
        };
        assert!(
            back.iter()
                .zip(numbered())
                .all(|(a, b)| (a - b).abs() < 0.1)
        );
    }

    /// On a slope the value tells the place: a zoom by 2 halves the distance from the middle.
    #[test]
    fn a_zoom_is_around_the_middle() {
        let mut face: Vec<f32> = (0..FACE_VALUES).map(|i| (i % FACE_SIDE) as f32).collect();
        warp(
            &mut face,
            &Warp {
                zoom: 2.0,
                ..Warp::NONE
            },
        );
        for x in 0..FACE_SIDE {
            let expected = 23.5 + (x as f32 - 23.5) / 2.0;
            assert!((at(&face, 1, 10, x) - expected).abs() < 1e-4);
        }
    }
}
