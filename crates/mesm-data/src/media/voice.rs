//! An utterance to the samples that the model's spectrogram is made of.

use super::{MediaError, flac, rate, wav};

/// Most bytes an encoded utterance may have: 48 MiB, which 30 s of 24 bits, two channels and 192 kHz fit into.
pub const MAX_VOICE_BYTES: usize = 48 << 20;

/// The sound in `bytes`, FLAC or WAV, as mono samples at 16 kHz, full scale -1..=1: `[samples]`, at least one.
///
/// Channels are averaged. Another rate than 16 kHz is changed by band-limited interpolation. FLAC has 4 to 32 bits; WAV
/// 8, 16, 24 or 32 bits or 32-bit floats, those beyond full scale are clipped.
///
/// # Errors
/// [`MediaError`]: too many bytes, another format, more than [`MAX_VOICE_S`](super::MAX_VOICE_S) seconds or
/// [`MAX_CHANNELS`](super::MAX_CHANNELS) channels, a rate outside of [`RATES_HZ`](super::RATES_HZ), no sample, damage.
pub fn voice(bytes: &[u8]) -> Result<Vec<f32>, MediaError> {
    if bytes.len() > MAX_VOICE_BYTES {
        return Err(MediaError::TooManyBytes {
            what: "utterance",
            found: bytes.len(),
            limit: MAX_VOICE_BYTES,
        });
    }
    let recording = match bytes {
        [b'f', b'L', b'a', b'C', ..] => flac::decode(bytes)?,
        [b'R', b'I', b'F', b'F', ..] => wav::decode(bytes)?,
        _ => {
            let first = &bytes[..bytes.len().min(4)];
            return Err(MediaError::Format {
                expected: "a FLAC or WAV sound",
                found: format!("bytes that begin with \"{}\"", first.escape_ascii()),
            });
        }
    };
    if recording.mono.is_empty() {
        return Err(MediaError::Silent);
    }
    let mut samples = rate::to_voice_rate(recording)?;
    for sample in &mut samples {
        *sample = sample.clamp(-1.0, 1.0);
    }
    Ok(samples)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "powers of two: exact")]
mod tests {
    use super::*;
    use crate::media::flac_writer;

    #[test]
    fn both_formats_give_the_same_samples() {
        let samples: Vec<i16> = (0..5000)
            .map(|i| (i * 37 % 30_000 - 15_000) as i16)
            .collect();
        let mut bytes = std::io::Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for sample in &samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
        let wav = voice(&bytes.into_inner()).unwrap();
        let flac = voice(&flac_writer::flac(16_000, &[&samples])).unwrap();
        assert_eq!(wav, flac);
        assert!(
            wav.iter()
                .zip(&samples)
                .all(|(a, b)| *a == f32::from(*b) / 32768.0)
        );
    }

    #[test]
    fn other_bytes_are_named() {
        let error = voice(b"ID3\x04 and so on").unwrap_err().to_string();
        assert_eq!(
            error,
            "expected a FLAC or WAV sound, found bytes that begin with \"ID3\\x04\""
        );
        assert!(matches!(voice(b""), Err(MediaError::Format { .. })));
        assert!(matches!(
            voice(&vec![0; MAX_VOICE_BYTES + 1]),
            Err(MediaError::TooManyBytes { .. })
        ));
    }
}
