//! What the page asks.

use serde::{Deserialize, Serialize};

use crate::limits::{
    MAX_FRAMES, MAX_SAMPLES, MAX_SIDE, MAX_TEXT_BYTES, MIN_SIDE, ProtocolError, VERSION, range,
};
use crate::slab::{Element, Slab};

/// A message from the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Choose a device and load the model. Once, first.
    Configure(Configure),
    /// Judge one window.
    Window(Window),
}

/// Which device shall do the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DevicePreference {
    /// A real GPU that passes the self-test, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// WebGPU whatever the adapter is, software ones included.
    Webgpu,
}

impl DevicePreference {
    /// Reads `auto`, `cpu` or `webgpu`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "cpu" => Some(Self::Cpu),
            "webgpu" => Some(Self::Webgpu),
            _ => None,
        }
    }
}

/// How to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configure {
    /// The page's [`VERSION`].
    pub version: u32,
    /// Address under which `static/` lies, with a slash at its end.
    pub base_url: String,
    /// The device.
    pub device: DevicePreference,
    /// Why the page starts the engine anew; repeated as the reason of the fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_reason: Option<String>,
}

impl Configure {
    /// Whether the engine and the page are of one build.
    ///
    /// # Errors
    /// [`ProtocolError::Version`] where they are not.
    pub fn check(&self) -> Result<(), ProtocolError> {
        if self.version == VERSION {
            return Ok(());
        }
        Err(ProtocolError::Version {
            page: self.version,
            engine: VERSION,
        })
    }
}

/// What may change from window to window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Share of the attention mass that is kept, (0, 1]; `None` is the model's own.
    pub top_p: Option<f32>,
    /// Compute every point, without attention: the dense twin of the model.
    pub every_point: bool,
    /// Look at the faces.
    pub visual: bool,
    /// Listen to the voice.
    pub acoustic: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            top_p: None,
            every_point: false,
            visual: true,
            acoustic: true,
        }
    }
}

/// One picture of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Time from the window's start in milliseconds.
    pub t_ms: f64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Position of the buffer with `[height, width, 4]` bytes: red, green, blue, opacity (not used).
    pub buffer: usize,
}

impl Frame {
    /// The buffer's description.
    #[must_use]
    pub fn slab(&self) -> Slab {
        Slab {
            buffer: self.buffer,
            element: Element::U8,
            rows: self.height as usize,
            row_len: self.width as usize * 4,
        }
    }
}

/// A stretch of video, sound and words to judge. A window is judged by itself: its result depends on nothing that was
/// sent before, so that it can be repeated elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Counts upwards; the answer repeats it.
    pub id: u64,
    /// The words; may be empty.
    pub text: String,
    /// The pictures, in the order of time; may be none.
    pub frames: Vec<Frame>,
    /// One row of mono samples at 16 kHz, full scale -1..=1; absent where there is no sound.
    pub samples: Option<Slab>,
    /// Settings of this window.
    pub settings: Settings,
}

impl Window {
    /// Whether the window keeps to the limits and its buffers have the sizes it says.
    ///
    /// # Errors
    /// [`ProtocolError`] naming the first value that does not.
    pub fn check(&self, buffer_sizes: &[usize]) -> Result<(), ProtocolError> {
        if self.text.len() > MAX_TEXT_BYTES {
            return Err(range(
                "the text",
                format!("at most {MAX_TEXT_BYTES} bytes"),
                self.text.len().to_string(),
            ));
        }
        if self.frames.len() > MAX_FRAMES {
            return Err(range(
                "frames",
                format!("at most {MAX_FRAMES}"),
                self.frames.len().to_string(),
            ));
        }
        let mut last = f64::NEG_INFINITY;
        for frame in &self.frames {
            let (short, long) = (frame.width.min(frame.height), frame.width.max(frame.height));
            if short < MIN_SIDE || long > MAX_SIDE {
                return Err(range(
                    "sides of a frame",
                    format!("{MIN_SIDE}..={MAX_SIDE} pixels"),
                    format!("{} x {}", frame.width, frame.height),
                ));
            }
            if !frame.t_ms.is_finite() || frame.t_ms < last {
                return Err(range(
                    "frame times",
                    "finite and rising",
                    frame.t_ms.to_string(),
                ));
            }
            last = frame.t_ms;
            frame.slab().check("a frame", buffer_sizes)?;
        }
        if let Some(samples) = &self.samples {
            if samples.element != Element::F32 || samples.rows != 1 || samples.row_len > MAX_SAMPLES
            {
                return Err(range(
                    "samples",
                    format!("one row of at most {MAX_SAMPLES} floats"),
                    format!("{samples:?}"),
                ));
            }
            samples.check("samples", buffer_sizes)?;
        }
        match self.settings.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => Err(range("top_p", "in (0, 1]", p.to_string())),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Window {
        Window {
            id: 7,
            text: "so it is".to_owned(),
            frames: vec![Frame {
                t_ms: 0.0,
                width: 64,
                height: 48,
                buffer: 0,
            }],
            samples: Some(Slab {
                buffer: 1,
                element: Element::F32,
                rows: 1,
                row_len: 10,
            }),
            settings: Settings::default(),
        }
    }

    const SIZES: [usize; 2] = [64 * 48 * 4, 40];

    #[test]
    fn a_window_survives_its_json() {
        let request = Request::Window(window());
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&json).unwrap(), request);
        assert_eq!(window().check(&SIZES), Ok(()));
    }

    #[test]
    fn every_limit_is_kept() {
        type Change = fn(&mut Window);
        let changes: [(&str, Change); 9] = [
            ("text", |w| w.text = "x".repeat(MAX_TEXT_BYTES + 1)),
            ("frames", |w| {
                w.frames = vec![w.frames[0].clone(); MAX_FRAMES + 1];
            }),
            ("narrow", |w| w.frames[0].width = 10),
            ("wide", |w| w.frames[0].width = MAX_SIDE + 1),
            ("time", |w| w.frames[0].t_ms = f64::NAN),
            ("buffer", |w| w.frames[0].buffer = 5),
            ("samples", |w| {
                w.samples = Some(Slab {
                    buffer: 1,
                    element: Element::F32,
                    rows: 1,
                    row_len: 11,
                });
            }),
            ("p", |w| w.settings.top_p = Some(0.0)),
            ("p nan", |w| w.settings.top_p = Some(f32::NAN)),
        ];
        for (name, change) in changes {
            let mut window = window();
            change(&mut window);
            assert!(window.check(&SIZES).is_err(), "{name}");
        }
    }

    #[test]
    fn another_build_is_refused() {
        let configure = Configure {
            version: VERSION + 1,
            base_url: String::new(),
            device: DevicePreference::Auto,
            restart_reason: None,
        };
        assert!(
            configure
                .check()
                .unwrap_err()
                .to_string()
                .contains("Reload")
        );
    }
}
