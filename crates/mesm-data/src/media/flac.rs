//! FLAC sounds, read by the symphonia crates.

use std::io::Cursor;

use symphonia_bundle_flac::{FlacDecoder, FlacReader};
use symphonia_core::audio::Channels;
use symphonia_core::codecs::CodecParameters;
use symphonia_core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia_core::errors::Error;
use symphonia_core::formats::{FormatOptions, FormatReader};
use symphonia_core::io::{MediaSourceStream, MediaSourceStreamOptions};

use super::MediaError;
use super::recording::{Recording, check, most_samples};

/// Decodes a FLAC file. Its check sums are compared: a changed bit is found, not heard.
pub(super) fn decode(bytes: &[u8]) -> Result<Recording, MediaError> {
    let wrong = |e: Error| MediaError::Sound {
        reason: e.to_string(),
    };
    let unsupported = |reason: &str| MediaError::Sound {
        reason: reason.to_owned(),
    };
    let stream = MediaSourceStream::new(
        Box::new(Cursor::new(bytes)),
        MediaSourceStreamOptions::default(),
    );
    let mut reader = FlacReader::try_new(stream, FormatOptions::default()).map_err(wrong)?;
    let (parameters, stated) = match reader.tracks() {
        [track] => match &track.codec_params {
            Some(CodecParameters::Audio(parameters)) => (parameters.clone(), track.num_frames),
            _ => return Err(unsupported("a stream without a description")),
        },
        tracks => return Err(unsupported(&format!("{} streams", tracks.len()))),
    };
    let rate_hz = parameters.sample_rate.unwrap_or(0);
    let channels = parameters.channels.as_ref().map_or(0, Channels::count);
    check(rate_hz, channels, stated.unwrap_or(0))?;
    let options = AudioDecoderOptions::default().verify(true);
    let mut decoder = FlacDecoder::try_new(&parameters, &options).map_err(wrong)?;

    let most = most_samples(rate_hz) as usize;
    let mut mono = Vec::with_capacity(stated.unwrap_or(0) as usize);
    let mut interleaved: Vec<f32> = Vec::new();
    while let Some(packet) = reader.next_packet().map_err(wrong)? {
        let decoded = decoder.decode(&packet).map_err(wrong)?;
        if decoded.num_planes() != channels {
            return Err(unsupported("the number of channels changes"));
        }
        decoded.copy_to_vec_interleaved(&mut interleaved);
        mono.extend(
            interleaved
                .chunks_exact(channels)
                .map(|values| values.iter().sum::<f32>() / channels as f32),
        );
        if mono.len() > most {
            return Err(MediaError::TooLong {
                seconds: mono.len() as f64 / f64::from(rate_hz),
            });
        }
    }
    if let Some(expected) = stated
        && expected != mono.len() as u64
    {
        return Err(MediaError::CutOff {
            expected,
            found: mono.len() as u64,
        });
    }
    if decoder.finalize().verify_ok == Some(false) {
        return Err(unsupported("the samples do not have the stated check sum"));
    }
    Ok(Recording { rate_hz, mono })
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "powers of two: exact")]
mod tests {
    use super::*;
    use crate::media::flac_writer::{flac, streaminfo_at};
    use rand::RngExt;

    fn ramp(count: usize) -> Vec<i16> {
        (0..count).map(|i| (i as i32 * 7 - 10_000) as i16).collect()
    }

    #[test]
    fn samples_come_back_exactly() {
        // Not a whole number of blocks.
        let samples = ramp(3 * 4096 + 100);
        let recording = decode(&flac(22_050, &[&samples])).unwrap();
        assert_eq!(recording.rate_hz, 22_050);
        assert_eq!(recording.mono.len(), samples.len());
        for (found, expected) in recording.mono.iter().zip(&samples) {
            assert_eq!(*found, f32::from(*expected) / 32768.0);
        }
    }

    /// Files of a real encoder, with prediction and joined channels, against the samples they were made of.
    #[test]
    fn an_encoders_file_holds_what_went_in() {
        let folder = tempfile::tempdir().unwrap();
        let (wav, flac) = (folder.path().join("in.wav"), folder.path().join("out.flac"));
        for (channels, bits, format) in [(1, 16, "s16"), (2, 16, "s16"), (2, 24, "s32")] {
            let spec = hound::WavSpec {
                channels,
                sample_rate: 44_100,
                bits_per_sample: bits,
                sample_format: hound::SampleFormat::Int,
            };
            let mut writer = hound::WavWriter::create(&wav, spec).unwrap();
            let mut noise = crate::seed::rng(1, &[4]);
            for i in 0..20_000 {
                let tone = (f64::from(i) * 0.05).sin() * 0.7 * 2f64.powi(i32::from(bits) - 1);
                for _ in 0..channels {
                    writer
                        .write_sample(tone as i32 + noise.random_range(-90..90))
                        .unwrap();
                }
            }
            writer.finalize().unwrap();
            let output = std::process::Command::new("ffmpeg")
                .args(["-nostdin", "-v", "error", "-y", "-i"])
                .arg(&wav)
                .args(["-sample_fmt", format])
                .arg(&flac)
                .output()
                .expect("ffmpeg is missing: apt-get install -y ffmpeg");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            let from_wav = crate::media::wav::decode(&std::fs::read(&wav).unwrap()).unwrap();
            let from_flac = decode(&std::fs::read(&flac).unwrap()).unwrap();
            assert_eq!(from_flac.rate_hz, from_wav.rate_hz);
            assert_eq!(from_flac.mono.len(), from_wav.mono.len());
            for (a, b) in from_flac.mono.iter().zip(&from_wav.mono) {
                assert!(
                    (a - b).abs() <= 1e-7,
                    "{channels} channels, {bits} bits: {a} {b}"
                );
            }
        }
    }

    #[test]
    fn channels_are_averaged() {
        let (left, right) = (vec![8_192i16; 5000], vec![-16_384i16; 5000]);
        let recording = decode(&flac(16_000, &[&left, &right])).unwrap();
        assert_eq!(recording.mono, vec![-0.125; 5000]);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let long = flac(4_000, &[&ramp(4_000 * 31)]);
        assert_eq!(decode(&long), Err(MediaError::TooLong { seconds: 31.0 }));
        let many = vec![[0i16; 64].as_slice(); 8];
        assert!(decode(&flac(16_000, &many)).is_ok());
        assert_eq!(
            decode(&flac(3_000, &[&ramp(64)])),
            Err(MediaError::Rate { found: 3_000 })
        );
        let mut cut = flac(16_000, &[&ramp(3 * 4096)]);
        cut.truncate(cut.len() - 9000);
        assert!(matches!(
            decode(&cut),
            Err(MediaError::CutOff {
                expected: 12_288,
                ..
            } | MediaError::Sound { .. })
        ));
        assert!(matches!(decode(b"fLaC"), Err(MediaError::Sound { .. })));
    }

    /// A length that is not stated is counted, and still bounded.
    #[test]
    fn unknown_lengths_are_bounded() {
        let mut short = flac(16_000, &[&ramp(5000)]);
        forget_length(&mut short);
        assert_eq!(decode(&short).unwrap().mono.len(), 5000);
        let mut long = flac(4_000, &[&ramp(4_000 * 31)]);
        forget_length(&mut long);
        assert!(matches!(decode(&long), Err(MediaError::TooLong { .. })));
    }

    fn forget_length(bytes: &mut [u8]) {
        let info = &mut bytes[streaminfo_at()..];
        info[13] &= 0xf0;
        info[14..18].fill(0);
    }

    #[test]
    fn a_changed_sample_is_found() {
        let mut bytes = flac(16_000, &[&ramp(4096)]);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        assert!(decode(&bytes).is_err());
    }

    #[test]
    fn damaged_bytes_never_panic() {
        let whole = flac(16_000, &[&ramp(3000), &ramp(3000)]);
        let mut rng = crate::seed::rng(1, &[3]);
        for _ in 0..600 {
            let mut bytes = whole.clone();
            for _ in 0..rng.random_range(1..6) {
                // Mostly in the headers, where it hurts most.
                let end = if rng.random() { 100 } else { bytes.len() };
                let place = rng.random_range(0..end);
                bytes[place] = rng.random();
            }
            bytes.truncate(rng.random_range(50..=bytes.len()));
            if let Ok(recording) = decode(&bytes) {
                assert!(recording.mono.iter().all(|s| (-1.0..=1.0).contains(s)));
            }
        }
    }
}
