//! What the model says about one window, and about all windows together.

use std::collections::BTreeMap;

use mesm::{Cost, Modality, Prediction};
use mesm_features::handcrafted::FacePoints;
use serde::Serialize;

use crate::notes::WindowNote;

/// The face of one frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FaceEntry {
    /// Time of the frame in seconds.
    pub t_s: f64,
    /// False where no face was found and the authors' fallback crop stands in.
    pub found: bool,
    /// Left, top, right, bottom in pixels of the frame as it was judged.
    #[serde(rename = "box", skip_serializing_if = "Option::is_none")]
    pub bounds: Option<[f32; 4]>,
}

/// Pictures and maps of a window, for overlays.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// Frames, each `[height, width, 3]`, with width and height.
    pub frames: Vec<std::sync::Arc<mesm_data::clip::Frame>>,
    /// Face crops, each `[3, 48, 48]` in 0..=255; empty where the faces were left out.
    pub crops: Vec<Vec<f32>>,
    /// The face's points in each of them; `None` where no face was found, or they are no face's.
    pub points: Vec<Option<FacePoints>>,
    /// Mel chunks, each `[128, 32]`, as powers.
    pub chunks: Vec<Vec<f32>>,
    /// The model's whole answer.
    pub prediction: Option<Prediction>,
}

/// The answer for one window.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// Start of the window in seconds.
    pub start_s: f64,
    /// End of the window in seconds.
    pub end_s: f64,
    /// Fused logits, one a class; `None` where there was nothing to judge.
    pub logits: Option<Vec<f32>>,
    /// Probabilities of the classes; `None` where there was nothing to judge.
    pub probabilities: Option<Vec<f32>>,
    /// Each modality's share of the logits; the shares add up to them.
    pub shares: BTreeMap<Modality, Vec<f32>>,
    /// Face crops that were judged.
    pub frames: usize,
    /// Mel chunks that were judged.
    pub chunks: usize,
    /// Frames in which a face was found.
    pub faces_found: usize,
    /// Kept points of each attention layer over all frames or chunks.
    pub active_points: BTreeMap<Modality, Vec<u64>>,
    /// Multiply-accumulates of each branch.
    pub macs: BTreeMap<Modality, Cost>,
    /// The face of each frame that was looked at.
    pub faces: Vec<FaceEntry>,
    /// What was absent or replaced in this window.
    pub notes: Vec<WindowNote>,
    /// Pictures, where overlays are wanted.
    pub evidence: Option<Evidence>,
}

/// All windows together: logits and shares are means weighted by the windows' lengths, so that shares still add up to
/// logits; everything else is a sum.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Windows seen.
    pub windows: u64,
    /// Windows with an answer.
    pub judged: u64,
    /// End of the last window in seconds.
    pub end_s: f64,
    logits: Vec<f64>,
    shares: BTreeMap<Modality, Vec<f64>>,
    weight_s: f64,
    /// Sum over windows.
    pub frames: usize,
    /// Sum over windows.
    pub chunks: usize,
    /// Sum over windows.
    pub faces_found: usize,
    /// Sum over windows.
    pub active_points: BTreeMap<Modality, Vec<u64>>,
    /// Sum over windows.
    pub macs: BTreeMap<Modality, Cost>,
    /// Faces of the first window; later windows have them in the time line.
    pub faces: Vec<FaceEntry>,
    /// How many windows each note stands in, and how many frames or windows it speaks of.
    pub notes: BTreeMap<WindowNote, u64>,
}

impl Summary {
    /// Adds a window.
    pub fn add(&mut self, judgement: &Judgement) {
        if self.windows == 0 {
            self.faces.clone_from(&judgement.faces);
        }
        self.windows += 1;
        self.end_s = self.end_s.max(judgement.end_s);
        self.frames += judgement.frames;
        self.chunks += judgement.chunks;
        self.faces_found += judgement.faces_found;
        for note in &judgement.notes {
            *self.notes.entry(*note).or_default() += 1;
        }
        for (modality, points) in &judgement.active_points {
            let sums = self.active_points.entry(*modality).or_default();
            sums.resize(points.len(), 0);
            sums.iter_mut().zip(points).for_each(|(sum, n)| *sum += n);
        }
        for (modality, cost) in &judgement.macs {
            add_cost(self.macs.entry(*modality).or_default(), cost);
        }
        let Some(logits) = &judgement.logits else {
            return;
        };
        // A single picture lasts no time; it still counts.
        let weight_s = (judgement.end_s - judgement.start_s).max(1e-3);
        self.judged += 1;
        self.weight_s += weight_s;
        add_weighted(&mut self.logits, logits, weight_s);
        for (modality, share) in &judgement.shares {
            add_weighted(self.shares.entry(*modality).or_default(), share, weight_s);
        }
    }

    /// Mean logits, one a class; `None` where no window had an answer.
    #[must_use]
    pub fn logits(&self) -> Option<Vec<f32>> {
        (self.judged > 0).then(|| self.mean(&self.logits))
    }

    /// Mean shares; windows without the modality count as zeros.
    #[must_use]
    pub fn shares(&self) -> BTreeMap<Modality, Vec<f32>> {
        self.shares
            .iter()
            .map(|(modality, sums)| (*modality, self.mean(sums)))
            .collect()
    }

    fn mean(&self, sums: &[f64]) -> Vec<f32> {
        sums.iter()
            .map(|sum| (sum / self.weight_s) as f32)
            .collect()
    }
}

fn add_weighted(sums: &mut Vec<f64>, values: &[f32], weight: f64) {
    sums.resize(values.len(), 0.0);
    sums.iter_mut()
        .zip(values)
        .for_each(|(sum, v)| *sum += f64::from(*v) * weight);
}

fn add_cost(sum: &mut Cost, cost: &Cost) {
    sum.dense_macs += cost.dense_macs;
    sum.attention_macs += cost.attention_macs;
    sum.sparse_macs_pairs += cost.sparse_macs_pairs;
    sum.sparse_macs_sites += cost.sparse_macs_sites;
    sum.flatten_macs += cost.flatten_macs;
    sum.fe2e_macs += cost.fe2e_macs;
}

#[cfg(test)]
mod tests {
    use mesm_features::window::Absence;

    use super::*;

    fn judgement(start_s: f64, end_s: f64, logit: f32, notes: Vec<WindowNote>) -> Judgement {
        Judgement {
            start_s,
            end_s,
            logits: Some(vec![logit]),
            shares: BTreeMap::from([
                (Modality::Text, vec![logit / 4.0]),
                (Modality::Visual, vec![logit * 0.75]),
            ]),
            frames: 2,
            active_points: BTreeMap::from([(Modality::Visual, vec![5, 3, 1])]),
            notes,
            ..Judgement::default()
        }
    }

    #[test]
    fn longer_windows_weigh_more_and_shares_still_add_up() {
        let mut summary = Summary::default();
        summary.add(&judgement(0.0, 30.0, 1.0, vec![]));
        summary.add(&judgement(
            30.0,
            31.0,
            -30.0,
            vec![WindowNote::Input(Absence::NoFace)],
        ));
        let logits = summary.logits().unwrap();
        assert!(logits[0].abs() < 1e-6, "{logits:?}");
        let total: f32 = summary.shares().values().map(|share| share[0]).sum();
        assert!((total - logits[0]).abs() < 1e-6);
        assert_eq!(summary.active_points[&Modality::Visual], [10, 6, 2]);
        assert_eq!((summary.windows, summary.frames), (2, 4));
        assert_eq!(summary.notes[&WindowNote::Input(Absence::NoFace)], 1);
    }

    #[test]
    fn a_window_without_an_answer_does_not_pull_the_mean() {
        let mut summary = Summary::default();
        summary.add(&judgement(0.0, 1.0, 2.0, vec![]));
        summary.add(&Judgement {
            start_s: 1.0,
            end_s: 2.0,
            ..Judgement::default()
        });
        assert_eq!(summary.logits(), Some(vec![2.0]));
        assert_eq!((summary.windows, summary.judged), (2, 1));
        assert_eq!(Summary::default().logits(), None);
    }

    #[test]
    fn a_modality_absent_from_some_windows_counts_as_zero_there() {
        let mut summary = Summary::default();
        summary.add(&judgement(0.0, 1.0, 4.0, vec![]));
        let mut second = judgement(1.0, 2.0, 1.0, vec![]);
        second.shares.remove(&Modality::Visual);
        second.shares.insert(Modality::Text, vec![1.0]);
        summary.add(&second);
        assert_eq!(summary.logits(), Some(vec![2.5]));
        assert_eq!(summary.shares()[&Modality::Visual], [1.5]);
        assert_eq!(summary.shares()[&Modality::Text], [1.0]);
    }
}
