//! A window's buffers as pictures and samples.

use js_sys::ArrayBuffer;
use mesm_features::picture::CHANNELS;
use mesm_protocol::{Packet, Settings, Window, port};

use crate::error::EngineError;

/// One frame of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceFrame {
    /// Time from the window's start in milliseconds.
    pub t_ms: f64,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// `[height, width, 3]`.
    pub rgb: Vec<u8>,
}

/// What a window shows, says and sounds like.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// The window's number.
    pub id: u64,
    /// The words.
    pub text: String,
    /// The pictures, in the order of time.
    pub frames: Vec<EvidenceFrame>,
    /// Mono samples at 16 kHz; `None` where there is no sound.
    pub samples: Option<Vec<f32>>,
    /// The settings.
    pub settings: Settings,
}

impl Evidence {
    /// Takes the buffers of a window into the engine's memory.
    ///
    /// # Errors
    /// When the window breaks a limit of the protocol.
    pub(crate) fn from_packet(packet: Packet<Window, ArrayBuffer>) -> Result<Self, EngineError> {
        let Packet {
            message: window,
            buffers,
        } = packet;
        window.check(&port::sizes(&buffers))?;
        let frames = window
            .frames
            .iter()
            .map(|frame| EvidenceFrame {
                t_ms: frame.t_ms,
                width: frame.width as usize,
                height: frame.height as usize,
                rgb: without_opacity(&port::bytes_of(&buffers[frame.buffer])),
            })
            .collect();
        let samples = window
            .samples
            .map(|slab| js_sys::Float32Array::new(&buffers[slab.buffer]).to_vec());
        Ok(Self {
            id: window.id,
            text: window.text,
            frames,
            samples,
            settings: window.settings,
        })
    }
}

/// `[pixels, 4]` to `[pixels, 3]`.
fn without_opacity(rgba: &[u8]) -> Vec<u8> {
    rgba.chunks_exact(CHANNELS + 1)
        .flat_map(|pixel| &pixel[..CHANNELS])
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::without_opacity;

    #[test]
    fn opacity_is_dropped() {
        assert_eq!(
            without_opacity(&[1, 2, 3, 255, 4, 5, 6, 255]),
            [1, 2, 3, 4, 5, 6]
        );
    }
}
