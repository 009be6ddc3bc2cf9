//! The tables of CMU-MOSEI's annotators: several rows a clip, one of each annotator.

use std::collections::HashMap;
use std::path::Path;

use csv::ByteRecord;

use super::texts::is_id;
use crate::manifest::{ManifestError, Reason, Skips};
use crate::table::Table;

/// The emotions as the tables call them, in the order of the model's outputs.
const EMOTIONS: [&str; 6] = [
    "Answer.anger",
    "Answer.disgust",
    "Answer.fear",
    "Answer.happiness",
    "Answer.sadness",
    "Answer.surprise",
];
const SENTIMENT: &str = "Answer.sentiment";
const VIDEO: &str = "Input.VIDEO_ID";
const CLIP: &str = "Input.CLIP";
/// Largest rating of an emotion: 0 (not there) to 3 (much of it).
const MOST: f32 = 3.0;

/// What all annotators of a clip said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rating {
    /// Summed over the annotators.
    sums: [f32; 6],
    sentiment: f32,
    sentiments: u16,
    /// The table and line of the first one.
    pub(super) file: String,
    pub(super) line: u64,
}

impl Rating {
    /// 1 for each emotion that any annotator saw, as the authors' notebook has it.
    pub(super) fn target(&self) -> Vec<f32> {
        let positive = self.sums.iter().map(|sum| f32::from(u8::from(*sum > 0.0)));
        positive.collect()
    }

    /// Mean of those who rated it, from -3 to 3.
    pub(super) fn sentiment(&self) -> Option<f32> {
        (self.sentiments > 0).then(|| self.sentiment / f32::from(self.sentiments))
    }
}

/// Which column is which.
struct Columns {
    count: usize,
    video: usize,
    clip: usize,
    emotions: [usize; 6],
    /// Not every batch asked for it.
    sentiment: Option<usize>,
}

/// Adds the rows of one table; `file` is its name in the data set.
pub(super) fn add(
    path: &Path,
    file: &str,
    ratings: &mut HashMap<String, Rating>,
    skips: &mut Skips,
) -> Result<(), ManifestError> {
    let mut table = Table::open(path)?;
    let columns = Columns::find(&table)?;
    while let Some((place, record)) = table.next_record()? {
        match columns.row(record) {
            Ok((id, emotions, sentiment)) => {
                let rating = ratings.entry(id).or_insert_with(|| Rating {
                    file: file.to_owned(),
                    line: place.line,
                    ..Rating::default()
                });
                for (sum, value) in rating.sums.iter_mut().zip(emotions) {
                    *sum += value;
                }
                if let Some(sentiment) = sentiment {
                    rating.sentiment += sentiment;
                    rating.sentiments = rating.sentiments.saturating_add(1);
                }
            }
            Err(found) => skips.add(file, Reason::BadRow, Some(place.line), &found),
        }
    }
    Ok(())
}

impl Columns {
    fn find(table: &Table) -> Result<Self, ManifestError> {
        let columns = table.columns();
        let optional = |name: &str| columns.iter().position(|column| column == name);
        let needed = |name: &str| {
            optional(name).ok_or_else(|| {
                let found: String = columns.join(", ").chars().take(200).collect();
                ManifestError::Table {
                    path: table.path().to_owned(),
                    line: 1,
                    reason: format!("expected a column `{name}`, found {found}"),
                }
            })
        };
        let mut emotions = [0; 6];
        for (at, name) in emotions.iter_mut().zip(EMOTIONS) {
            *at = needed(name)?;
        }
        Ok(Self {
            count: columns.len(),
            video: needed(VIDEO)?,
            clip: needed(CLIP)?,
            emotions,
            sentiment: optional(SENTIMENT),
        })
    }

    /// Id, ratings and sentiment of a row, or what is wrong with it.
    fn row(&self, record: &ByteRecord) -> Result<(String, [f32; 6], Option<f32>), String> {
        if record.len() != self.count {
            return Err(format!("{} fields instead of {}", record.len(), self.count));
        }
        let field = |at: usize| {
            let bytes = record.get(at).unwrap_or_default();
            String::from_utf8_lossy(bytes).trim().to_owned()
        };
        let video = field(self.video);
        // Some batches name the video with the folder it lay in.
        let video = video.rsplit('/').next().unwrap_or_default();
        let id = format!("{video}_{}", field(self.clip));
        if video.is_empty() || !is_id(&id) {
            return Err(format!("no clip's name: {id}"));
        }
        let mut ratings = [0.0; 6];
        for ((value, at), name) in ratings.iter_mut().zip(self.emotions).zip(EMOTIONS) {
            // A question that was not answered counts for nothing, as in the authors' notebook.
            *value = number(&field(at), 0.0, MOST)
                .map_err(|found| format!("{id}: {name} {found}"))?
                .unwrap_or(0.0);
        }
        let sentiment = match self.sentiment {
            Some(at) => number(&field(at), -MOST, MOST)
                .map_err(|found| format!("{id}: {SENTIMENT} {found}"))?,
            None => None,
        };
        Ok((id, ratings, sentiment))
    }
}

/// A rating; nothing where nothing was answered.
fn number(text: &str, least: f32, most: f32) -> Result<Option<f32>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") {
        return Ok(None);
    }
    let value = text.parse::<f32>().ok();
    let value = value.filter(|value| (least..=most).contains(value));
    let wrong = || format!("should be a number from {least} to {most}, found {text}");
    value.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "HITId,Input.VIDEO_ID,Input.CLIP,Answer.anger,Answer.disgust,Answer.fear,\
                        Answer.happiness,Answer.sadness,Answer.sentiment,Answer.surprise\n";

    fn rated(rows: &str) -> Result<(HashMap<String, Rating>, u64), ManifestError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("batch.csv");
        std::fs::write(&path, rows).unwrap();
        let (mut ratings, mut skips) = (HashMap::new(), Skips::default());
        add(&path, "batch.csv", &mut ratings, &mut skips)?;
        let left = skips.into_list().iter().map(|s| s.count).sum();
        Ok((ratings, left))
    }

    #[test]
    fn annotators_are_summed_and_sentiment_is_a_mean() {
        let rows = "h,a/vid,3,0,0,1,0,0,-1,0\nh,vid,3,0,0,0,2,0,2,\nh,vid,3,0,0,0,0,0,,0\nh,vid,4,0,0,0,0,0,0,0\n";
        let (ratings, left) = rated(&format!("{HEAD}{rows}")).unwrap();
        assert_eq!((ratings.len(), left), (2, 0));
        let both = &ratings["vid_3"];
        assert_eq!(both.target(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(both.sentiment(), Some(0.5));
        assert_eq!(both.line, 2);
        let none = &ratings["vid_4"];
        assert_eq!((none.target(), none.sentiment()), (vec![0.0; 6], Some(0.0)));
    }

    #[test]
    fn rows_that_make_no_sense_are_counted() {
        let rows = "h,vid,3,4,0,0,0,0,0,0\nh,vid,3,x,0,0,0,0,0,0\nh,vid,3,0,0,0,0,0,-4,0\nh,,3,0,0,0,0,0,0,0\nh,vid,3\n";
        let (ratings, left) = rated(&format!("{HEAD}{rows}")).unwrap();
        assert_eq!((ratings.len(), left), (0, 5));
        let error = rated("Input.VIDEO_ID,Input.CLIP,Answer.anger\n")
            .err()
            .unwrap();
        let error = error.to_string();
        assert!(
            error.contains("batch.csv, line 1: expected a column `Answer.disgust`, found"),
            "{error}"
        );
    }
}
