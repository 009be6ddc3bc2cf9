//! IEMOCAP (Busso et al., 2008) as it is handed out.
//!
//! ```text
//! IEMOCAP_full_release/Session1/dialog/EmoEvaluation/Ses01F_impro01.txt    [start - end] TAB id TAB label TAB [v, a, d]
//! IEMOCAP_full_release/Session1/dialog/transcriptions/Ses01F_impro01.txt   id [start-end]: words
//! IEMOCAP_full_release/Session1/dialog/avi/DivX/Ses01F_impro01.avi         both actors, side by side
//! IEMOCAP_full_release/Session1/dialog/wav/Ses01F_impro01.wav              a channel for each
//! ```

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::texts::{Texts, entries, files, is_id, seconds, stem};
use super::utterance::{MAX_UTTERANCE_S, Material, Scan, Track, Utterance};
use crate::clip::{Half, Stretch};
use crate::manifest::{ManifestError, Reason, Skips};

/// The labels that are taken, in the order of the authors' code. The paper takes these six of nine (section 3.1); of the
/// other ones (fear, surprise, disgust, `xxx` for no agreement) there are few.
const CLASSES: [&str; 6] = ["ang", "exc", "fru", "hap", "neu", "sad"];

/// Which side of picture and sound belongs to the actor who wears the markers: the one whose letter stands in the name of
/// the dialogue (`Ses01F_...`: the woman). The other side belongs to the other actor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkedSide {
    /// The left half and the first channel, as in the authors' code.
    #[default]
    Left,
    /// The right half and the second channel.
    Right,
}

/// What one dialogue says of an utterance.
struct Turn<'a> {
    start_s: f64,
    end_s: f64,
    id: &'a str,
    label: &'a str,
}

/// Reads labels and words of all sessions.
pub(super) fn scan(
    folder: &Path,
    marked: MarkedSide,
    skips: &mut Skips,
) -> Result<Scan, ManifestError> {
    let mut scanner = Scanner {
        marked,
        labels: Texts::new(folder, "EmoEvaluation"),
        words: Texts::new(folder, "transcriptions"),
        media: Texts::new(folder, "avi and wav, by length"),
        seen: HashSet::new(),
        scan: Scan {
            classes: CLASSES.map(str::to_owned).to_vec(),
            ..Scan::default()
        },
    };
    for session in sessions(folder)? {
        for labels in files(&session.join("dialog/EmoEvaluation"), "txt")? {
            scanner.dialogue(&session, &labels, skips)?;
        }
    }
    let Scanner {
        labels,
        words,
        media,
        mut scan,
        ..
    } = scanner;
    scan.inputs
        .extend([labels, words, media].into_iter().filter_map(Texts::finish));
    Ok(scan)
}

/// The folders `Session*` that hold labels.
fn sessions(folder: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    for base in [folder.join("IEMOCAP_full_release"), folder.to_owned()] {
        if !base.is_dir() {
            continue;
        }
        let mut found: Vec<PathBuf> = entries(&base)?
            .into_iter()
            .filter(|path| stem(path).starts_with("Session"))
            .filter(|path| path.join("dialog/EmoEvaluation").is_dir())
            .collect();
        found.sort();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(ManifestError::Layout {
        folder: folder.to_owned(),
        expected: "Session1/dialog/EmoEvaluation (or IEMOCAP_full_release/Session1/...)",
    })
}

struct Scanner {
    marked: MarkedSide,
    labels: Texts,
    words: Texts,
    media: Texts,
    seen: HashSet<String>,
    scan: Scan,
}

impl Scanner {
    fn dialogue(
        &mut self,
        session: &Path,
        labels: &Path,
        skips: &mut Skips,
    ) -> Result<(), ManifestError> {
        let name = stem(labels);
        let file = self.labels.name(labels);
        let text = self.labels.read(labels)?;
        let dialog = session.join("dialog");
        let words = dialog.join("transcriptions").join(format!("{name}.txt"));
        let words = if words.is_file() {
            self.words.read(&words)?
        } else {
            String::new()
        };
        let words = transcript(&words);
        let video = dialog.join("avi/DivX").join(format!("{name}.avi"));
        let sound = dialog.join("wav").join(format!("{name}.wav"));
        let missing = [&video, &sound]
            .into_iter()
            .find(|p| !self.media.measure(p));
        let missing = missing.map(|path| self.media.name(path));
        for (line, text) in (1u64..).zip(text.lines()) {
            if !text.starts_with('[') {
                continue;
            }
            let taken = turn(text, &name).and_then(|turn| {
                if !self.seen.insert(turn.id.to_owned()) {
                    return Err((Reason::DuplicateId, turn.id.to_owned(), None));
                }
                let taken =
                    self.utterance(&turn, &name, &words, &video, &sound, missing.as_deref());
                taken.map_err(|(reason, found)| (reason, found, Some(turn.id)))
            });
            match taken {
                Ok(utterance) => self.scan.utterances.push(Utterance {
                    file: file.clone(),
                    line: Some(line),
                    ..utterance
                }),
                Err((reason, found, id)) => {
                    skips.add(&file, reason, Some(line), &found);
                    self.scan.left_out.extend(id.map(str::to_owned));
                }
            }
        }
        Ok(())
    }

    fn utterance(
        &self,
        turn: &Turn<'_>,
        dialogue: &str,
        words: &HashMap<&str, &str>,
        video: &Path,
        sound: &Path,
        missing: Option<&str>,
    ) -> Result<Utterance, (Reason, String)> {
        let Turn {
            start_s,
            end_s,
            id,
            label,
        } = *turn;
        let class = CLASSES.iter().position(|class| *class == label);
        let class = class.ok_or_else(|| (Reason::UnknownLabel, label.to_owned()))?;
        if end_s <= start_s || start_s < 0.0 {
            let found = format!("{id}: {start_s} to {end_s} s");
            return Err((Reason::EndBeforeStart, found));
        }
        if end_s - start_s > MAX_UTTERANCE_S {
            let found = format!("{id}: {:.1} s", end_s - start_s);
            return Err((Reason::OversizedMedia, found));
        }
        let text = words.get(id).copied();
        let text = text.ok_or_else(|| (Reason::NoTranscript, id.to_owned()))?;
        if text.is_empty() {
            return Err((Reason::EmptyText, id.to_owned()));
        }
        if let Some(missing) = missing {
            return Err((Reason::MissingMedia, format!("{id}: {missing}")));
        }
        let speaker = speaker(id).unwrap_or_default();
        let marked = dialogue.chars().nth(5) == Some(speaker);
        let half = match (marked, self.marked) {
            (true, MarkedSide::Left) | (false, MarkedSide::Right) => Half::Left,
            _ => Half::Right,
        };
        let track = |path: &Path| Track {
            path: path.to_owned(),
            stretch: Some(Stretch {
                start_s,
                end_s,
                half: Some(half),
            }),
        };
        let mut target = vec![0.0; CLASSES.len()];
        target[class] = 1.0;
        Ok(Utterance {
            id: id.to_owned(),
            file: String::new(),
            line: None,
            source: "iemocap",
            subject: subject(id),
            target,
            sentiment: None,
            text: text.to_owned(),
            seconds: Some(end_s - start_s),
            material: Material::Cut {
                video: track(video),
                sound: track(sound),
            },
        })
    }
}

/// The letter of whoever speaks: `M` or `F`, the first one of the last part of the id.
pub(super) fn speaker(id: &str) -> Option<char> {
    let letter = id.rsplit('_').next()?.chars().next()?;
    matches!(letter, 'F' | 'M').then_some(letter)
}

/// The actor: session and letter, such as `Ses01F`.
pub(super) fn subject(id: &str) -> String {
    let session: String = id.chars().take(5).collect();
    format!("{session}{}", speaker(id).unwrap_or('?'))
}

/// Which half of the picture an utterance of the authors' folders has, by the rule of their code.
pub(super) fn authors_half(id: &str) -> Option<Half> {
    let dialogue = id.split('_').next()?;
    if !dialogue.starts_with("Ses") {
        return None;
    }
    let marked = dialogue.ends_with(speaker(id)?);
    Some(if marked { Half::Left } else { Half::Right })
}

type Refused<'a> = (Reason, String, Option<&'a str>);

/// Reads `[start - end]`, id and label.
fn turn<'a>(line: &'a str, dialogue: &str) -> Result<Turn<'a>, Refused<'a>> {
    let bad = || (Reason::BadRow, line.to_owned(), None);
    let mut fields = line.split('\t');
    let times = fields.next().unwrap_or_default().trim();
    let times = times.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let (start, end) = times.and_then(|t| t.split_once(" - ")).ok_or_else(bad)?;
    let (Some(start_s), Some(end_s)) = (seconds(start), seconds(end)) else {
        return Err(bad());
    };
    let id = fields.next().unwrap_or_default().trim();
    let own = id
        .strip_prefix(dialogue)
        .is_some_and(|rest| rest.starts_with('_'));
    if !is_id(id) || !own || speaker(id).is_none() {
        return Err(bad());
    }
    let label = fields.next().unwrap_or_default().trim();
    if label.is_empty() {
        return Err((Reason::NoLabel, id.to_owned(), Some(id)));
    }
    Ok(Turn {
        start_s,
        end_s,
        id,
        label,
    })
}

/// Words by ids. The authors' notebook keeps what follows the last colon; here all words are kept.
fn transcript(text: &str) -> HashMap<&str, &str> {
    let lines = text.lines().filter_map(|line| {
        let (head, words) = line.split_once("]:")?;
        let id = head.split(' ').next()?;
        id.contains('_').then_some((id, words.trim()))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_labels() {
        let found = turn(
            "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]",
            "Ses01F_impro01",
        );
        let found = found.ok().unwrap();
        assert_eq!((found.start_s, found.end_s), (6.2901, 8.2357));
        assert_eq!((found.id, found.label), ("Ses01F_impro01_F000", "neu"));
        for line in [
            "[6.2901 8.2357]\tSes01F_impro01_F000\tneu",
            "[x - 8.2357]\tSes01F_impro01_F000\tneu",
            "[1 - 2]\tSes01F_impro02_F000\tneu",
            "[1 - 2]\tSes01F_impro01_X000\tneu",
            "[1 - 2]\t../Ses01F_impro01_F000\tneu",
            "[1 - 2]",
        ] {
            let refused = turn(line, "Ses01F_impro01").err().unwrap();
            assert_eq!(refused.0, Reason::BadRow, "{line}");
        }
        let refused = turn("[1 - 2]\tSes01F_impro01_F000\t", "Ses01F_impro01");
        assert_eq!(refused.err().unwrap().0, Reason::NoLabel);
    }

    #[test]
    fn lines_of_words() {
        let words = transcript(
            "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me: you.\nM: What?\n\
             Ses01F_impro01_M000 [007.5712-010.4750]:  \n",
        );
        assert_eq!(words.len(), 2);
        assert_eq!(words["Ses01F_impro01_F000"], "Excuse me: you.");
        assert_eq!(words["Ses01F_impro01_M000"], "");
    }

    #[test]
    fn whoever_is_marked_is_on_the_left_in_the_authors_folders() {
        assert_eq!(authors_half("Ses01F_impro01_F000"), Some(Half::Left));
        assert_eq!(authors_half("Ses01F_impro01_M000"), Some(Half::Right));
        assert_eq!(authors_half("Ses05M_script01_1b_M024"), Some(Half::Left));
        assert_eq!(authors_half("-3g5yACwYnA_10"), None);
        assert_eq!(subject("Ses05M_script01_1b_F024"), "Ses05F");
    }
}
