//! The rows of a store, one after the other.

use std::collections::HashMap;

use burn::tensor::{Tensor, TensorData};
use indicatif::ProgressBar;
use mesm::{Batch, Modality, Prediction};
use mesm_data::media;
use mesm_data::store::{Media, Row, RowInfo, Store};
use mesm_features::face::Mtcnn;
use mesm_features::handcrafted::FacsEmotion;
use mesm_features::mel::{MELS, MelPlan, PIECE_FRAMES};
use mesm_features::window::Sentence;

use super::arguments::ExplainArguments;
use super::exhibit::{Exhibit, highest, maps};
use super::explainer::{Explainer, said};
use super::facs::{Facs, Seen};
use super::findings::Findings;
use super::gallery::{Best, Sureness};
use super::landmarks;
use crate::error::CliError;
use crate::faces;

/// Faces and chunks that the model sees at once.
const AT_ONCE: usize = 64;
const CHUNK: usize = MELS * PIECE_FRAMES;

/// A row, decoded.
struct Item {
    class: usize,
    group: usize,
    /// Each `[3, 48, 48]` in 0..255.
    crops: Vec<Vec<f32>>,
    /// `[chunks, 128, 32]`, as the model reads them.
    chunks: Vec<f32>,
    /// The same as powers.
    powers: Vec<f32>,
    sentence: Sentence,
}

impl Item {
    fn size(&self) -> usize {
        self.crops.len() + self.chunk_count()
    }

    fn chunk_count(&self) -> usize {
        self.chunks.len() / CHUNK
    }

    /// The chunk with the most power, and the largest power of all.
    fn loudest(&self) -> (usize, f32) {
        let powers = self.powers.chunks_exact(CHUNK);
        let sums = powers.map(|chunk| chunk.iter().sum::<f32>()).enumerate();
        let loudest = sums.max_by(|(_, a), (_, b)| a.total_cmp(b));
        let peak = self.powers.iter().copied().fold(0.0, f32::max);
        (loudest.map_or(0, |(chunk, _)| chunk), peak)
    }
}

/// Reads, asks and keeps what is to be shown.
struct Rows<'a> {
    store: &'a Store,
    arguments: &'a ExplainArguments,
    explainer: &'a Explainer,
    mel: MelPlan,
    detector: Option<Mtcnn>,
    groups: HashMap<(u16, String), usize>,
    with_words: usize,
    faces: Best,
    voices: Best,
    facs: Facs,
}

/// Explains the rows of `split` that have a face or a voice and belong to one class.
///
/// # Errors
/// When the store has other classes than the weights or no such row, or something in it does not read.
pub(super) fn explain(
    store: &Store,
    split: &str,
    arguments: &ExplainArguments,
    explainer: &Explainer,
) -> Result<Findings, CliError> {
    let classes = &explainer.config().classes;
    if store.classes() != classes {
        return Err(CliError::Arguments(format!(
            "{}: its classes are {}; the weights know {}. Prepare the data with --classes in the weights' order",
            arguments.input.display(),
            store.classes().join(","),
            classes.join(",")
        )));
    }
    let shows = |row: &RowInfo| {
        (row.has_faces && explainer.knows(Modality::Visual))
            || (row.has_audio && explainer.knows(Modality::Acoustic))
    };
    let infos: Vec<RowInfo> = store.rows(split).into_iter().filter(shows).collect();
    if infos.is_empty() {
        return Err(CliError::NothingToLookAt {
            path: arguments.input.clone(),
            reason: format!("no row of the split {split} has a face or a voice"),
        });
    }
    let scored = classes.iter().any(|c| FacsEmotion::of_class(c).is_some());
    let any_face = infos.iter().any(|row| row.has_faces);
    let wanted = usize::from(arguments.examples);
    let mut rows = Rows {
        store,
        arguments,
        explainer,
        mel: MelPlan::new(&explainer.mel).map_err(|e| CliError::Arguments(e.to_string()))?,
        detector: (scored && any_face && explainer.knows(Modality::Visual))
            .then(|| faces::detector(&explainer.device))
            .transpose()?,
        groups: HashMap::new(),
        with_words: 0,
        faces: Best::new(classes.len(), wanted, true),
        voices: Best::new(classes.len(), wanted, false),
        facs: Facs::new(classes),
    };
    let unclassed = rows.all(&infos)?;
    rows.findings(unclassed, infos.len())
}

impl Rows<'_> {
    /// Goes through all rows; returns how many belong to no single class.
    fn all(&mut self, infos: &[RowInfo]) -> Result<usize, CliError> {
        let bar = ProgressBar::new(infos.len() as u64);
        let mut unclassed = 0;
        let mut batch: Vec<Item> = Vec::new();
        for (number, info) in infos.iter().enumerate() {
            let row = self.store.read(*info)?;
            match class_of(&row) {
                Some(class) => batch.push(self.item(row, *info, class, number)?),
                None => unclassed += 1,
            }
            let size: usize = batch.iter().map(Item::size).sum();
            if size >= AT_ONCE || number + 1 == infos.len() {
                self.look(&std::mem::take(&mut batch))?;
                bar.set_position(number as u64 + 1);
            }
        }
        bar.finish_and_clear();
        Ok(unclassed)
    }

    fn item(
        &mut self,
        row: Row,
        info: RowInfo,
        class: usize,
        number: usize,
    ) -> Result<Item, CliError> {
        let mut crops = Vec::new();
        if self.explainer.knows(Modality::Visual) {
            for face in &row.faces {
                crops.push(media::face(&face.bytes).map_err(|e| wrong(&row, face, &e))?);
            }
        }
        let (mut chunks, mut powers) = (Vec::new(), Vec::new());
        if let Some(voice) = &row.audio
            && self.explainer.knows(Modality::Acoustic)
        {
            let mut samples = media::voice(&voice.bytes).map_err(|e| wrong(&row, voice, &e))?;
            samples.resize(samples.len().max(self.mel.min_samples()), 0.0);
            let pieces = self.mel.pieces(&samples);
            let pieces = pieces.map_err(|e| wrong(&row, voice, &e))?;
            powers = pieces.powers(&self.mel);
            chunks = pieces.values;
        }
        let words = said(self.arguments.text.as_deref().or(row.text.as_deref()));
        self.with_words += usize::from(words.is_some());
        let sentence = self.explainer.sentence(words)?;
        // Nobody knows who is seen in these: each is taken as somebody else.
        let subject = match row.subject.as_str() {
            "unknown" | "" => format!("\0{number}"),
            _ => row.subject,
        };
        let next = self.groups.len();
        Ok(Item {
            class,
            group: *self.groups.entry((info.source, subject)).or_insert(next),
            crops,
            chunks,
            powers,
            sentence,
        })
    }

    /// Asks the model about some rows.
    fn look(&mut self, items: &[Item]) -> Result<(), CliError> {
        if items.is_empty() {
            return Ok(());
        }
        let prediction = self.explainer.ask(&self.batch(items))?;
        let (mut face, mut chunk) = (0, 0);
        for (item, probabilities) in items.iter().zip(&prediction.probabilities) {
            let sureness = Sureness::of(probabilities, item.class);
            self.show(item, sureness, &prediction, [face, chunk]);
            for crop in &item.crops {
                self.score(item, crop, &prediction, face)?;
                face += 1;
            }
            chunk += item.chunk_count();
        }
        Ok(())
    }

    fn batch(&self, items: &[Item]) -> Batch {
        let device = &self.explainer.device;
        let face_lens: Vec<usize> = items.iter().map(|item| item.crops.len()).collect();
        let mel_lens: Vec<usize> = items.iter().map(Item::chunk_count).collect();
        let tensor = |values: Vec<f32>, shape| {
            (!values.is_empty()).then(|| Tensor::from_data(TensorData::new(values, shape), device))
        };
        let side = media::FACE_SIDE;
        let crops: Vec<f32> = items.iter().flat_map(|item| item.crops.concat()).collect();
        let chunks: Vec<f32> = items.iter().flat_map(|i| i.chunks.clone()).collect();
        let faces = tensor(crops, [face_lens.iter().sum(), 3, side, side]);
        let mels = tensor(chunks, [mel_lens.iter().sum(), 1, MELS, PIECE_FRAMES]);
        let sentences = items.iter().map(|item| item.sentence.vector.clone());
        Batch {
            text: Some(Tensor::cat(sentences.collect(), 0)),
            spoken: items.iter().map(|item| !item.sentence.empty).collect(),
            face_lens: if faces.is_some() {
                face_lens
            } else {
                Vec::new()
            },
            faces,
            mel_lens: if mels.is_some() { mel_lens } else { Vec::new() },
            mels,
        }
    }

    /// Offers the middle face and the loudest chunk of a row; `first` are the places of its first ones in the batch.
    fn show(&mut self, item: &Item, sureness: Sureness, seen: &Prediction, first: [usize; 2]) {
        let middle = item.crops.len() / 2;
        if let Some(crop) = item.crops.get(middle) {
            let maps = maps(seen, Modality::Visual);
            self.faces.offer(item.class, sureness, || {
                Exhibit::face(crop, maps, first[0] + middle, sureness.caption())
            });
        }
        let (chunk, loudest) = item.loudest();
        if let Some(powers) = item.powers.chunks_exact(CHUNK).nth(chunk) {
            let maps = maps(seen, Modality::Acoustic);
            let share = self.arguments.highest.unwrap_or(1.0);
            self.voices.offer(item.class, sureness, || {
                let powers = highest(powers, share);
                let row = first[1] + chunk;
                Exhibit::chunk(&powers, loudest, maps, row, sureness.caption())
            });
        }
    }

    fn score(
        &mut self,
        item: &Item,
        crop: &[f32],
        prediction: &Prediction,
        row: usize,
    ) -> Result<(), CliError> {
        let Some(detector) = &self.detector else {
            return Ok(());
        };
        self.facs.add(&Seen {
            crop,
            points: landmarks::points(detector, crop)?,
            class: item.class,
            group: item.group,
            maps: maps(prediction, Modality::Visual),
            row,
        });
        Ok(())
    }

    fn findings(self, unclassed: usize, rows: usize) -> Result<Findings, CliError> {
        let classes = &self.explainer.config().classes;
        if self.faces.is_empty() && self.voices.is_empty() {
            return Err(CliError::NothingToLookAt {
                path: self.arguments.input.clone(),
                reason: "every face and voice belongs to several classes or to none".to_owned(),
            });
        }
        let mut notes = Vec::new();
        if unclassed > 0 {
            notes.push(format!(
                "{unclassed} rows of several classes, or of none, are left out"
            ));
        }
        for (what, best) in [("face", &self.faces), ("voice", &self.voices)] {
            let wrong = best.all_wrong(classes);
            if !wrong.is_empty() {
                notes.push(format!(
                    "no {what} of {} is judged rightly; the nearest are shown",
                    wrong.join(", ")
                ));
            }
        }
        let query = match (&self.arguments.text, self.with_words) {
            (Some(text), 1..) => format!("the words “{text}”"),
            (_, 0) => "the empty sentence".to_owned(),
            (None, own) => format!(
                "the row's own words where it has some ({own} rows), the empty sentence elsewhere ({} rows)",
                rows - unclassed - own
            ),
        };
        Ok(Findings {
            faces: self.faces.into_gallery(classes),
            voices: self.voices.into_gallery(classes),
            facs: self.facs,
            chosen: "Of each class, those that the model is most surely right about: it judges them rightly and gives \
                     their class the largest probability, which is written below the input. They are no random sample, and \
                     one photograph is shown once."
                .to_owned(),
            query,
            notes,
        })
    }
}

/// The one class a row belongs to.
fn class_of(row: &Row) -> Option<usize> {
    if let Some(label) = row.label {
        return Some(label.into());
    }
    let mut said = (0..row.target.len()).filter(|class| row.target[*class] > 0.5);
    said.next().filter(|_| said.next().is_none())
}

fn wrong(row: &Row, media: &Media, error: &dyn std::error::Error) -> CliError {
    CliError::Arguments(format!("{}: {}: {error}", row.id, media.path))
}
