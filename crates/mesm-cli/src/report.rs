//! The JSON object of a run, and the JSON line of a window.

use std::collections::BTreeMap;

use mesm::{Activation, Cost, Modality};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::judgement::{FaceEntry, Judgement, Summary};

/// One number a class, in the order of the logits; an object in JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct ByClass(Vec<(String, f32)>);

impl ByClass {
    /// Pairs names and values.
    #[must_use]
    pub fn new(classes: &[String], values: &[f32]) -> Self {
        Self(
            classes
                .iter()
                .cloned()
                .zip(values.iter().copied())
                .collect(),
        )
    }

    /// Names and values in the order of the logits.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f32)> {
        self.0.iter().map(|(class, value)| (class.as_str(), *value))
    }

    /// The value of the class at `index`.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<f32> {
        self.0.get(index).map(|(_, value)| *value)
    }
}

impl Serialize for ByClass {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (class, value) in &self.0 {
            map.serialize_entry(class, value)?;
        }
        map.end()
    }
}

/// Multiply-accumulates of the convolutions and the attention of a branch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Macs {
    /// Counting pairs of active sites.
    pub pairs: u64,
    /// Charging every active site for nine neighbours.
    pub sites: u64,
    /// The dense twin's on the same input.
    pub dense: u64,
}

impl From<&Cost> for Macs {
    fn from(cost: &Cost) -> Self {
        Self {
            pairs: cost.cnn_macs_pairs(),
            sites: cost.cnn_macs_sites(),
            dense: cost.fe2e_macs,
        }
    }
}

/// Cost by branch and altogether.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CostReport {
    /// By branch.
    #[serde(flatten)]
    pub branches: BTreeMap<Modality, Macs>,
    /// Their sum.
    pub total: Macs,
}

impl CostReport {
    fn new(costs: &BTreeMap<Modality, Cost>) -> Self {
        let branches: BTreeMap<_, _> = costs
            .iter()
            .map(|(modality, cost)| (*modality, Macs::from(cost)))
            .collect();
        let total = branches.values().fold(Macs::default(), |sum, macs| Macs {
            pairs: sum.pairs + macs.pairs,
            sites: sum.sites + macs.sites,
            dense: sum.dense + macs.dense,
        });
        Self { branches, total }
    }
}

/// What does not depend on the clip.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFacts {
    /// The file as it was named.
    pub clip: String,
    /// `mesm` or `fe2e`.
    pub model: &'static str,
    /// Where the weights came from: a file's name, that of the built-in ones too.
    pub weights: String,
    /// Class names in the order of the logits.
    pub classes: Vec<String>,
    /// What turns logits into probabilities.
    pub activation: Activation,
    /// Share of the attention mass that is kept.
    pub top_p: f32,
    /// `cpu`, `cuda` or `vulkan`.
    pub device: &'static str,
}

/// The answer to `mesm infer --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The file as it was named.
    pub clip: String,
    /// Length of what was judged, in seconds.
    pub duration_s: f64,
    /// `mesm` or `fe2e`.
    pub model: &'static str,
    /// The name of the weights' file.
    pub weights: String,
    /// Share of the attention mass that is kept.
    pub top_p: f32,
    /// Class names in the order of the logits.
    pub classes: Vec<String>,
    /// Windows the clip was cut into.
    pub windows: u64,
    /// Probabilities by class; where several windows were judged, those of their mean logits.
    pub probabilities: ByClass,
    /// Fused logits by class.
    pub logits: ByClass,
    /// By modality (`t`, `v`, `a`) and class; they add up to the logits.
    pub shares: BTreeMap<Modality, ByClass>,
    /// Face crops that were judged.
    pub frames: usize,
    /// Mel chunks that were judged.
    pub chunks: usize,
    /// Frames in which a face was found.
    pub faces_found: usize,
    /// By modality, kept points of each attention layer.
    pub active_points: BTreeMap<Modality, Vec<u64>>,
    /// Multiply-accumulates by branch, and `total`.
    pub macs: CostReport,
    /// `cpu`, `cuda` or `vulkan`.
    pub device: &'static str,
    /// Milliseconds by step, and `total`.
    pub timings_ms: BTreeMap<&'static str, f64>,
    /// The face of each frame, where the clip was one window.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faces: Vec<FaceEntry>,
    /// What was absent or replaced.
    pub notes: Vec<String>,
}

impl Report {
    /// Puts a run together; `None` where no window had an answer.
    #[must_use]
    pub fn new(
        facts: RunFacts,
        summary: &Summary,
        timings_ms: BTreeMap<&'static str, f64>,
        run_notes: impl IntoIterator<Item = String>,
    ) -> Option<Self> {
        let logits = summary.logits()?;
        let notes = run_notes.into_iter().chain(window_notes(summary)).collect();
        let by_class = |values: &[f32]| ByClass::new(&facts.classes, values);
        Some(Self {
            duration_s: summary.end_s,
            windows: summary.windows,
            probabilities: by_class(&facts.activation.probabilities(&logits)),
            logits: by_class(&logits),
            shares: summary
                .shares()
                .iter()
                .map(|(modality, share)| (*modality, by_class(share)))
                .collect(),
            frames: summary.frames,
            chunks: summary.chunks,
            faces_found: summary.faces_found,
            active_points: summary.active_points.clone(),
            macs: CostReport::new(&summary.macs),
            timings_ms,
            faces: if summary.windows == 1 {
                summary.faces.clone()
            } else {
                Vec::new()
            },
            notes,
            clip: facts.clip,
            model: facts.model,
            weights: facts.weights,
            top_p: facts.top_p,
            classes: facts.classes,
            device: facts.device,
        })
    }
}

/// Notes of windows, each once; with their number where the clip has several windows.
fn window_notes(summary: &Summary) -> impl Iterator<Item = String> {
    let windows = summary.windows;
    summary
        .notes
        .iter()
        .map(move |(note, count)| match windows {
            1 => note.to_string(),
            _ => format!("{note} ({count} of {windows} windows)"),
        })
}

/// One window of a time line, as a JSON line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WindowReport {
    /// Start in seconds.
    pub start_s: f64,
    /// End in seconds.
    pub end_s: f64,
    /// Sigmoid of the logits by class; null where there was nothing to judge.
    pub probabilities: Option<ByClass>,
    /// Fused logits by class; null where there was nothing to judge.
    pub logits: Option<ByClass>,
    /// By modality and class.
    pub shares: BTreeMap<Modality, ByClass>,
    /// Face crops that were judged.
    pub frames: usize,
    /// Mel chunks that were judged.
    pub chunks: usize,
    /// Frames in which a face was found.
    pub faces_found: usize,
    /// By modality, kept points of each attention layer.
    pub active_points: BTreeMap<Modality, Vec<u64>>,
    /// Multiply-accumulates by branch, and `total`.
    pub macs: CostReport,
    /// The face of each frame.
    pub faces: Vec<FaceEntry>,
    /// What was absent or replaced.
    pub notes: Vec<String>,
}

impl WindowReport {
    /// The report of one window.
    #[must_use]
    pub fn new(classes: &[String], judgement: &Judgement) -> Self {
        let by_class = |values: &[f32]| ByClass::new(classes, values);
        Self {
            start_s: judgement.start_s,
            end_s: judgement.end_s,
            probabilities: judgement.probabilities.as_deref().map(by_class),
            logits: judgement.logits.as_deref().map(by_class),
            shares: judgement
                .shares
                .iter()
                .map(|(modality, share)| (*modality, by_class(share)))
                .collect(),
            frames: judgement.frames,
            chunks: judgement.chunks,
            faces_found: judgement.faces_found,
            active_points: judgement.active_points.clone(),
            macs: CostReport::new(&judgement.macs),
            faces: judgement.faces.clone(),
            notes: judgement.notes.iter().map(ToString::to_string).collect(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use mesm_features::window::Absence;

    use super::*;
    use crate::notes::{RunNote, WindowNote};

    /// A run of one window with both branches, for the tests of the fronts.
    pub(crate) fn example() -> Report {
        let cost = Cost {
            dense_macs: 100_000_000,
            sparse_macs_pairs: 50_000_000,
            sparse_macs_sites: 80_000_000,
            fe2e_macs: 478_000_000,
            ..Cost::default()
        };
        let mut summary = Summary::default();
        summary.add(&Judgement {
            start_s: 0.0,
            end_s: 3.3,
            logits: Some(vec![1.0, -2.0]),
            probabilities: Some(Activation::Sigmoid.probabilities(&[1.0, -2.0])),
            shares: BTreeMap::from([
                (Modality::Text, vec![0.25, -1.0]),
                (Modality::Visual, vec![0.5, -1.5]),
                (Modality::Acoustic, vec![0.25, 0.5]),
            ]),
            frames: 7,
            chunks: 9,
            faces_found: 6,
            active_points: BTreeMap::from([
                (Modality::Visual, vec![1200, 300, 70]),
                (Modality::Acoustic, vec![4000, 900, 200]),
            ]),
            macs: BTreeMap::from([(Modality::Visual, cost), (Modality::Acoustic, cost)]),
            faces: vec![
                FaceEntry {
                    t_s: 0.0,
                    found: true,
                    bounds: Some([10.0, 20.0, 60.5, 80.0]),
                },
                FaceEntry {
                    t_s: 0.5,
                    found: false,
                    bounds: None,
                },
            ],
            notes: vec![WindowNote::Input(Absence::SomeWithoutFace)],
            evidence: None,
        });
        let facts = RunFacts {
            clip: "talk.mp4".to_owned(),
            model: "mesm",
            weights: "web.safetensors".to_owned(),
            classes: vec!["joy".to_owned(), "anger".to_owned()],
            activation: Activation::Sigmoid,
            top_p: 0.5,
            device: "cpu",
        };
        let timings = BTreeMap::from([("faces", 120.25), ("model", 800.5), ("total", 1000.0)]);
        Report::new(
            facts,
            &summary,
            timings,
            [RunNote::EmptySentence.to_string()],
        )
        .unwrap()
    }

    #[test]
    fn the_json_object_has_this_form() {
        let expected = r#"{"clip":"talk.mp4","duration_s":3.3,"model":"mesm","weights":"web.safetensors","top_p":0.5,"classes":["joy","anger"],"windows":1,"probabilities":{"joy":0.7310586,"anger":0.11920292},"logits":{"joy":1.0,"anger":-2.0},"shares":{"t":{"joy":0.25,"anger":-1.0},"v":{"joy":0.5,"anger":-1.5},"a":{"joy":0.25,"anger":0.5}},"frames":7,"chunks":9,"faces_found":6,"active_points":{"v":[1200,300,70],"a":[4000,900,200]},"macs":{"v":{"pairs":150000000,"sites":180000000,"dense":478000000},"a":{"pairs":150000000,"sites":180000000,"dense":478000000},"total":{"pairs":300000000,"sites":360000000,"dense":956000000}},"device":"cpu","timings_ms":{"faces":120.25,"model":800.5,"total":1000.0},"faces":[{"t_s":0.0,"found":true,"box":[10.0,20.0,60.5,80.0]},{"t_s":0.5,"found":false}],"notes":["no words were given: the empty sentence chose the points","no face found in some frames: the authors' fallback crop stands in for them"]}"#;
        assert_eq!(serde_json::to_string(&example()).unwrap(), expected);
    }

    #[test]
    fn a_window_without_an_answer_is_null() {
        let judgement = Judgement {
            notes: vec![WindowNote::Nothing],
            ..Judgement::default()
        };
        let line =
            serde_json::to_value(WindowReport::new(&["joy".to_owned()], &judgement)).unwrap();
        assert!(line["logits"].is_null() && line["probabilities"].is_null());
        assert_eq!(
            line["notes"][0],
            "nothing was left to judge: there is no answer"
        );
    }
}
