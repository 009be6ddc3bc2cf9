//! What is said about an input: one JSON object and a table.

use mesm_train::metrics::Interval;
use serde::Serialize;

use super::facs::FacsRow;
use crate::error::CliError;

/// Everything but the pictures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Report {
    /// The clip or the store.
    pub(super) input: String,
    /// Of a store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) split: Option<String>,
    /// Name of the weights.
    pub(super) weights: String,
    /// Share of the attention mass that is kept.
    pub(super) top_p: f32,
    /// What chose the points.
    pub(super) query: String,
    /// Faces that count for the score.
    pub(super) faces: usize,
    /// Those of them whose five points were found; the others have them at their usual places.
    pub(super) points_found: usize,
    /// The FACS score: an entry for each emotion and attention layer.
    pub(super) facs: Vec<FacsRow>,
    /// What was absent, left out or replaced.
    pub(super) notes: Vec<String>,
    /// What was written into the folder.
    pub(super) files: Vec<&'static str>,
    /// Which faces and chunks are shown.
    #[serde(skip)]
    pub(super) chosen: String,
    /// Share of a spectrogram's values that is shown.
    #[serde(skip)]
    pub(super) highest: Option<f32>,
}

const HEAD: [&str; 22] = [
    "class",
    "regions",
    "layer",
    "rows",
    "columns",
    "n",
    "share",
    "random",
    "random_low",
    "random_high",
    "ratio",
    "ratio_low",
    "ratio_high",
    "verdict",
    "weighted_share",
    "weighted_ratio",
    "weighted_low",
    "weighted_high",
    "others",
    "specificity",
    "specificity_low",
    "specificity_high",
];

impl Report {
    /// The score as a table; ends of intervals that are not known are empty.
    ///
    /// # Errors
    /// Never: it is written to memory.
    pub(super) fn csv(&self) -> Result<Vec<u8>, CliError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |e: csv::Error| CliError::Arguments(e.to_string());
        writer.write_record(HEAD).map_err(failed)?;
        for row in &self.facs {
            let score = &row.score;
            let number = |value: f64| format!("{value:.4}");
            let ends = |interval: Option<Interval>| {
                interval.map_or_else(Default::default, |i| [number(i.low), number(i.high)])
            };
            let [chance_low, chance_high] = ends(Some(score.random_range));
            let [low, high] = ends(score.ratio_interval);
            let [weighted_low, weighted_high] = ends(score.weighted_interval);
            let [specific_low, specific_high] = ends(score.specificity_interval);
            let verdict = serde_json::to_value(row.verdict).unwrap_or_default();
            let cells = [
                row.class.clone(),
                row.regions.join("; "),
                row.layer.to_string(),
                row.grid[0].to_string(),
                row.grid[1].to_string(),
                score.n.to_string(),
                number(score.share),
                number(score.random),
                chance_low,
                chance_high,
                number(score.ratio),
                low,
                high,
                verdict.as_str().unwrap_or_default().to_owned(),
                number(score.weighted_share),
                number(score.weighted_ratio),
                weighted_low,
                weighted_high,
                score.others.to_string(),
                number(score.specificity),
                specific_low,
                specific_high,
            ];
            writer.write_record(cells).map_err(failed)?;
        }
        writer
            .into_inner()
            .map_err(|e| CliError::Arguments(e.to_string()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use mesm_train::metrics::{Bootstrap, RegionCounts, RegionItem, RegionScore};

    use super::*;

    /// A report of two classes at one layer: one above chance, one whose every point is drawn evenly.
    pub(in crate::explain) fn report() -> Report {
        let score = |inside: u32| {
            let item = |group| RegionItem {
                counts: RegionCounts {
                    candidates: 100,
                    region: 20,
                    selected: 50,
                    inside: inside + group as u32 % 3,
                    weight_inside: 0.2,
                },
                concerned: group < 20,
                group,
            };
            let items: Vec<RegionItem> = (0..40).map(item).collect();
            RegionScore::new(&items, &Bootstrap::default()).unwrap()
        };
        let row = |class: &str, score: RegionScore| FacsRow {
            class: class.to_owned(),
            regions: vec!["eyelids", "lips"],
            layer: 1,
            grid: [24, 24],
            verdict: score.verdict(),
            specific: score.specific(),
            score,
        };
        Report {
            input: "store".to_owned(),
            split: Some("test".to_owned()),
            weights: "web".to_owned(),
            top_p: 0.6,
            query: "the empty sentence".to_owned(),
            faces: 40,
            points_found: 38,
            facs: vec![row("sad|der", score(15)), row("happy", score(9))],
            notes: vec!["a note".to_owned()],
            files: vec!["faces.png", "explain.md"],
            chosen: "The best.".to_owned(),
            highest: None,
        }
    }

    #[test]
    fn the_table_is_whole() {
        let csv = String::from_utf8(report().csv().unwrap()).unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        assert_eq!(reader.headers().unwrap().len(), HEAD.len());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(&rows[0][1], "eyelids; lips");
        assert_eq!((&rows[0][13], &rows[1][13]), ("above", "indistinguishable"));
        let ratio: f64 = rows[0][10].parse().unwrap();
        // 15.95 of 50 selected, 20 of 100 candidates.
        assert!((ratio - 1.595).abs() < 0.001, "{ratio}");
    }

    #[test]
    fn the_object_has_the_table() {
        let object = serde_json::to_value(report()).unwrap();
        assert_eq!(object["facs"][0]["verdict"], "above");
        assert_eq!(object["facs"][1]["class"], "happy");
        assert!(object["facs"][0]["ratio_interval"]["low"].as_f64().unwrap() > 1.0);
        assert!(object.get("chosen").is_none());
    }
}
