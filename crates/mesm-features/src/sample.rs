//! Which frames of a clip are looked at.

/// Frames per second the authors' code takes every clip to have.
pub const NOMINAL_FPS: f64 = 30.0;

/// The authors' sampling interval, milliseconds.
pub const DEFAULT_INTERVAL_MS: u32 = 500;

/// How many frames of a clip with `fps` frames per second lie between two sampled ones: the whole
/// part of `interval_ms / 1000 * fps`, at least 1. The authors' code uses [`NOMINAL_FPS`] whatever
/// the clip, so 500 ms are 15 frames.
#[must_use]
pub fn frame_step(interval_ms: u32, fps: f64) -> usize {
    let step = f64::from(interval_ms) / 1000.0 * fps;
    if step.is_finite() {
        (step as usize).max(1)
    } else {
        1
    }
}

/// Positions of the sampled frames of a clip of `count` frames: 0, `step`, 2 `step`, ...
pub fn frame_indices(count: usize, step: usize) -> impl Iterator<Item = usize> {
    (0..count).step_by(step.max(1))
}

/// The moments, seconds from the start, at which frames of a clip of `duration_s` seconds are
/// taken: every [`frame_step`] frames of a clip at [`NOMINAL_FPS`]. The first is at 0; a clip
/// without a length has none.
#[must_use]
pub fn frame_times(duration_s: f64, interval_ms: u32) -> Vec<f64> {
    if !duration_s.is_finite() || duration_s <= 0.0 {
        return Vec::new();
    }
    let frames = (duration_s * NOMINAL_FPS).ceil() as usize;
    frame_indices(frames, frame_step(interval_ms, NOMINAL_FPS))
        .map(|frame| frame as f64 / NOMINAL_FPS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authors_take_every_fifteenth_frame() {
        assert_eq!(frame_step(DEFAULT_INTERVAL_MS, NOMINAL_FPS), 15);
        assert_eq!(frame_step(400, NOMINAL_FPS), 12);
        assert_eq!(frame_step(530, NOMINAL_FPS), 15);
        assert_eq!(frame_indices(46, 15).collect::<Vec<_>>(), [0, 15, 30, 45]);
    }

    #[test]
    fn times_lie_within_the_clip() {
        assert_eq!(frame_times(2.6, 500), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
        assert_eq!(frame_times(0.5, 500), [0.0]);
        assert_eq!(frame_times(0.01, 500), [0.0]);
        assert!(frame_times(0.0, 500).is_empty());
        assert!(frame_times(f64::NAN, 500).is_empty());
    }

    #[test]
    fn a_short_interval_takes_every_frame() {
        assert_eq!(frame_step(0, NOMINAL_FPS), 1);
        assert_eq!(frame_times(0.1, 0).len(), 3);
    }
}
