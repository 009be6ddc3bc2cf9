//! WAV sounds, read by the hound crate.

use std::io::Cursor;

use hound::{SampleFormat, WavReader};

use super::MediaError;
use super::recording::{Recording, check};

/// Decodes a WAV file.
pub(super) fn decode(bytes: &[u8]) -> Result<Recording, MediaError> {
    let wrong = |e: hound::Error| MediaError::Sound {
        reason: e.to_string(),
    };
    let mut reader = WavReader::new(Cursor::new(bytes)).map_err(wrong)?;
    let spec = reader.spec();
    let (channels, stated) = (usize::from(spec.channels), u64::from(reader.duration()));
    // The header of a file that was never finished states more than there are bytes for: that is damage, not length.
    let sample_bytes = u64::from(spec.bits_per_sample.div_ceil(8)) * channels as u64;
    let there = bytes.len() as u64 / sample_bytes.max(1);
    if stated > there {
        return Err(MediaError::CutOff {
            expected: stated,
            found: there,
        });
    }
    check(spec.sample_rate, channels, stated)?;
    let mono = match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Float, 32) => {
            let mut samples = reader.samples::<f32>();
            mean_of_channels(channels, stated, || samples.next())
        }
        (SampleFormat::Int, bits @ (8 | 16 | 24 | 32)) => {
            let full = 2f64.powi(i32::from(bits) - 1);
            let mut samples = reader.samples::<i32>();
            mean_of_channels(channels, stated, || {
                let sample = samples.next()?;
                Some(sample.map(|s| (f64::from(s) / full) as f32))
            })
        }
        (format, bits) => {
            return Err(MediaError::Sound {
                reason: format!("{bits}-bit {format:?} samples"),
            });
        }
    };
    let mono = mono.map_err(wrong)?;
    // Integers are finite, and a float that is not makes its mean not so either.
    if let Some(at) = mono.iter().position(|s| !s.is_finite()) {
        return Err(MediaError::NotFinite { at: at * channels });
    }
    Ok(Recording {
        rate_hz: spec.sample_rate,
        mono,
    })
}

fn mean_of_channels(
    channels: usize,
    stated: u64,
    mut next: impl FnMut() -> Option<hound::Result<f32>>,
) -> hound::Result<Vec<f32>> {
    let mut mono = Vec::with_capacity(stated as usize);
    loop {
        let mut sum = 0.0;
        for _ in 0..channels {
            match next() {
                Some(sample) => sum += sample?,
                None => return Ok(mono),
            }
        }
        mono.push(sum / channels as f32);
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "powers of two: exact")]
mod tests {
    use super::*;
    use hound::{Sample, WavSpec, WavWriter};

    fn wav<S: Sample + Copy>(
        channels: u16,
        sample_rate: u32,
        bits_per_sample: u16,
        sample_format: SampleFormat,
        samples: &[S],
    ) -> Vec<u8> {
        let spec = WavSpec {
            channels,
            sample_rate,
            bits_per_sample,
            sample_format,
        };
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for sample in samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_depth_has_the_same_full_scale() {
        for bits in [8, 16, 24, 32] {
            let half = 1i32 << (bits - 2);
            let samples = [half, -half, 0, -half - half / 2];
            let bytes = wav(1, 16_000, bits, SampleFormat::Int, &samples);
            let recording = decode(&bytes).unwrap();
            assert_eq!(recording.mono, [0.5, -0.5, 0.0, -0.75], "{bits} bits");
        }
        let bytes = wav(1, 8_000, 32, SampleFormat::Float, &[0.25f32, -2.0]);
        let recording = decode(&bytes).unwrap();
        assert_eq!(
            (recording.rate_hz, recording.mono),
            (8_000, vec![0.25, -2.0])
        );
    }

    #[test]
    fn channels_are_averaged() {
        let bytes = wav(
            2,
            16_000,
            16,
            SampleFormat::Int,
            &[16_384i16, 0, -16_384, -8_192],
        );
        assert_eq!(decode(&bytes).unwrap().mono, [0.25, -0.375]);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let no_number = wav(
            2,
            16_000,
            32,
            SampleFormat::Float,
            &[0.0, 0.0, 1.0, f32::NAN],
        );
        assert_eq!(decode(&no_number), Err(MediaError::NotFinite { at: 2 }));
        let long = wav(1, 4_000, 8, SampleFormat::Int, &vec![0i8; 4_000 * 31]);
        assert_eq!(decode(&long), Err(MediaError::TooLong { seconds: 31.0 }));
        let mut cut = wav(1, 16_000, 16, SampleFormat::Int, &[1i16; 1000]);
        cut.truncate(1000);
        assert!(matches!(
            decode(&cut),
            Err(MediaError::CutOff {
                expected: 1000,
                found: 500
            })
        ));
        assert!(matches!(
            decode(b"RIFF\0\0\0\0WAVX"),
            Err(MediaError::Sound { .. })
        ));
    }
}
