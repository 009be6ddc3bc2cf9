//! From one planned utterance to what the model reads: decoded, augmented, cut into chunks and tokens.

use mesm_data::media;
use mesm_data::seed::rng;
use mesm_data::store::{Media, Row, RowInfo, Store};
use mesm_features::mel::{MelConfig, MelPlan};
use mesm_features::tokens::WordPiece;

use crate::config::PhaseConfig;
use crate::features::FeatureReader;
use crate::lessons::LessonError;
use crate::utterances::Utterances;

/// Purposes of random numbers, so that none is used twice.
mod purpose {
    pub(super) const FACE: u64 = 1;
    pub(super) const VOICE: u64 = 2;
    pub(super) const SPECTROGRAM: u64 = 3;
}

/// The output of a model that is asked about [`Target::Sentiment`].
pub const SENTIMENT: &str = "sentiment";

/// How rows are read.
pub struct Reading {
    inputs: Inputs,
    target: Target,
    seed: u64,
}

/// What a model reads.
#[allow(clippy::large_enum_variant)] // one value a run
enum Inputs {
    /// Tokens, crops and spectrograms.
    EndToEnd {
        tokenizer: WordPiece,
        max_tokens: usize,
        mel: MelPlan,
    },
    /// Features.
    TwoPhase(FeatureReader),
}

/// What a model should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// A number in `[0, 1]` for each class.
    #[default]
    Classes,
    /// One number, in -3..3.
    Sentiment,
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
    /// For an end-to-end model: `max_tokens` of a text are read, the two marks at its ends included.
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
            inputs: Inputs::EndToEnd {
                tokenizer,
                max_tokens,
                mel: MelPlan::new(mel).map_err(|e| LessonError(e.to_string()))?,
            },
            target: Target::default(),
            seed,
        })
    }

    /// For a two-phase model.
    #[must_use]
    pub fn of_features(reader: FeatureReader, seed: u64) -> Self {
        Self {
            inputs: Inputs::TwoPhase(reader),
            target: Target::default(),
            seed,
        }
    }

    /// The same about another target.
    #[must_use]
    pub fn about(mut self, target: Target) -> Self {
        self.target = target;
        self
    }

    /// What is asked.
    #[must_use]
    pub fn target(&self) -> Target {
        self.target
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
        let mut faces = Vec::with_capacity(parts.faces.len());
        for (index, info) in parts.faces.iter().enumerate() {
            let row = read(store, *info)?;
            let crop = |(frame, face)| self.face(face, learning, [index as u64, frame as u64]);
            let crops = row
                .faces
                .iter()
                .enumerate()
                .map(crop)
                .collect::<Result<_, _>>()?;
            faces.push((row.id.clone(), crops));
            known.get_or_insert(row);
        }
        let mut voice = None;
        if let Some(info) = parts.audio {
            let row = read(store, info)?;
            if let Some(media) = &row.audio {
                voice = Some((
                    row.id.clone(),
                    media.path.clone(),
                    self.voice(media, learning)?,
                ));
            }
            known.get_or_insert(row);
        }
        let mut words = None;
        if let Some(info) = parts.text {
            let row = read(store, info)?;
            words.clone_from(&row.text);
            known.get_or_insert(row);
        }
        let row = known.ok_or_else(|| LessonError("an utterance without any row".to_owned()))?;
        match &self.inputs {
            Inputs::EndToEnd {
                tokenizer,
                max_tokens,
                mel,
            } => {
                let crops = faces
                    .into_iter()
                    .flat_map(|(_, crops): (_, Vec<Vec<f32>>)| crops);
                batch.push_faces(crops);
                let chunks = match voice {
                    Some((_, path, samples)) => chunks(mel, &path, samples, learning, self.seed)?,
                    None => Vec::new(),
                };
                batch.push_chunks(&chunks);
                // Without words the model asks with the empty sentence.
                let sentence = words.as_deref().unwrap_or_default();
                let tokens = tokenizer.encode(sentence, *max_tokens);
                let tokens = tokens.map_err(|e| LessonError(format!("{}: {e}", row.id)))?;
                batch.tokens.push(tokens.ids);
            }
            Inputs::TwoPhase(reader) => {
                let voice = voice
                    .as_ref()
                    .map(|(id, _, samples)| (id.as_str(), samples.as_slice()));
                reader
                    .add(&faces, voice, words.as_deref(), &mut batch.features)
                    .map_err(|e| LessonError(e.to_string()))?;
                batch.face_lens.extend(batch.features.faces.lens.last());
                batch.mel_lens.extend(batch.features.voices.lens.last());
            }
        }
        batch.spoken.push(words.is_some());
        let softened = learning.filter(|l| l.phase.soft_targets).and(row.agreement);
        match self.target {
            Target::Classes => batch.targets.extend(soft(&row.target, row.label, softened)),
            Target::Sentiment => batch.targets.push(row.sentiment.ok_or_else(|| {
                LessonError(format!(
                    "{}: it has no sentiment. `mesm prepare mosei` keeps it; choose another --loss for this data",
                    row.id
                ))
            })?),
        }
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
        let mut crop = media::face(&face.bytes).map_err(|e| at(&face.path, &e))?;
        if let Some(Learning { phase, place }) = learning {
            let key = [purpose::FACE, place[0], place[1], key[0], key[1]];
            phase
                .face_augment
                .apply(&mut crop, &mut rng(self.seed, &key));
        }
        Ok(crop)
    }

    fn voice(
        &self,
        voice: &Media,
        learning: Option<Learning<'_>>,
    ) -> Result<Vec<f32>, LessonError> {
        let mut samples = media::voice(&voice.bytes).map_err(|e| at(&voice.path, &e))?;
        if let Some(Learning { phase, place }) = learning {
            let key = [purpose::VOICE, place[0], place[1]];
            phase
                .voice_augment
                .apply(&mut samples, &mut rng(self.seed, &key));
        }
        Ok(samples)
    }
}

fn chunks(
    mel: &MelPlan,
    path: &str,
    mut samples: Vec<f32>,
    learning: Option<Learning<'_>>,
    seed: u64,
) -> Result<Vec<f32>, LessonError> {
    // A click is no utterance, but it need not end a training: it is heard with silence around it.
    samples.resize(samples.len().max(mel.min_samples()), 0.0);
    let pieces = mel.pieces(&samples);
    let mut pieces = pieces.map_err(|e| at(path, &e))?;
    if let Some(Learning { phase, place }) = learning {
        let key = [purpose::SPECTROGRAM, place[0], place[1]];
        phase
            .spec_augment
            .apply(&mut pieces.values, &mut rng(seed, &key));
    }
    Ok(pieces.values)
}

fn read(store: &Store, info: RowInfo) -> Result<Row, LessonError> {
    store.read(info).map_err(|e| LessonError(e.to_string()))
}

fn at(path: &str, error: &dyn std::error::Error) -> LessonError {
    LessonError(format!("{path}: {error}"))
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
