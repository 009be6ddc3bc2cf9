//! Spectrograms: `SpecAugment` (Park et al. 2019), bands and spans that are hidden.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::draw::up_to;
use super::error::{AugmentError, check};

/// Mel bands of a chunk: its rows.
pub const CHUNK_MELS: usize = 128;
/// Spectrogram frames of a chunk: its columns, one every 12.5 ms.
pub const CHUNK_FRAMES: usize = 32;
/// What hidden values become: silence for powers, the mean for logarithms that are normalised.
const HIDDEN: f32 = 0.0;

/// How much of a spectrogram is hidden. Fields that a file leaves out have their defaults.
///
/// Without the paper's time warp, which by its authors' own figures helps least. The defaults are two bands and two
/// spans, narrower than the paper's for whole sentences: utterances here are short.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpecAugment {
    /// Bands that are hidden, `0..=8`. Default 2.
    pub freq_masks: usize,
    /// Widest band in mels, `0..=128`; each is 0 to this wide. Default 20.
    pub freq_width: usize,
    /// Spans of time that are hidden, `0..=8`. Default 2.
    pub time_masks: usize,
    /// Longest span in frames of 12.5 ms, `0..=512`; each is 0 to this long. Default 20, a quarter of a second.
    pub time_width: usize,
    /// Longest span as a share of the utterance, `0..=1`. Default 0.2.
    pub time_share: f32,
}

impl Default for SpecAugment {
    fn default() -> Self {
        Self {
            freq_masks: 2,
            freq_width: 20,
            time_masks: 2,
            time_width: 20,
            time_share: 0.2,
        }
    }
}

impl SpecAugment {
    /// Nothing is hidden.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            freq_masks: 0,
            freq_width: 0,
            time_masks: 0,
            time_width: 0,
            time_share: 0.0,
        }
    }

    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), AugmentError> {
        check(&[
            ("freq_masks", self.freq_masks as f32, 0.0, 8.0),
            ("freq_width", self.freq_width as f32, 0.0, CHUNK_MELS as f32),
            ("time_masks", self.time_masks as f32, 0.0, 8.0),
            ("time_width", self.time_width as f32, 0.0, 512.0),
            ("time_share", self.time_share, 0.0, 1.0),
        ])
    }

    /// Hides parts of the spectrogram of one utterance, `[chunks, 1, 128, 32]` row-major. Chunks follow each other in
    /// time: a span may begin in one and end in a later one, a band is hidden in all of them.
    ///
    /// # Panics
    /// When the values are no whole number of chunks.
    pub fn apply<R: Rng + ?Sized>(&self, chunks: &mut [f32], rng: &mut R) {
        let (pieces, rest) = chunks.as_chunks_mut::<{ CHUNK_MELS * CHUNK_FRAMES }>();
        assert!(rest.is_empty(), "chunks are [chunks, 1, 128, 32]");
        if self.freq_width > 0 {
            for _ in 0..self.freq_masks {
                let width = up_to(self.freq_width.min(CHUNK_MELS), rng);
                let first = up_to(CHUNK_MELS - width, rng);
                for piece in pieces.iter_mut() {
                    piece[first * CHUNK_FRAMES..(first + width) * CHUNK_FRAMES].fill(HIDDEN);
                }
            }
        }
        let frames = pieces.len() * CHUNK_FRAMES;
        let longest = self
            .time_width
            .min((self.time_share * frames as f32) as usize);
        if longest > 0 {
            for _ in 0..self.time_masks {
                let length = up_to(longest, rng);
                let first = up_to(frames - length, rng);
                for frame in first..first + length {
                    let piece = &mut pieces[frame / CHUNK_FRAMES];
                    for row in piece.chunks_exact_mut(CHUNK_FRAMES) {
                        row[frame % CHUNK_FRAMES] = HIDDEN;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::rng;
    use rand::RngExt;

    const CHUNK: usize = CHUNK_MELS * CHUNK_FRAMES;

    fn hidden(settings: &SpecAugment, chunks: usize, item: u64) -> Vec<bool> {
        let mut values = vec![1.0f32; chunks * CHUNK];
        settings.apply(&mut values, &mut rng(1, &[item]));
        assert!(
            values
                .iter()
                .all(|v| *v == 0.0 || v.to_bits() == 1f32.to_bits())
        );
        values.iter().map(|v| *v == 0.0).collect()
    }

    /// Length of the run of hidden places; fails where they are no single run.
    fn run(places: &[bool]) -> usize {
        let count = places.iter().filter(|h| **h).count();
        if let Some(first) = places.iter().position(|h| *h) {
            assert!(places[first..first + count].iter().all(|h| *h));
        }
        count
    }

    #[test]
    fn none_changes_nothing_and_draws_nothing() {
        let (mut used, mut fresh) = (rng(1, &[]), rng(1, &[]));
        let before: Vec<f32> = (0..2 * CHUNK).map(|i| i as f32 * 0.1).collect();
        let mut after = before.clone();
        SpecAugment::none().apply(&mut after, &mut used);
        assert!(
            before
                .iter()
                .zip(&after)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
        assert_eq!(used.random::<u64>(), fresh.random::<u64>());
        SpecAugment::default().apply(&mut [], &mut used);
    }

    #[test]
    fn a_band_is_hidden_at_all_times() {
        let settings = SpecAugment {
            freq_masks: 1,
            freq_width: 20,
            ..SpecAugment::none()
        };
        let mut widest = 0;
        for item in 0..200 {
            let hidden = hidden(&settings, 3, item);
            let rows: Vec<bool> = (0..CHUNK_MELS)
                .map(|mel| hidden[mel * CHUNK_FRAMES])
                .collect();
            for (i, value) in hidden.iter().enumerate() {
                assert_eq!(*value, rows[i % CHUNK / CHUNK_FRAMES]);
            }
            widest = widest.max(run(&rows));
        }
        assert_eq!(widest, 20);
    }

    #[test]
    fn a_span_is_hidden_in_all_bands_and_crosses_chunks() {
        let settings = SpecAugment {
            time_masks: 1,
            time_width: 20,
            time_share: 1.0,
            ..SpecAugment::none()
        };
        let (mut longest, mut crossed) = (0, false);
        for item in 0..200 {
            let hidden = hidden(&settings, 3, item);
            let frames: Vec<bool> = (0..3 * CHUNK_FRAMES)
                .map(|frame| hidden[frame / CHUNK_FRAMES * CHUNK + frame % CHUNK_FRAMES])
                .collect();
            for (i, value) in hidden.iter().enumerate() {
                assert_eq!(*value, frames[i / CHUNK * CHUNK_FRAMES + i % CHUNK_FRAMES]);
            }
            longest = longest.max(run(&frames));
            crossed |= frames[31] && frames[32];
        }
        assert!(longest == 20 && crossed);
    }

    #[test]
    fn short_utterances_lose_only_their_share() {
        let settings = SpecAugment {
            time_masks: 1,
            time_width: 500,
            time_share: 0.25,
            ..SpecAugment::none()
        };
        let longest = (0..200)
            .map(|item| hidden(&settings, 1, item).iter().filter(|h| **h).count() / CHUNK_MELS)
            .max();
        assert_eq!(longest, Some(8));
    }

    #[test]
    fn the_same_seed_hides_the_same() {
        let settings = SpecAugment::default();
        assert_eq!(hidden(&settings, 2, 7), hidden(&settings, 2, 7));
        assert!((0..20).any(|item| hidden(&settings, 2, item) != hidden(&settings, 2, 7)));
    }

    #[test]
    fn settings_are_checked_and_read_from_files() {
        assert_eq!(SpecAugment::default().validate(), Ok(()));
        assert_eq!(SpecAugment::none().validate(), Ok(()));
        let wrong = SpecAugment {
            freq_width: 129,
            ..SpecAugment::none()
        };
        assert_eq!(
            wrong.validate().unwrap_err().to_string(),
            "`freq_width` must be in 0 to 128, found 129"
        );
        let read: SpecAugment = serde_json::from_str(r#"{"time_masks": 1}"#).unwrap();
        assert_eq!(
            read,
            SpecAugment {
                time_masks: 1,
                ..SpecAugment::default()
            }
        );
    }
}
