//! A stretch of three seconds, ready to be judged.

use std::rc::Rc;

use js_sys::{ArrayBuffer, Float32Array};
use mesm_protocol::{
    Element, Frame, MAX_SAMPLES, Packet, Request, SAMPLE_RATE_HZ, Settings, Slab, Window,
};

use super::FRAME_STEP_MS;
use super::frames::Picture;

/// Length of a window in milliseconds: about what the paper's clips have.
pub(crate) const WINDOW_MS: f64 = 3000.0;

/// What a window is made of. The page keeps it as long as its result is shown, for [`crate::export`].
#[derive(Debug, Clone)]
pub(crate) struct WindowInput {
    /// Start on the source's clock in milliseconds.
    pub start_ms: f64,
    /// The words.
    pub text: String,
    /// The pictures, in the order of time.
    pub pictures: Vec<Rc<Picture>>,
    /// Mono samples at 16 kHz.
    pub samples: Option<Float32Array>,
}

impl WindowInput {
    /// Words alone, finished at `end_ms`.
    pub(crate) fn of_words(text: String, end_ms: f64) -> Self {
        Self {
            start_ms: end_ms - WINDOW_MS,
            text,
            pictures: Vec::new(),
            samples: None,
        }
    }

    /// End on the source's clock in milliseconds: of the sound, or the last picture.
    pub(crate) fn end_ms(&self) -> f64 {
        let sound_ms = self.samples.as_ref().map_or(0.0, |samples| {
            f64::from(samples.length()) * 1000.0 / f64::from(SAMPLE_RATE_HZ)
        });
        let picture_ms = self.pictures.last().map_or(0.0, |p| p.t_ms - self.start_ms);
        let length_ms = sound_ms.max(picture_ms);
        self.start_ms
            + if length_ms > 0.0 {
                length_ms
            } else {
                WINDOW_MS
            }
    }

    /// Whether there is nothing to look at or listen to.
    pub(crate) fn is_empty(&self) -> bool {
        self.pictures.is_empty() && self.samples.as_ref().is_none_or(|s| s.length() == 0)
    }

    /// The message for the engine, with copies of the buffers: what is sent is gone from the page.
    pub(crate) fn to_packet(&self, id: u64, settings: Settings) -> Packet<Request, ArrayBuffer> {
        let mut buffers = Vec::with_capacity(self.pictures.len() + 1);
        let frames = self
            .pictures
            .iter()
            .map(|picture| {
                buffers.push(picture.pixels.slice(0));
                Frame {
                    t_ms: (picture.t_ms - self.start_ms).max(0.0),
                    width: picture.width,
                    height: picture.height,
                    buffer: buffers.len() - 1,
                }
            })
            .collect();
        let samples = self
            .samples
            .as_ref()
            .filter(|samples| samples.length() > 0)
            .map(|samples| {
                let kept = samples.slice(0, samples.length().min(MAX_SAMPLES as u32));
                let slab = Slab {
                    buffer: buffers.len(),
                    element: Element::F32,
                    rows: 1,
                    row_len: kept.length() as usize,
                };
                buffers.push(kept.buffer());
                slab
            });
        Packet {
            message: Request::Window(Window {
                id,
                text: self.text.clone(),
                frames,
                samples,
                settings,
            }),
            buffers,
        }
    }
}

/// Starts of the windows that cover a clip of this length, in milliseconds; the last one may be shorter, but a rest
/// shorter than two frames is left to the window before.
pub(crate) fn step_starts(duration_ms: f64) -> Vec<f64> {
    let mut starts = vec![0.0];
    let mut start = WINDOW_MS;
    while duration_ms - start > 2.0 * FRAME_STEP_MS {
        starts.push(start);
        start += WINDOW_MS;
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_rest_opens_no_window() {
        assert_eq!(step_starts(0.0), [0.0]);
        assert_eq!(step_starts(3000.0), [0.0]);
        assert_eq!(step_starts(3999.0), [0.0]);
        assert_eq!(step_starts(4001.0), [0.0, 3000.0]);
        assert_eq!(step_starts(9500.0), [0.0, 3000.0, 6000.0]);
    }
}
