//! From one planned utterance to what the model reads: decoded, augmented, cut into chunks and tokens.

use mesm_data::media;
use mesm_data::seed::rng;
use mesm_data::store::{Media, Row, RowInfo, Store};
use mesm_features::mel::{MelConfig, MelPlan};
use mesm_features::tokens::WordPiece;

use crate::config::PhaseConfig;
use crate::lessons::LessonError;
use crate::utterances::Utterances;

/// Purposes of random numbers, so that none is used twice.
mod purpose {
    pub(super) const FACE: u64 = 1;
    pub(super) const VOICE: u64 = 2;
    pub(super) const SPECTROGRAM: u64 = 3;
}

/// How rows are read.
pub struct Reading {
    tokenizer: WordPiece,
    max_tokens: usize,
    mel: MelPlan,
    seed: u64,
}

/// The rows of one utterance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) faces: Vec<RowInfo>,
    pub(crate) audio: Option<RowInfo>,
    pub(crate) text: Option<RowInfo>,
}

/// Which augmentation an utterance gets: that of the phase, by its place; none where it is judged.
#[derive(Clone, Copy)]
pub(crate) struct Learning<'a> {
    pub(crate) phase: &'a PhaseConfig,
    /// Place of the utterance: the epoch, then its number in it.
    pub(crate) place: [u64; 2],
}

impl Reading {
    /// `max_tokens` of a text are read, the two marks at its ends included.
    ///
    /// # Errors
    /// When the spectrogram's settings cannot be used.
    pub fn new(
        tokenizer: WordPiece,
        max_tokens: usize,
        mel: &MelConfig,
        seed: u64,
    ) -> Result<Self, LessonError> {
        Ok(Self {
            tokenizer,
            max_tokens,
            mel: MelPlan::new(mel).map_err(|e| LessonError(e.to_string()))?,
            seed,
        })
    }

    /// Seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Adds one utterance to `batch`.
    pub(crate) fn add(
        &self,
        store: &Store,
        parts: &Parts,
        learning: Option<Learning<'_>>,
        batch: &mut Utterances,
    ) -> Result<(), LessonError> {
        let mut known: Option<Row> = None;
        for (index, info) in parts.faces.iter().enumerate() {
            let row = read(store, *info)?;
            for (frame, face) in row.faces.iter().enumerate() {
                let key = [index as u64, frame as u64];
                batch.face_values.extend(self.face(face, learning, key)?);
            }
            known.get_or_insert(row);
        }
        let crops = batch.face_values.len() / crate::utterances::FACE_VALUES;
        batch
            .face_lens
            .push(crops - batch.face_lens.iter().sum::<usize>());
        if let Some(info) = parts.audio {
            let row = read(store, info)?;
            if let Some(voice) = &row.audio {
                batch.mel_values.extend(self.chunks(voice, learning)?);
            }
            known.get_or_insert(row);
        }
        let chunks = batch.mel_values.len() / crate::utterances::CHUNK_VALUES;
        batch
            .mel_lens
            .push(chunks - batch.mel_lens.iter().sum::<usize>());
        let mut words = None;
        if let Some(info) = parts.text {
            let row = read(store, info)?;
            words.clone_from(&row.text);
            known.get_or_insert(row);
        }
        // Without words the model asks with the empty sentence.
        let sentence = words.as_deref().unwrap_or_default();
        let tokens = self.tokenizer.encode(sentence, self.max_tokens);
        batch
            .tokens
            .push(tokens.map_err(|e| LessonError(format!("a text: {e}")))?.ids);
        batch.spoken.push(words.is_some());
        let row = known.ok_or_else(|| LessonError("an utterance without any row".to_owned()))?;
        let softened = learning.filter(|l| l.phase.soft_targets).and(row.agreement);
        batch.targets.extend(soft(&row.target, row.label, softened));
        batch.labels.push(row.label);
        batch.ids.push(row.id);
        batch.sources.push(row.source);
        batch.subjects.push(row.subject);
        Ok(())
    }

    fn face(
        &self,
        face: &Media,
        learning: Option<Learning<'_>>,
        key: [u64; 2],
    ) -> Result<Vec<f32>, LessonError> {
        let mut crop = media::face(&face.bytes).map_err(|e| at(face, &e))?;
        if let Some(Learning { phase, place }) = learning {
            let key = [purpose::FACE, place[0], place[1], key[0], key[1]];
            phase
                .face_augment
                .apply(&mut crop, &mut rng(self.seed, &key));
        }
        Ok(crop)
    }

    fn chunks(
        &self,
        voice: &Media,
        learning: Option<Learning<'_>>,
    ) -> Result<Vec<f32>, LessonError> {
        let mut samples = media::voice(&voice.bytes).map_err(|e| at(voice, &e))?;
        if let Some(Learning { phase, place }) = learning {
            let key = [purpose::VOICE, place[0], place[1]];
            phase
                .voice_augment
                .apply(&mut samples, &mut rng(self.seed, &key));
        }
        // A click is no utterance, but it need not end a training: it is heard with silence around it.
        samples.resize(samples.len().max(self.mel.min_samples()), 0.0);
        let mut pieces = self.mel.pieces(&samples).map_err(|e| at(voice, &e))?;
        if let Some(Learning { phase, place }) = learning {
            let key = [purpose::SPECTROGRAM, place[0], place[1]];
            phase
                .spec_augment
                .apply(&mut pieces.values, &mut rng(self.seed, &key));
        }
        Ok(pieces.values)
    }
}

fn read(store: &Store, info: RowInfo) -> Result<Row, LessonError> {
    store.read(info).map_err(|e| LessonError(e.to_string()))
}

fn at(media: &Media, error: &dyn std::error::Error) -> LessonError {
    LessonError(format!("{}: {error}", media.path))
}

/// The label with the share of annotators who chose it, the rest spread evenly over the other classes.
fn soft(target: &[f32], label: Option<u8>, agreement: Option<f32>) -> Vec<f32> {
    let (Some(label), Some(agreement)) = (label, agreement) else {
        return target.to_vec();
    };
    let rest = (1.0 - agreement) / (target.len().max(2) - 1) as f32;
    let share = |class| {
        if class == usize::from(label) {
            agreement
        } else {
            rest
        }
    };
    (0..target.len()).map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::soft;

    #[test]
    fn annotators_who_disagree_soften_the_target() {
        assert_eq!(
            soft(&[0.0, 1.0, 0.0], Some(1), Some(0.5)),
            [0.25, 0.5, 0.25]
        );
        assert_eq!(soft(&[0.0, 1.0, 1.0], None, Some(0.5)), [0.0, 1.0, 1.0]);
    }
}
