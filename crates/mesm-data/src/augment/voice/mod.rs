//! Voices: other rooms, microphones and speakers.

mod channel;
mod noise;
mod time;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::draw::{around, between, chance};
use super::error::{AugmentError, check};
use crate::media::MAX_VOICE_S;
use time::samples_of;

/// How voices are varied, in the order of the fields. Fields that a file leaves out have their defaults.
///
/// The defaults are the usual ones for speech: a tenth of speed (Ko et al. 2015), noise of a room at 10 to 40 dB, gain,
/// a little of the start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VoiceAugment {
    /// Largest change of speed, pitch with it, as a share, `0..=0.3`. Default 0.1.
    pub speed: f32,
    /// A longer utterance is cut to this many seconds at a random place, `0..=30`; 0 for never. Default 0.
    pub crop_s: f32,
    /// The start moves by up to this many seconds, `0..=2`: silence before it, or that much of it is lost, though never
    /// more than a quarter of the utterance. Default 0.1.
    pub shift_s: f32,
    /// Chance of noise, `0..=1`. Default 0.5.
    pub noise: f32,
    /// Least ratio of voice to noise in decibels, `-10..=60`. Default 10.
    pub snr_low_db: f32,
    /// Largest ratio of voice to noise in decibels, `-10..=60`. Default 40.
    pub snr_high_db: f32,
    /// How dark the noise may be, `0..=0.99`: 0 for white, above that low tones prevail as in rooms. Default 0.9.
    pub noise_darkness: f32,
    /// Chance that high tones are cut, as by a telephone or a cheap headset, `0..=1`. Default 0.1.
    pub band_limit: f32,
    /// Lowest frequency in hertz at which they may be cut, `500..=8000`. Default 3000.
    pub band_limit_hz: f32,
    /// Largest change of loudness in decibels, `0..=24`; what goes over full scale is clipped. Default 6.
    pub gain_db: f32,
}

impl Default for VoiceAugment {
    fn default() -> Self {
        Self {
            speed: 0.1,
            crop_s: 0.0,
            shift_s: 0.1,
            noise: 0.5,
            snr_low_db: 10.0,
            snr_high_db: 40.0,
            noise_darkness: 0.9,
            band_limit: 0.1,
            band_limit_hz: 3000.0,
            gain_db: 6.0,
        }
    }
}

impl VoiceAugment {
    /// No change at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            speed: 0.0,
            crop_s: 0.0,
            shift_s: 0.0,
            noise: 0.0,
            snr_low_db: 60.0,
            snr_high_db: 60.0,
            noise_darkness: 0.0,
            band_limit: 0.0,
            band_limit_hz: channel::HIGHEST_HZ,
            gain_db: 0.0,
        }
    }

    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), AugmentError> {
        check(&[
            ("speed", self.speed, 0.0, 0.3),
            ("crop_s", self.crop_s, 0.0, MAX_VOICE_S as f32),
            ("shift_s", self.shift_s, 0.0, 2.0),
            ("noise", self.noise, 0.0, 1.0),
            ("snr_low_db", self.snr_low_db, -10.0, 60.0),
            ("snr_high_db", self.snr_high_db, self.snr_low_db, 60.0),
            ("noise_darkness", self.noise_darkness, 0.0, 0.99),
            ("band_limit", self.band_limit, 0.0, 1.0),
            (
                "band_limit_hz",
                self.band_limit_hz,
                500.0,
                channel::HIGHEST_HZ,
            ),
            ("gain_db", self.gain_db, 0.0, 24.0),
        ])
    }

    /// Varies one utterance: mono samples at 16 kHz, full scale -1..=1, in which they stay. Their number may change, by
    /// speed, crop and shift; at least one stays.
    pub fn apply<R: Rng + ?Sized>(&self, samples: &mut Vec<f32>, rng: &mut R) {
        if self.speed > 0.0 {
            time::speed(samples, 1.0 + around(self.speed, rng));
        }
        if self.crop_s > 0.0 {
            time::crop(samples, samples_of(self.crop_s), rng);
        }
        if self.shift_s > 0.0 {
            time::shift(samples, around(self.shift_s, rng));
        }
        if chance(self.noise, rng) {
            let snr_db = between(self.snr_low_db, self.snr_high_db, rng);
            let darkness = between(0.0, self.noise_darkness, rng);
            noise::add(samples, snr_db, darkness, rng);
        }
        if chance(self.band_limit, rng) {
            // Evenly in octaves, as ears have it.
            let octaves = between(self.band_limit_hz.log2(), channel::HIGHEST_HZ.log2(), rng);
            channel::low_pass(samples, octaves.exp2());
        }
        if self.gain_db > 0.0 {
            channel::gain(samples, around(self.gain_db, rng));
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    reason = "what must be the same must be the same bit for bit"
)]
mod tests {
    use super::*;
    use crate::seed::rng;
    use rand::RngExt;

    fn voice(count: usize) -> Vec<f32> {
        (0..count)
            .map(|i| 0.6 * (i as f32 * 0.07).sin() * (i as f32 * 0.0005).sin())
            .collect()
    }

    #[test]
    fn none_changes_nothing_and_draws_nothing() {
        let mut after = voice(20_000);
        let (mut used, mut fresh) = (rng(1, &[]), rng(1, &[]));
        VoiceAugment::none().apply(&mut after, &mut used);
        let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
        assert!(after.len() == 20_000 && voice(20_000).iter().zip(&after).all(same));
        assert_eq!(used.random::<u64>(), fresh.random::<u64>());
    }

    #[test]
    fn the_same_seed_gives_the_same_voice() {
        let apply = |seed| {
            let mut samples = voice(20_000);
            VoiceAugment::default().apply(&mut samples, &mut rng(seed, &[2]));
            samples
        };
        assert_eq!(apply(1), apply(1));
        assert_ne!(apply(1), apply(2));
    }

    #[test]
    fn samples_stay_in_full_scale_and_some_stay() {
        let strong = VoiceAugment {
            speed: 0.3,
            crop_s: 0.5,
            shift_s: 2.0,
            noise: 1.0,
            snr_low_db: -10.0,
            snr_high_db: 60.0,
            noise_darkness: 0.99,
            band_limit: 1.0,
            band_limit_hz: 500.0,
            gain_db: 24.0,
        };
        strong.validate().unwrap();
        for settings in [VoiceAugment::default(), strong] {
            for item in 0..100 {
                for count in [1, 2, 7, 400, 20_000] {
                    let mut samples = voice(count);
                    settings.apply(&mut samples, &mut rng(3, &[item]));
                    assert!(!samples.is_empty());
                    assert!(
                        samples.iter().all(|s| (-1.0..=1.0).contains(s)),
                        "{item} {count}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_setting_counts() {
        let none = VoiceAugment::none;
        let settings = [
            VoiceAugment {
                speed: 0.1,
                ..none()
            },
            VoiceAugment {
                crop_s: 0.5,
                ..none()
            },
            VoiceAugment {
                shift_s: 0.1,
                ..none()
            },
            VoiceAugment {
                noise: 1.0,
                snr_low_db: 20.0,
                ..none()
            },
            VoiceAugment {
                band_limit: 1.0,
                band_limit_hz: 2000.0,
                ..none()
            },
            VoiceAugment {
                gain_db: 6.0,
                ..none()
            },
        ];
        for setting in settings {
            let mut samples = voice(20_000);
            setting.apply(&mut samples, &mut rng(4, &[]));
            assert_ne!(samples, voice(20_000), "{setting:?}");
        }
    }

    #[test]
    fn settings_are_checked_and_read_from_files() {
        assert_eq!(VoiceAugment::default().validate(), Ok(()));
        assert_eq!(VoiceAugment::none().validate(), Ok(()));
        let crossed = VoiceAugment {
            snr_low_db: 30.0,
            snr_high_db: 20.0,
            ..VoiceAugment::none()
        };
        assert_eq!(
            crossed.validate().unwrap_err().to_string(),
            "`snr_high_db` must be in 30 to 60, found 20"
        );
        let read: VoiceAugment = serde_json::from_str(r#"{"gain_db": 3}"#).unwrap();
        assert_eq!(
            read,
            VoiceAugment {
                gain_db: 3.0,
                ..VoiceAugment::default()
            }
        );
        assert!(serde_json::from_str::<VoiceAugment>(r#"{"gain": 3}"#).is_err());
    }
}
