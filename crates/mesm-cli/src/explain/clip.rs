//! A clip, window after window, as `mesm infer` judges it.

use mesm::{Modality, ModelConfig};
use mesm_features::mel::{MelConfig, PIECE_FRAMES};
use mesm_train::metrics::largest;

use super::arguments::ExplainArguments;
use super::exhibit::{Exhibit, highest, maps};
use super::explainer::{Explainer, said};
use super::facs::{Facs, Seen};
use super::findings::Findings;
use super::gallery::{Gallery, Line, spread};
use crate::error::CliError;
use crate::input::Input;
use crate::judgement::{Evidence, Judgement};
use crate::session::{Session, Tracks};
use crate::stopwatch::Stopwatch;

/// Explains a clip. Shown are rows of the first window that has a face, and of the first that has a sound; all windows count
/// for the score.
///
/// # Errors
/// When the clip does not decode, or has neither face nor sound.
pub(super) fn explain(
    mut input: Input,
    arguments: &ExplainArguments,
    explainer: Explainer,
) -> Result<Findings, CliError> {
    let text = said(arguments.text.as_deref().or(input.text.as_deref())).map(str::to_owned);
    let config = explainer.config().clone();
    let tracks = Tracks {
        video: input.has_video && explainer.knows(Modality::Visual),
        audio: input.has_audio && explainer.knows(Modality::Acoustic),
    };
    let sentence = explainer.sentence(text.as_deref())?;
    let Explainer {
        model, mel, device, ..
    } = explainer;
    let mut watch = Stopwatch::default();
    let mut session = Session::new(model, &mel, Some(sentence), tracks, true, &device)?;
    let wanted = usize::from(arguments.examples) * config.classes.len();
    let mut findings = Findings {
        facs: Facs::new(&config.classes),
        chosen: format!(
            "Of the first stretch of at most 30 s that has any: at most {wanted}, evenly spread over time, which is written \
             on the left."
        ),
        query: text.map_or_else(
            || "the empty sentence".to_owned(),
            |text| format!("the words “{text}”"),
        ),
        notes: input.notes.iter().map(ToString::to_string).collect(),
        ..Findings::default()
    };
    let mut judged: Vec<String> = Vec::new();
    while let Some(window) = input.next_window()? {
        let judgement = session.judge(&window, &mut watch)?;
        for note in judgement.notes.iter().map(ToString::to_string) {
            if !findings.notes.contains(&note) {
                findings.notes.push(note);
            }
        }
        let Some(evidence) = &judgement.evidence else {
            continue;
        };
        if findings.faces.lines.is_empty() {
            findings.faces = faces(&judgement, evidence, wanted);
        }
        if findings.voices.lines.is_empty() {
            findings.voices = chunks(&judgement, evidence, &mel, wanted, arguments.highest);
        }
        judged.extend(score(&mut findings.facs, &judgement, evidence, &config));
    }
    findings
        .notes
        .extend(input.complaints().iter().map(ToString::to_string));
    if findings.faces.lines.is_empty() && findings.voices.lines.is_empty() {
        return Err(CliError::NothingToLookAt {
            path: arguments.input.clone(),
            reason: findings.notes.join("; "),
        });
    }
    judged.dedup();
    if !judged.is_empty() {
        findings.notes.push(format!(
            "nobody says which class the clip belongs to: its faces count for what the model finds likeliest ({})",
            judged.join(", then ")
        ));
    }
    Ok(findings)
}

fn faces(judgement: &Judgement, evidence: &Evidence, wanted: usize) -> Gallery {
    let Some(prediction) = &evidence.prediction else {
        return Gallery::default();
    };
    let maps = maps(prediction, Modality::Visual);
    let lines = spread(evidence.crops.len(), wanted).into_iter().map(|row| {
        let face = judgement.faces.get(row);
        let caption = if face.is_some_and(|face| face.found) {
            "face"
        } else {
            "no face"
        };
        Line {
            name: face.map_or_else(String::new, |face| format!("{:.1} s", face.t_s)),
            exhibits: vec![Exhibit::face(
                &evidence.crops[row],
                maps,
                row,
                caption.to_owned(),
            )],
        }
    });
    Gallery {
        lines: lines.collect(),
    }
}

fn chunks(
    judgement: &Judgement,
    evidence: &Evidence,
    mel: &MelConfig,
    wanted: usize,
    share: Option<f32>,
) -> Gallery {
    let Some(prediction) = &evidence.prediction else {
        return Gallery::default();
    };
    let maps = maps(prediction, Modality::Acoustic);
    let loudest = evidence
        .chunks
        .iter()
        .flatten()
        .copied()
        .fold(0.0, f32::max);
    let chunk_s = (PIECE_FRAMES * mel.hop()) as f64 / f64::from(mel.sample_rate_hz);
    let lines = spread(evidence.chunks.len(), wanted)
        .into_iter()
        .map(|row| {
            let powers = highest(&evidence.chunks[row], share.unwrap_or(1.0));
            let caption = format!("{chunk_s:.1} s");
            Line {
                name: format!("{:.1} s", judgement.start_s + row as f64 * chunk_s),
                exhibits: vec![Exhibit::chunk(&powers, loudest, maps, row, caption)],
            }
        });
    Gallery {
        lines: lines.collect(),
    }
}

/// Counts the faces of a window for the class that the model finds likeliest; returns its name.
fn score(
    facs: &mut Facs,
    judgement: &Judgement,
    evidence: &Evidence,
    config: &ModelConfig,
) -> Option<String> {
    let class = largest(judgement.probabilities.as_ref()?);
    let maps = maps(evidence.prediction.as_ref()?, Modality::Visual);
    let mut any = None;
    for (row, crop) in evidence.crops.iter().enumerate() {
        if !judgement.faces.get(row).is_some_and(|face| face.found) {
            continue;
        }
        facs.add(&Seen {
            crop,
            points: evidence.points.get(row).copied().flatten(),
            class,
            // The frames of a clip show one face.
            group: 0,
            maps,
            row,
        });
        any = config.classes.get(class).cloned();
    }
    any
}
