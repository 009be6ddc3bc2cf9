//! Colours as a web camera has them, also for faces that were grey.

use crate::media::FACE_SIDE;

/// Chroma of skin: how far red and blue stand from grey, in the plane of Cb and Cr, as an angle from the axis of Cr
/// towards less blue. People differ little in it, far less than in brightness.
const SKIN_TURN: f32 = 0.55;
/// How far from that the added chroma may turn, in radians: warm and cold light.
pub(super) const MAX_TURN: f32 = 0.7;

/// A change of colours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cast {
    /// Of red, green and blue; only their ratios count.
    pub(super) gains: [f32; 3],
    /// Factor of the distance from grey.
    pub(super) saturation: f32,
    /// Added distance from grey, as a share of the pixel's brightness.
    pub(super) chroma: f32,
    /// Its direction, in radians from that of skin.
    pub(super) turn: f32,
}

/// Changes the colours of `[3, 48, 48]`. The brightness of a grey pixel stays, unless a channel reaches white or black.
pub(super) fn cast(face: &mut [f32], cast: &Cast) {
    let luma = |[r, g, b]: [f32; 3]| 0.299 * r + 0.587 * g + 0.114 * b;
    let level = luma(cast.gains);
    let gains = cast.gains.map(|gain| gain / level);
    let (blue, red) = (SKIN_TURN + cast.turn).sin_cos();
    let (cb, cr) = (-cast.chroma * blue, cast.chroma * red);
    // ITU-R BT.601: what Cb and Cr mean in red, green and blue.
    let added = [1.402 * cr, -0.344_136 * cb - 0.714_136 * cr, 1.772 * cb];

    let (reds, others) = face.split_at_mut(FACE_SIDE * FACE_SIDE);
    let (greens, blues) = others.split_at_mut(FACE_SIDE * FACE_SIDE);
    for ((r, g), b) in reds.iter_mut().zip(greens).zip(blues) {
        let y = luma([*r, *g, *b]);
        for ((value, added), gain) in [r, g, b].into_iter().zip(added).zip(gains) {
            let coloured = y + (*value - y) * cast.saturation + y * added;
            *value = (coloured * gain).clamp(0.0, 255.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLANE: usize = FACE_SIDE * FACE_SIDE;
    const NONE: Cast = Cast {
        gains: [1.0; 3],
        saturation: 1.0,
        chroma: 0.0,
        turn: 0.0,
    };

    fn pixel(rgb: [f32; 3], change: &Cast) -> [f32; 3] {
        let mut face: Vec<f32> = rgb.iter().flat_map(|v| [*v; PLANE]).collect();
        cast(&mut face, change);
        [face[5], face[PLANE + 5], face[2 * PLANE + 5]]
    }

    fn luma([r, g, b]: [f32; 3]) -> f32 {
        0.299 * r + 0.587 * g + 0.114 * b
    }

    #[test]
    fn no_cast_changes_nothing() {
        for rgb in [[10.0, 200.0, 90.0], [128.0; 3], [0.0; 3], [255.0; 3]] {
            let after = pixel(rgb, &NONE);
            assert!(
                after.iter().zip(rgb).all(|(a, b)| (a - b).abs() < 1e-3),
                "{after:?}"
            );
        }
    }

    /// Skin at mid brightness: more red than green, more green than blue, as bright as before.
    #[test]
    fn grey_becomes_skin() {
        let skin = pixel(
            [150.0; 3],
            &Cast {
                chroma: 0.17,
                ..NONE
            },
        );
        assert!(
            skin[0] > skin[1] + 10.0 && skin[1] > skin[2] + 3.0,
            "{skin:?}"
        );
        assert!((luma(skin) - 150.0).abs() < 0.5, "{skin:?}");
        assert!(
            pixel(
                [0.0; 3],
                &Cast {
                    chroma: 0.17,
                    ..NONE
                }
            )
            .iter()
            .all(|v| v.abs() < 1e-6)
        );
    }

    #[test]
    fn white_balance_keeps_the_brightness_of_grey() {
        let warm = pixel(
            [120.0; 3],
            &Cast {
                gains: [1.2, 1.0, 0.8],
                ..NONE
            },
        );
        assert!((warm[0] / warm[2] - 1.5).abs() < 1e-3);
        assert!((luma(warm) - 120.0).abs() < 0.01);
    }

    #[test]
    fn no_saturation_is_grey() {
        let grey = pixel(
            [200.0, 100.0, 50.0],
            &Cast {
                saturation: 0.0,
                ..NONE
            },
        );
        let expected = luma([200.0, 100.0, 50.0]);
        assert!(grey.iter().all(|v| (v - expected).abs() < 1e-3));
    }
}
