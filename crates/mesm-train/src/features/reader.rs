//! From rows of a store to features.

use std::path::{Component, Path, PathBuf};

use mesm_data::features::{read_disvoice_csv, read_openface_csv};
use mesm_data::media;
use mesm_data::store::{Media, RowInfo, Store};
use mesm_features::handcrafted::{AcousticPlan, face_features};

use super::words::WordTable;
use super::{FeatureConfig, FeatureError, FeatureSettings, Features, Scale, at_steps};

/// Samples of a voice each second, as [`media::voice`] gives them.
const SAMPLE_RATE_HZ: u32 = 16_000;
/// Utterances from which the scales are taken, spread over the split.
const SCALED_FROM: usize = 512;

/// Makes features, of one scale.
pub struct FeatureReader {
    settings: FeatureSettings,
    words: WordTable,
    acoustic: AcousticPlan,
}

impl FeatureReader {
    /// With the scale of up to 512 utterances of each kind, evenly spread over a split. `aligned` is
    /// [`FeatureSettings::aligned`].
    ///
    /// # Errors
    /// When a row cannot be read or has no features.
    pub fn fitted(
        config: &FeatureConfig,
        aligned: bool,
        words: WordTable,
        store: &Store,
        split: &str,
    ) -> Result<Self, FeatureError> {
        let mut reader = Self::unscaled(config, words)?;
        reader.settings.aligned = aligned;
        let rows = store.rows(split);
        reader.settings.visual =
            reader.scale(store, &rows, |row| row.has_faces, Self::raw_faces)?;
        reader.settings.acoustic =
            reader.scale(store, &rows, |row| row.has_audio, Self::raw_voice)?;
        Ok(reader)
    }

    /// As a trained model knows them.
    ///
    /// # Errors
    /// When the words have another width than those it was trained with.
    pub fn trained(settings: &FeatureSettings, words: WordTable) -> Result<Self, FeatureError> {
        if words.width() != settings.text_dim {
            return Err(FeatureError::Width {
                at: "word vectors".to_owned(),
                expected: settings.text_dim,
                found: words.width(),
            });
        }
        Ok(Self {
            settings: settings.clone(),
            ..Self::unscaled(&settings.config, words)?
        })
    }

    fn unscaled(config: &FeatureConfig, words: WordTable) -> Result<Self, FeatureError> {
        let acoustic = AcousticPlan::new(SAMPLE_RATE_HZ).map_err(|e| FeatureError::Media {
            at: "acoustic features".to_owned(),
            reason: e.to_string(),
        })?;
        Ok(Self {
            settings: FeatureSettings {
                config: config.clone(),
                text_dim: words.width(),
                visual: Scale::default(),
                acoustic: Scale::default(),
                aligned: false,
            },
            words,
            acoustic,
        })
    }

    /// What fixes the features.
    #[must_use]
    pub fn settings(&self) -> &FeatureSettings {
        &self.settings
    }

    /// The table of words.
    #[must_use]
    pub fn words(&self) -> &WordTable {
        &self.words
    }

    /// Numbers of a word, of a face and of 400 ms of a voice.
    #[must_use]
    pub fn widths(&self) -> [usize; 3] {
        [
            self.settings.text_dim,
            self.settings.visual.width(),
            self.settings.acoustic.width(),
        ]
    }

    /// Adds the features of an utterance to `batch`: the crops of each picture row and the samples of a voice with the
    /// names of their rows.
    ///
    /// # Errors
    /// When they cannot be had.
    pub(crate) fn add(
        &self,
        faces: &[(String, Vec<Vec<f32>>)],
        voice: Option<(&str, &[f32])>,
        text: Option<&str>,
        batch: &mut Features,
    ) -> Result<(), FeatureError> {
        let [text_width, face_width, voice_width] = self.widths();
        let mut seen = Vec::new();
        for (id, crops) in faces {
            seen.extend(self.faces(id, crops)?);
        }
        let mut heard = match voice {
            Some((id, samples)) => self.voice(id, samples)?,
            None => Vec::new(),
        };
        let mut said = match text {
            Some(text) => self.text(text)?,
            None => Vec::new(),
        };
        if self.settings.aligned {
            let rows = |values: &[f32], width: usize| values.len() / width.max(1);
            let steps = match rows(&said, text_width) {
                0 => rows(&heard, voice_width)
                    .max(rows(&seen, face_width))
                    .max(1),
                words => words,
            };
            said = at_steps(&said, text_width, steps);
            seen = at_steps(&seen, face_width, steps);
            heard = at_steps(&heard, voice_width, steps);
        }
        batch.words.push(&said, text_width);
        batch.faces.push(&seen, face_width);
        batch.voices.push(&heard, voice_width);
        Ok(())
    }

    /// Features of a sentence, `[words, width]`.
    ///
    /// # Errors
    /// When it is longer than the tokenizer reads.
    fn text(&self, text: &str) -> Result<Vec<f32>, FeatureError> {
        self.words.rows(text, self.settings.config.max_words)
    }

    /// Features of the crops of an utterance, `[faces, width]`, each `[3, 48, 48]` in 0..255.
    ///
    /// # Errors
    /// When they cannot be had, or have another width than those that were learnt from.
    fn faces(&self, id: &str, crops: &[Vec<f32>]) -> Result<Vec<f32>, FeatureError> {
        let (mut values, width) = self.raw_face_rows(id, crops)?;
        scaled(&self.settings.visual, id, &mut values, width)?;
        Ok(values)
    }

    /// Features of a voice at 16 kHz, `[windows of 400 ms, width]`.
    ///
    /// # Errors
    /// As [`Self::faces`].
    fn voice(&self, id: &str, samples: &[f32]) -> Result<Vec<f32>, FeatureError> {
        let (mut values, width) = self.raw_voice_rows(id, samples)?;
        scaled(&self.settings.acoustic, id, &mut values, width)?;
        Ok(values)
    }

    fn scale(
        &self,
        store: &Store,
        rows: &[RowInfo],
        wanted: impl Fn(&RowInfo) -> bool,
        raw: impl Fn(&Self, &Store, RowInfo) -> Result<(String, Vec<f32>, usize), FeatureError>,
    ) -> Result<Scale, FeatureError> {
        let rows: Vec<RowInfo> = rows.iter().copied().filter(wanted).collect();
        let step = rows.len().div_ceil(SCALED_FROM).max(1);
        let mut all = Vec::new();
        let mut known: Option<usize> = None;
        for row in rows.into_iter().step_by(step) {
            let (at, values, found) = raw(self, store, row)?;
            let expected = *known.get_or_insert(found);
            if found != expected {
                return Err(FeatureError::Width {
                    at,
                    expected,
                    found,
                });
            }
            all.extend(values);
        }
        Ok(Scale::of(&all, known.unwrap_or_default()))
    }

    fn raw_faces(
        &self,
        store: &Store,
        row: RowInfo,
    ) -> Result<(String, Vec<f32>, usize), FeatureError> {
        let row = store.read(row)?;
        let crop = |face: &Media| media::face(&face.bytes).map_err(|e| at(&face.path, &e));
        let crops = row.faces.iter().map(crop).collect::<Result<Vec<_>, _>>()?;
        let (values, width) = self.raw_face_rows(&row.id, &crops)?;
        Ok((row.id, values, width))
    }

    fn raw_voice(
        &self,
        store: &Store,
        row: RowInfo,
    ) -> Result<(String, Vec<f32>, usize), FeatureError> {
        let row = store.read(row)?;
        let samples = match &row.audio {
            Some(voice) => media::voice(&voice.bytes).map_err(|e| at(&voice.path, &e))?,
            None => Vec::new(),
        };
        let (values, width) = self.raw_voice_rows(&row.id, &samples)?;
        Ok((row.id, values, width))
    }

    fn raw_face_rows(
        &self,
        id: &str,
        crops: &[Vec<f32>],
    ) -> Result<(Vec<f32>, usize), FeatureError> {
        if let Some(folder) = &self.settings.config.openface {
            let path = file_of(folder, id)?;
            let rows = read_openface_csv(&path).map_err(|e| FeatureError::File(e.to_string()))?;
            let values: Vec<f32> = rows
                .iter()
                .filter(|row| row.success)
                .flat_map(|row| row.action_units)
                .collect();
            return Ok((values, mesm_features::handcrafted::VISUAL_DIM));
        }
        let mut values = Vec::with_capacity(crops.len() * mesm_features::handcrafted::VISUAL_DIM);
        for crop in crops {
            values.extend(face_features(crop, None).map_err(|e| at(id, &e))?);
        }
        Ok((values, mesm_features::handcrafted::VISUAL_DIM))
    }

    fn raw_voice_rows(&self, id: &str, samples: &[f32]) -> Result<(Vec<f32>, usize), FeatureError> {
        if let Some(folder) = &self.settings.config.disvoice {
            let path = file_of(folder, id)?;
            let table = read_disvoice_csv(&path).map_err(|e| FeatureError::File(e.to_string()))?;
            let width = table.columns.len();
            return Ok((table.values, width));
        }
        let mut samples = samples.to_vec();
        // A click is no utterance, but it need not end a training: it is heard with silence around it.
        samples.resize(samples.len().max(self.acoustic.min_samples()), 0.0);
        let values = self.acoustic.extract(&samples).map_err(|e| at(id, &e))?;
        Ok((values, mesm_features::handcrafted::ACOUSTIC_DIM))
    }
}

fn scaled(scale: &Scale, id: &str, values: &mut [f32], found: usize) -> Result<(), FeatureError> {
    if found != scale.width() {
        return Err(FeatureError::Width {
            at: id.to_owned(),
            expected: scale.width(),
            found,
        });
    }
    scale.apply(values);
    Ok(())
}

/// The csv of an utterance, which may lie in folders below but nowhere else.
fn file_of(folder: &Path, id: &str) -> Result<PathBuf, FeatureError> {
    let inside = |part| matches!(part, Component::Normal(_));
    if Path::new(id).components().all(inside) {
        Ok(folder.join(format!("{id}.csv")))
    } else {
        Err(FeatureError::File(format!(
            "{}: `{id}` names no file in it",
            folder.display()
        )))
    }
}

fn at(what: &str, error: &dyn std::error::Error) -> FeatureError {
    FeatureError::Media {
        at: what.to_owned(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_utterance_has_its_file_in_the_folder() {
        let folder = Path::new("features");
        assert_eq!(
            file_of(folder, "ses01/a_1").unwrap(),
            Path::new("features/ses01/a_1.csv")
        );
        for id in ["../a", "/etc/passwd", "a/../../b"] {
            assert!(file_of(folder, id).is_err(), "{id}");
        }
    }
}
