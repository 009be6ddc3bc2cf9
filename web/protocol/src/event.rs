//! What the engine answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits::ProtocolError;
use crate::slab::Slab;

/// A message from the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The program runs and waits for its configuration.
    Loaded {
        /// The engine's [`VERSION`](crate::VERSION).
        version: u32,
    },
    /// Starting: `done` of the whole start, in 0..=1.
    Progress {
        /// What is being done, for people.
        what: String,
        /// Share of the whole start that is done.
        done: f32,
    },
    /// Windows are welcome.
    Ready {
        /// Where the arithmetic happens.
        device: DeviceReport,
        /// What is loaded.
        model: ModelReport,
    },
    /// A window is being worked on.
    Working {
        /// The window.
        id: u64,
        /// The step that begins.
        stage: Stage,
    },
    /// A window was replaced by a newer one before its turn.
    Dropped {
        /// The window.
        id: u64,
    },
    /// A window is judged.
    Outcome(Box<Outcome>),
    /// Something failed.
    Failure {
        /// The window, where it concerns one.
        id: Option<u64>,
        /// The cause and what to do about it.
        message: String,
        /// The engine can do no more and must be started anew.
        fatal: bool,
    },
}

/// The steps of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Finding and cutting out the faces.
    Faces,
    /// Mel spectrogram.
    Sound,
    /// Tokens and text encoder.
    Words,
    /// The model itself.
    Model,
}

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// The processor, through WebAssembly.
    Cpu,
    /// The graphics card.
    Webgpu,
}

/// What the browser says about the graphics adapter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Adapter {
    /// Vendor name.
    pub vendor: String,
    /// Family of the GPU.
    pub architecture: String,
    /// Free text.
    pub description: String,
    /// Software that pretends to be a GPU.
    pub fallback: bool,
}

/// The device and why it was chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// Kind.
    pub kind: DeviceKind,
    /// The adapter that was found, also where it is not used.
    pub adapter: Option<Adapter>,
    /// Why it is not the GPU; `None` where it is, or where the CPU was asked for.
    pub fallback_reason: Option<String>,
    /// The golden self-test on this device.
    pub self_test: SelfTest,
}

/// The golden self-test: a fixed input through the real model before the first number is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// Largest difference between the CPU's and the recorded logits.
    pub recorded_deviation: f32,
    /// Largest difference between this device's and the CPU's numbers; `None` where this device is the CPU.
    pub device_deviation: Option<f32>,
    /// Differences beyond this are a failure.
    pub limit: f32,
    /// Time it took.
    pub elapsed_ms: f64,
}

/// The model that is loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelReport {
    /// Its name.
    pub name: String,
    /// Class names, in the order of the logits.
    pub classes: Vec<String>,
    /// Whether one class of all is looked for: the probabilities then add up to 1. Otherwise each class is a question
    /// of its own.
    pub one_of_all: bool,
    /// Its own share of the attention mass that is kept.
    pub top_p: f32,
    /// Number of parameters, text encoder included.
    pub parameters: u64,
}

/// A source of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Modality {
    /// The words.
    #[serde(rename = "t")]
    Text,
    /// The faces.
    #[serde(rename = "v")]
    Visual,
    /// The voice.
    #[serde(rename = "a")]
    Acoustic,
}

impl Modality {
    /// All of them, in the order in which the model fuses them.
    pub const ALL: [Self; 3] = [Self::Text, Self::Visual, Self::Acoustic];

    /// Its letter, as in the native program's files.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Text => 't',
            Self::Visual => 'v',
            Self::Acoustic => 'a',
        }
    }
}

/// Multiply-accumulates of one branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Macs {
    /// Convolutions and attention, counting pairs of active sites.
    pub pairs: u64,
    /// Convolutions and attention, every active site pays for nine neighbours.
    pub sites: u64,
    /// The dense twin's convolutions on the same input.
    pub dense: u64,
}

/// A face crop of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// Time of its frame from the window's start in milliseconds.
    pub t_ms: f64,
    /// False where no face was found and the middle of the picture was cut out instead.
    pub found: bool,
    /// Left, top, right, bottom in pixels of the frame.
    pub bbox: Option<[f32; 4]>,
}

/// One attention layer over the rows (faces or mel chunks) of a window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttentionLayer {
    /// Height of each map.
    pub height: usize,
    /// Width of each map.
    pub width: usize,
    /// Softmax weights, floats, a row-major map a row.
    pub weights: Slab,
    /// 1 where a point was kept, bytes, a row-major map a row.
    pub masks: Slab,
}

/// A judged window. `probabilities`, `logits`, `shares`, `frames`, `chunks`, `faces_found`, `active_points`,
/// `device`, `timings_ms` and `notes` mean what they mean in the native program's JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The window.
    pub id: u64,
    /// Class names.
    pub classes: Vec<String>,
    /// Sigmoid of the logits, a class each; classes are judged one by one and do not add up to 1.
    pub probabilities: Vec<f32>,
    /// Fused logits, one a class.
    pub logits: Vec<f32>,
    /// Each modality's part in the logits; the parts add up to them.
    pub shares: BTreeMap<Modality, Vec<f32>>,
    /// Face crops that were judged.
    pub frames: usize,
    /// Mel chunks that were judged.
    pub chunks: usize,
    /// Crops in which a face was found.
    pub faces_found: usize,
    /// Kept points of each attention layer over all rows.
    pub active_points: BTreeMap<Modality, Vec<usize>>,
    /// Cost of each branch.
    pub macs: BTreeMap<Modality, Macs>,
    /// `cpu` or `webgpu`.
    pub device: DeviceKind,
    /// Memory of the engine's program in bytes, that of the graphics card not counted.
    pub memory_bytes: u64,
    /// Milliseconds by step, and `total`.
    pub timings_ms: BTreeMap<String, f64>,
    /// What was absent or replaced.
    pub notes: Vec<String>,
    /// The face crops, in the order of time.
    pub faces: Vec<Face>,
    /// Their pixels, a row each: 48 x 48 x (red, green, blue, opacity).
    pub crops: Option<Slab>,
    /// The mel chunks, a row each: 128 bands from low to high, 32 steps a band, raw power.
    pub mels: Option<Slab>,
    /// The attention layers of each sparse branch, first to last.
    pub attention: BTreeMap<Modality, Vec<AttentionLayer>>,
}

impl Outcome {
    /// Index, name and probability of the likeliest class; `None` where there are no classes.
    #[must_use]
    pub fn likeliest(&self) -> Option<(usize, &str, f32)> {
        let classes = self.classes.iter().zip(&self.probabilities).enumerate();
        classes
            .max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b))
            .map(|(index, (name, probability))| (index, name.as_str(), *probability))
    }

    /// Cost of all branches together.
    #[must_use]
    pub fn all_macs(&self) -> Macs {
        self.macs.values().fold(Macs::default(), |sum, macs| Macs {
            pairs: sum.pairs + macs.pairs,
            sites: sum.sites + macs.sites,
            dense: sum.dense + macs.dense,
        })
    }

    /// Milliseconds that the window took; 0 where nobody counted.
    #[must_use]
    pub fn total_ms(&self) -> f64 {
        self.timings_ms.get("total").copied().unwrap_or(0.0)
    }

    /// Whether all buffers have the sizes they are said to have.
    ///
    /// # Errors
    /// [`ProtocolError::Buffer`] naming the first that has not.
    pub fn check(&self, buffer_sizes: &[usize]) -> Result<(), ProtocolError> {
        for (what, slab) in [("crops", &self.crops), ("mel chunks", &self.mels)] {
            if let Some(slab) = slab {
                slab.check(what, buffer_sizes)?;
            }
        }
        for layer in self.attention.values().flatten() {
            layer.weights.check("attention weights", buffer_sizes)?;
            layer.masks.check("attention masks", buffer_sizes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Buffers;

    fn outcome(buffers: &mut Buffers) -> Outcome {
        let layer = AttentionLayer {
            height: 2,
            width: 2,
            weights: buffers.push_f32(1, &[0.25; 4]),
            masks: buffers.push_u8(1, vec![1; 4]),
        };
        Outcome {
            id: 1,
            classes: vec!["joy".to_owned()],
            probabilities: vec![0.5],
            logits: vec![0.0],
            shares: BTreeMap::from([(Modality::Visual, vec![0.0])]),
            frames: 1,
            chunks: 0,
            faces_found: 1,
            active_points: BTreeMap::from([(Modality::Visual, vec![4])]),
            macs: BTreeMap::new(),
            device: DeviceKind::Cpu,
            memory_bytes: 0,
            timings_ms: BTreeMap::new(),
            notes: Vec::new(),
            faces: Vec::new(),
            crops: None,
            mels: None,
            attention: BTreeMap::from([(Modality::Visual, vec![layer])]),
        }
    }

    #[test]
    fn modalities_are_letters_in_json() {
        let event = Event::Outcome(Box::new(outcome(&mut Buffers::default())));
        let json = serde_json::to_string(&event).unwrap();
        assert!(json.contains(r#""shares":{"v":[0.0]}"#), "{json}");
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn the_likeliest_class_has_a_name() {
        let mut judged = outcome(&mut Buffers::default());
        assert_eq!(judged.likeliest(), Some((0, "joy", 0.5)));
        judged.classes = ["joy", "fear", "anger"].map(str::to_owned).to_vec();
        judged.probabilities = vec![0.1, 0.7, 0.2];
        assert_eq!(judged.likeliest(), Some((1, "fear", 0.7)));
        judged.classes.clear();
        assert_eq!(judged.likeliest(), None);
    }

    #[test]
    fn costs_add_up() {
        let mut judged = outcome(&mut Buffers::default());
        let macs = |pairs, sites, dense| Macs {
            pairs,
            sites,
            dense,
        };
        judged.macs = BTreeMap::from([
            (Modality::Visual, macs(1, 2, 3)),
            (Modality::Acoustic, macs(10, 20, 30)),
        ]);
        assert_eq!(judged.all_macs(), macs(11, 22, 33));
    }

    #[test]
    fn a_missing_map_is_noticed() {
        let mut buffers = Buffers::default();
        let outcome = outcome(&mut buffers);
        let sizes: Vec<usize> = buffers.0.iter().map(Vec::len).collect();
        assert!(outcome.check(&sizes).is_ok());
        assert!(outcome.check(&sizes[..1]).is_err());
    }
}
