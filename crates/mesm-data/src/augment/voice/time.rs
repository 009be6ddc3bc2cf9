//! Speed, crop and shift.

use rand::Rng;

use super::super::draw::up_to;
use crate::media::{VOICE_RATE_HZ, at_speed};

/// Samples of a span.
pub(super) fn samples_of(seconds: f32) -> usize {
    (seconds * VOICE_RATE_HZ as f32).round() as usize
}

/// `factor` times as fast, and as high.
pub(super) fn speed(samples: &mut Vec<f32>, factor: f32) {
    match at_speed(samples, factor) {
        Ok(changed) => *samples = changed,
        // The resampler takes every factor that the settings allow; should this ever not hold, the voice is as good
        // without.
        Err(error) => tracing::error!(%error, factor, "the speed of a voice stays as it is"),
    }
}

/// At most `most` samples in a row, from anywhere.
pub(super) fn crop<R: Rng + ?Sized>(samples: &mut Vec<f32>, most: usize, rng: &mut R) {
    let most = most.max(1);
    if samples.len() > most {
        let start = up_to(samples.len() - most, rng);
        samples.copy_within(start..start + most, 0);
        samples.truncate(most);
    }
}

/// Above 0: silence before the utterance. Below: that much of its start is lost, but at most a quarter of it.
pub(super) fn shift(samples: &mut Vec<f32>, seconds: f32) {
    let count = samples_of(seconds.abs());
    if seconds > 0.0 {
        samples.splice(0..0, std::iter::repeat_n(0.0, count));
    } else {
        samples.drain(..count.min(samples.len() / 4));
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "samples are moved, not changed")]
mod tests {
    use super::*;
    use crate::seed::rng;

    fn numbered(count: usize) -> Vec<f32> {
        (0..count).map(|i| i as f32).collect()
    }

    /// Zero crossings of a tone tell its pitch; the length tells the time.
    #[test]
    fn speed_changes_length_and_pitch_alike() {
        for factor in [0.7, 0.9, 1.1, 1.3] {
            let mut samples: Vec<f32> = (0..32_000).map(|i| (i as f32 * 0.2).sin() * 0.5).collect();
            speed(&mut samples, factor);
            let expected = 32_000.0 / factor;
            assert!(
                (samples.len() as f32 - expected).abs() <= 2.0,
                "{factor}: {}",
                samples.len()
            );
            let inner = &samples[100..20_100];
            let crossings = inner
                .windows(2)
                .filter(|w| (w[0] < 0.0) != (w[1] < 0.0))
                .count();
            let pitch = crossings as f32 / 20_000.0 / (0.2 * factor / std::f32::consts::PI);
            assert!((pitch - 1.0).abs() < 0.005, "{factor}: {pitch}");
            let loudest = inner.iter().fold(0f32, |m, v| m.max(v.abs()));
            assert!((loudest - 0.5).abs() < 0.01, "{factor}: {loudest}");
        }
    }

    #[test]
    fn a_crop_is_a_piece_as_it_was() {
        let mut starts = Vec::new();
        for item in 0..100 {
            let mut samples = numbered(1000);
            crop(&mut samples, 300, &mut rng(1, &[item]));
            assert_eq!(samples.len(), 300);
            assert!(samples.windows(2).all(|w| w[1] - w[0] == 1.0));
            starts.push(samples[0]);
        }
        let (low, high) = starts
            .iter()
            .fold((1000f32, 0f32), |(l, h), s| (l.min(*s), h.max(*s)));
        assert!(low < 50.0 && high > 650.0, "{low} {high}");
        let mut short = numbered(300);
        crop(&mut short, 300, &mut rng(1, &[]));
        assert_eq!(short, numbered(300));
    }

    #[test]
    fn a_shift_pads_or_loses_the_start() {
        let mut later = numbered(4000);
        shift(&mut later, 0.01);
        assert!(later.len() == 4160 && later[..160].iter().all(|s| *s == 0.0));
        assert_eq!(later[160..], numbered(4000));
        let mut earlier = numbered(4000);
        shift(&mut earlier, -0.01);
        assert_eq!(earlier, numbered(4000)[160..]);
        let mut short = numbered(400);
        shift(&mut short, -1.0);
        assert_eq!(short, numbered(400)[100..]);
    }
}
