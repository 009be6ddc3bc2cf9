//! Decoded sound before its rate is changed, and how much of it there may be.

use std::ops::RangeInclusive;

use super::MediaError;

/// Samples of an utterance a second.
pub const VOICE_RATE_HZ: u32 = 16_000;
/// Samples a second that are accepted.
pub const RATES_HZ: RangeInclusive<u32> = 4_000..=192_000;
/// Longest utterance, in seconds.
pub const MAX_VOICE_S: u32 = 30;
/// Most channels of a sound.
pub const MAX_CHANNELS: usize = 8;

/// Decoded samples before their rate is changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recording {
    /// Samples a second, in [`RATES_HZ`].
    pub(super) rate_hz: u32,
    /// The mean of the channels.
    pub(super) mono: Vec<f32>,
}

/// Checks what a header says before anything is decoded.
pub(super) fn check(rate_hz: u32, channels: usize, samples: u64) -> Result<(), MediaError> {
    if !RATES_HZ.contains(&rate_hz) {
        return Err(MediaError::Rate { found: rate_hz });
    }
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(MediaError::Channels { found: channels });
    }
    if samples > most_samples(rate_hz) {
        return Err(MediaError::TooLong {
            seconds: samples as f64 / f64::from(rate_hz),
        });
    }
    Ok(())
}

/// Samples a channel of the longest utterance at that rate.
pub(super) fn most_samples(rate_hz: u32) -> u64 {
    u64::from(rate_hz) * u64::from(MAX_VOICE_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_checked_before_anything_is_decoded() {
        assert_eq!(check(16_000, 1, 480_000), Ok(()));
        assert_eq!(
            check(16_000, 1, 480_016),
            Err(MediaError::TooLong { seconds: 30.001 })
        );
        assert_eq!(check(16_000, 0, 1), Err(MediaError::Channels { found: 0 }));
        assert_eq!(check(16_000, 9, 1), Err(MediaError::Channels { found: 9 }));
        assert_eq!(check(3_999, 1, 1), Err(MediaError::Rate { found: 3_999 }));
        assert_eq!(
            check(192_001, 1, 1),
            Err(MediaError::Rate { found: 192_001 })
        );
    }
}
