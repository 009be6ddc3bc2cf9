//! Whether a file is of a format that the trainer decodes, judged by its header.

use std::io::Cursor;

use image::ImageReader;

/// Largest face picture in bytes.
pub(super) const MAX_FACE_BYTES: u64 = 16 << 20;
/// Largest utterance in bytes.
pub(super) const MAX_AUDIO_BYTES: u64 = 64 << 20;
/// Longest side of a picture in pixels.
const MAX_SIDE: u32 = 8192;
/// `fLaC`, the header of the first block and the block itself.
const FLAC_HEADER_BYTES: usize = 4 + 4 + 34;

/// Looks at the header of a picture.
///
/// # Errors
/// What is wrong with it.
pub(super) fn face(bytes: &[u8]) -> Result<(), String> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|e| e.to_string())?;
    let (width, height) = reader.into_dimensions().map_err(|e| e.to_string())?;
    if width == 0 || height == 0 || width.max(height) > MAX_SIDE {
        return Err(format!(
            "expected 1 to {MAX_SIDE} pixels a side, found {width}x{height}"
        ));
    }
    Ok(())
}

/// Looks at the header of a sound.
///
/// # Errors
/// What is wrong with it.
pub(super) fn audio(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(b"fLaC") {
        return flac(bytes);
    }
    if bytes.starts_with(b"RIFF") {
        let wav = hound::WavReader::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
        let spec = wav.spec();
        return rate(spec.sample_rate, u32::from(spec.channels));
    }
    Err("expected FLAC or WAV".to_owned())
}

/// The first block of a FLAC file describes the stream (RFC 9639, section 8.2).
fn flac(bytes: &[u8]) -> Result<(), String> {
    let Some(header) = bytes.get(4..FLAC_HEADER_BYTES) else {
        return Err("FLAC that ends within its header".to_owned());
    };
    let (kind, length) = (
        header[0] & 0x7f,
        u32::from_be_bytes([0, header[1], header[2], header[3]]),
    );
    if kind != 0 || length != 34 {
        return Err("FLAC that does not begin with its stream's description".to_owned());
    }
    // 20 bits of rate, then 3 of channels less one, after two block and two frame sizes.
    let packed = u32::from_be_bytes([header[14], header[15], header[16], header[17]]);
    rate(packed >> 12, ((packed >> 9) & 7) + 1)
}

fn rate(sample_rate_hz: u32, channels: u32) -> Result<(), String> {
    if sample_rate_hz == 0 || channels == 0 {
        return Err(format!("{channels} channels at {sample_rate_hz} Hz"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of 16 kHz mono.
    fn flac_header() -> Vec<u8> {
        let mut bytes = b"fLaC\x80\0\0\x22".to_vec();
        bytes.extend([0; 10]);
        bytes.extend((16_000u32 << 12).to_be_bytes());
        bytes.extend([0; 20]);
        bytes
    }

    #[test]
    fn headers_of_sounds() {
        assert_eq!(audio(&flac_header()), Ok(()));
        assert!(audio(&flac_header()[..41]).is_err());
        let mut no_rate = flac_header();
        no_rate[18..22].fill(0);
        assert!(audio(&no_rate).is_err());
        let mut no_description = flac_header();
        no_description[4] = 4;
        assert!(audio(&no_description).is_err());
        assert!(audio(b"RIFF\0\0\0\0WAVE").is_err());
        assert!(audio(b"OggS").is_err());
    }

    #[test]
    fn headers_of_pictures() {
        let picture = image::GrayImage::from_pixel(48, 48, image::Luma([9]));
        let mut bytes = Vec::new();
        picture
            .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg)
            .unwrap();
        assert_eq!(face(&bytes), Ok(()));
        assert!(face(&bytes[..20]).is_err());
        assert!(face(b"no picture").is_err());
    }
}
