//! From the arguments to a model, a sentence and what is to be said about them.

use burn::tensor::Device;
use mesm::{ConfigError, Modalities, Modality, Model, ModelConfig, ModelKind, SparsePath};
use mesm_features::mel::MelConfig;
use mesm_features::window::Sentence;

use crate::arguments::InferArguments;
use crate::error::CliError;
use crate::notes::RunNote;
use crate::stopwatch::Stopwatch;
use crate::weights::WeightsFile;
use crate::words::Words;

/// A model that is ready.
pub struct Prepared {
    /// The model.
    pub model: Model,
    /// The spectrogram it knows.
    pub mel: MelConfig,
    /// The name of the weights' file.
    pub weights: String,
    /// What is asked for and known to the weights.
    pub modalities: Modalities,
    /// What the model is asked with.
    pub sentence: Option<Sentence>,
    /// What was absent or replaced.
    pub notes: Vec<RunNote>,
}

/// Loads weights and text encoder. `text` are the words, if any were given.
///
/// # Errors
/// When files cannot be used, or arguments, weights and text encoder do not fit each other.
pub fn prepare(
    arguments: &InferArguments,
    text: Option<&str>,
    device: &Device,
    watch: &mut Stopwatch,
) -> Result<Prepared, CliError> {
    let asked = arguments.model.map(ModelKind::from);
    let file = WeightsFile::named_or_built_in(arguments.weights.as_deref())?;
    let origin = file.origin()?;
    let settings = watch.time("load", || origin.settings())?;
    let mut config = settings.config;
    match (asked, config.kind) {
        (Some(ModelKind::Fe2e), ModelKind::Mesm) => config.sparse_path = SparsePath::EveryPoint,
        (Some(ModelKind::Mesm), ModelKind::Fe2e) => {
            let reason = format!(
                "--model asks for mesm, but {} holds fe2e, which has no attention: leave --model out",
                origin.name()
            );
            return Err(CliError::Arguments(reason));
        }
        _ => {}
    }
    config.top_p = arguments.top_p.unwrap_or(config.top_p);
    let mut notes = Vec::new();
    if settings.guessed {
        notes.push(RunNote::GuessedSettings {
            heads: config.trans_heads,
        });
    }
    check_modalities(arguments.modalities, &config, &mut notes)?;
    let sentence = if words_wanted(config.computed_as(), arguments.modalities, text, &mut notes)? {
        let words = watch.time("load", || {
            Words::load(arguments.text_encoder.as_deref(), &origin, device)
        })?;
        words.check(&config, &origin)?;
        let found = watch.time("text", || words.vector(text.unwrap_or_default()))?;
        notes.extend(found.cut_to.map(|read| RunNote::TextCut { read }));
        Some(Sentence {
            vector: found.vector,
            empty: text.is_none(),
        })
    } else {
        None
    };
    let model = watch.time("load", || origin.load(&config, device))?;
    let modalities = both(arguments.modalities, config.modalities);
    Ok(Prepared {
        modalities,
        model,
        mel: settings.mel,
        weights: origin.name(),
        sentence,
        notes,
    })
}

/// How a kind is called on the command line.
#[must_use]
pub fn kind_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Mesm => "mesm",
        ModelKind::Fe2e => "fe2e",
    }
}

/// What is in both sets; the first one where nothing is.
fn both(asked: Modalities, known: Modalities) -> Modalities {
    let letters: String = asked
        .iter()
        .filter(|m| known.contains(*m))
        .map(Modality::letter)
        .collect();
    letters.parse().unwrap_or(asked)
}

/// What is asked for and unknown to the weights is a mistake where it was typed, and a note where it is the default.
fn check_modalities(
    asked: Modalities,
    config: &ModelConfig,
    notes: &mut Vec<RunNote>,
) -> Result<(), CliError> {
    for missing in asked
        .iter()
        .filter(|modality| !config.modalities.contains(*modality))
    {
        let letter = missing.letter();
        if asked != Modalities::ALL {
            let reason = format!(
                "--modalities asks for {letter}; the weights know {} only",
                config.modalities
            );
            return Err(CliError::Arguments(reason));
        }
        notes.push(RunNote::UnknownModality(letter));
    }
    Ok(())
}

/// Whether a text encoder is needed, and what is said about it.
fn words_wanted(
    kind: ModelKind,
    modalities: Modalities,
    text: Option<&str>,
    notes: &mut Vec<RunNote>,
) -> Result<bool, CliError> {
    if notes.contains(&RunNote::UnknownModality('t')) {
        return Ok(false);
    }
    let wanted = modalities.contains(Modality::Text);
    if kind == ModelKind::Mesm && !wanted {
        return Err(ConfigError::TextNeeded.into());
    }
    match (wanted, text) {
        (true, None) if kind == ModelKind::Mesm => notes.push(RunNote::EmptySentence),
        (true, None) => notes.push(RunNote::NoText),
        (false, Some(_)) => notes.push(RunNote::TextNotUsed),
        _ => {}
    }
    Ok(wanted && (text.is_some() || kind == ModelKind::Mesm))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(
        kind: ModelKind,
        modalities: &str,
        text: Option<&str>,
    ) -> (Result<bool, CliError>, Vec<RunNote>) {
        let mut notes = Vec::new();
        let wanted = words_wanted(kind, modalities.parse().unwrap(), text, &mut notes);
        (wanted, notes)
    }

    #[test]
    fn mesm_reads_the_empty_sentence_and_says_so() {
        let (found, notes) = wanted(ModelKind::Mesm, "tav", None);
        assert!(found.unwrap());
        assert_eq!(notes, [RunNote::EmptySentence]);
        let (found, _) = wanted(ModelKind::Mesm, "av", Some("words"));
        assert_eq!(found.unwrap_err().exit_code(), 2);
    }

    #[test]
    fn the_dense_twin_leaves_text_out() {
        let (found, notes) = wanted(ModelKind::Fe2e, "tav", None);
        assert!(!found.unwrap());
        assert_eq!(notes, [RunNote::NoText]);
        let (found, notes) = wanted(ModelKind::Fe2e, "av", Some("words"));
        assert!(!found.unwrap());
        assert_eq!(notes, [RunNote::TextNotUsed]);
        let (found, notes) = wanted(ModelKind::Fe2e, "tav", Some("words"));
        assert!(found.unwrap() && notes.is_empty());
    }

    #[test]
    fn modalities_the_weights_do_not_know() {
        let config = ModelConfig {
            modalities: "ta".parse().unwrap(),
            ..ModelConfig::default()
        };
        let mut notes = Vec::new();
        check_modalities(Modalities::ALL, &config, &mut notes).unwrap();
        assert_eq!(notes, [RunNote::UnknownModality('v')]);
        let error = check_modalities("tv".parse().unwrap(), &config, &mut Vec::new()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
