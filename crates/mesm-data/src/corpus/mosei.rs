//! CMU-MOSEI (Zadeh et al., 2018) in raw form.
//!
//! ```text
//! Raw/Labels/*.csv                                   a row an annotator
//! Raw/Transcript/Segmented/Combined/VIDEO.txt        VIDEO___CLIP___START___END___WORDS
//! Raw/Videos/Full/Combined/VIDEO.mp4                 or Videos/Segmented/Combined/VIDEO_CLIP.mp4
//! Raw/Audio/Full/WAV_16000/VIDEO.wav                 otherwise the sound of the video
//! ```

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::ratings::{self, Rating};
use super::texts::{Texts, files, is_id, seconds, stem};
use super::utterance::{MAX_UTTERANCE_S, Material, Scan, Track, Utterance};
use crate::clip::Stretch;
use crate::manifest::{ManifestError, Reason, Skips};

/// The emotions, named as in the authors' code.
const CLASSES: [&str; 6] = ["anger", "disgust", "fear", "happy", "sad", "surprise"];

/// The folders that were found.
struct Folders {
    labels: PathBuf,
    transcripts: PathBuf,
    full: PathBuf,
    segments: PathBuf,
    sound: Option<PathBuf>,
}

/// One line of a transcript.
struct Spoken<'a> {
    clip: &'a str,
    start_s: f64,
    end_s: f64,
    words: &'a str,
}

/// Reads labels and words of all videos.
pub(super) fn scan(folder: &Path, skips: &mut Skips) -> Result<Scan, ManifestError> {
    let folders = Folders::find(folder)?;
    let mut labels = Texts::new(folder, "Labels");
    let mut ratings = HashMap::new();
    for path in files(&folders.labels, "csv")? {
        labels.read(&path)?;
        ratings::add(&path, &labels.name(&path), &mut ratings, skips)?;
    }
    let mut scanner = Scanner {
        folders,
        ratings,
        words: Texts::new(folder, "Transcript"),
        media: Texts::new(folder, "Videos and Audio, by length"),
        seen: HashSet::new(),
        scan: Scan {
            classes: CLASSES.map(str::to_owned).to_vec(),
            ..Scan::default()
        },
    };
    for path in files(&scanner.folders.transcripts, "txt")? {
        scanner.video(&path, skips)?;
    }
    scanner.without_words(skips);
    let Scanner {
        words,
        media,
        mut scan,
        ..
    } = scanner;
    scan.inputs
        .extend([labels, words, media].into_iter().filter_map(Texts::finish));
    Ok(scan)
}

impl Folders {
    fn find(folder: &Path) -> Result<Self, ManifestError> {
        let bases = [folder.join("Raw"), folder.to_owned()];
        let base = bases.into_iter().find(|base| base.join("Labels").is_dir());
        let missing = |expected| ManifestError::Layout {
            folder: folder.to_owned(),
            expected,
        };
        let base = base.ok_or_else(|| missing("Raw/Labels/*.csv (or Labels/*.csv)"))?;
        let first = |names: &[&str]| {
            let paths = names.iter().map(|name| base.join(name));
            paths.into_iter().find(|path| path.is_dir())
        };
        let transcripts = first(&["Transcript/Segmented/Combined", "Transcript/Combined"]);
        Ok(Self {
            labels: base.join("Labels"),
            transcripts: transcripts
                .ok_or_else(|| missing("Raw/Transcript/Segmented/Combined/*.txt"))?,
            full: base.join("Videos/Full/Combined"),
            segments: base.join("Videos/Segmented/Combined"),
            sound: first(&["Audio/Full/WAV_16000", "Audio/WAV_16000"]),
        })
    }
}

struct Scanner {
    folders: Folders,
    ratings: HashMap<String, Rating>,
    words: Texts,
    media: Texts,
    /// Ids that a transcript names.
    seen: HashSet<String>,
    scan: Scan,
}

impl Scanner {
    /// The utterances of one video.
    fn video(&mut self, path: &Path, skips: &mut Skips) -> Result<(), ManifestError> {
        let video = stem(path);
        let file = self.words.name(path);
        let text = self.words.read(path)?;
        let full = self.folders.full.join(format!("{video}.mp4"));
        let full = self.media.measure(&full).then_some(full);
        let sound = self.folders.sound.as_ref();
        let sound = sound.map(|folder| folder.join(format!("{video}.wav")));
        let sound = sound.filter(|path| self.media.measure(path));
        for (line, text) in (1u64..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let Some(spoken) = spoken(text, &video) else {
                skips.add(&file, Reason::BadRow, Some(line), text);
                continue;
            };
            let id = format!("{video}_{}", spoken.clip);
            if !self.seen.insert(id.clone()) {
                skips.add(&file, Reason::DuplicateId, Some(line), &id);
                continue;
            }
            match self.utterance(&id, &video, &spoken, full.as_deref(), sound.as_deref()) {
                Ok(utterance) => self.scan.utterances.push(Utterance {
                    file: file.clone(),
                    line: Some(line),
                    ..utterance
                }),
                Err((reason, found)) => {
                    skips.add(&file, reason, Some(line), &found);
                    self.scan.left_out.insert(id);
                }
            }
        }
        Ok(())
    }

    fn utterance(
        &mut self,
        id: &str,
        video: &str,
        spoken: &Spoken<'_>,
        full: Option<&Path>,
        sound: Option<&Path>,
    ) -> Result<Utterance, (Reason, String)> {
        let rating = self.ratings.get(id);
        let rating = rating.ok_or_else(|| (Reason::NoLabel, id.to_owned()))?;
        let (target, sentiment) = (rating.target(), rating.sentiment());
        // The data begin some first utterances a little before the recording, as the authors found.
        let (start_s, end_s) = (spoken.start_s.max(0.0), spoken.end_s);
        if end_s <= start_s {
            let found = format!("{id}: {} to {end_s} s", spoken.start_s);
            return Err((Reason::EndBeforeStart, found));
        }
        if end_s - start_s > MAX_UTTERANCE_S {
            let found = format!("{id}: {:.1} s", end_s - start_s);
            return Err((Reason::OversizedMedia, found));
        }
        if spoken.words.is_empty() {
            return Err((Reason::EmptyText, id.to_owned()));
        }
        let stretch = Some(Stretch {
            start_s,
            end_s,
            half: None,
        });
        let part = |path: &Path| Track {
            path: path.to_owned(),
            stretch,
        };
        let video_track = if let Some(full) = full {
            part(full)
        } else {
            let segment = self.folders.segments.join(format!("{id}.mp4"));
            if !self.media.measure(&segment) {
                let found = format!("{id}: neither {video}.mp4 nor {id}.mp4");
                return Err((Reason::MissingMedia, found));
            }
            Track {
                path: segment,
                stretch: None,
            }
        };
        Ok(Utterance {
            id: id.to_owned(),
            file: String::new(),
            line: None,
            source: "cmu-mosei",
            // Nobody says who speaks; of most videos it is one person, who is in few others.
            subject: video.to_owned(),
            target,
            sentiment,
            text: spoken.words.to_owned(),
            seconds: Some(end_s - start_s),
            material: Material::Cut {
                sound: sound.map_or_else(|| video_track.clone(), part),
                video: video_track,
            },
        })
    }

    /// Counts labelled clips that no transcript names.
    fn without_words(&mut self, skips: &mut Skips) {
        let mut silent: Vec<(&String, &Rating)> = self
            .ratings
            .iter()
            .filter(|(id, _)| !self.seen.contains(*id))
            .collect();
        silent.sort_by_key(|(id, _)| *id);
        for (id, rating) in silent {
            skips.add(&rating.file, Reason::NoTranscript, Some(rating.line), id);
            self.scan.left_out.insert(id.clone());
        }
    }
}

/// Reads a line. The name of the video may itself end in `_`, and words may hold anything: the name is known from the
/// file, and what follows the fourth mark is all words.
fn spoken<'a>(line: &'a str, video: &str) -> Option<Spoken<'a>> {
    let rest = line.trim_end().strip_prefix(video)?.strip_prefix("___")?;
    let mut fields = rest.splitn(4, "___");
    let clip = fields.next()?.trim();
    let start_s = seconds(fields.next()?)?;
    let end_s = seconds(fields.next()?)?;
    is_id(&format!("{video}_{clip}")).then_some(Spoken {
        clip,
        start_s,
        end_s,
        words: fields.next().unwrap_or_default().trim(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_transcripts() {
        let found = spoken("-a_b____3___23.199___30.325___I see: a___b. \r", "-a_b_").unwrap();
        assert_eq!(
            (found.clip, found.start_s, found.end_s),
            ("3", 23.199, 30.325)
        );
        assert_eq!(found.words, "I see: a___b.");
        assert_eq!(spoken("v___0___0.0___1.0", "v").unwrap().words, "");
        for line in [
            "w___0___0___1___x",
            "v___0___x___1___x",
            "v___a/b___0___1___x",
            "v___0",
        ] {
            assert!(spoken(line, "v").is_none(), "{line}");
        }
    }
}
