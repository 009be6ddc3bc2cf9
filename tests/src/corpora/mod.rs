//! Small data sets in the layouts of the large ones, made of one public-domain portrait and a synthetic voice.
//!
//! Names of folders and files, heads of tables and formats of media are the real ones; faces, voices and words are not,
//! but differ from class to class, so that something can be learnt from them. Needed are the programs `ffmpeg` and
//! `espeak-ng`. For tests and demonstrations: nobody's data are in them.

mod iemocap;
mod media;
mod mosei;
mod pickle;
mod processed;

use std::fs;
use std::path::{Path, PathBuf};

pub use iemocap::iemocap;
pub use media::run;
pub use mosei::mosei;
pub use pickle::{Item, pickle};
pub use processed::processed;

/// A data set that was made.
#[derive(Debug, Clone)]
pub struct Corpus {
    /// What `mesm prepare` is given.
    pub folder: PathBuf,
    /// The folder with lists of its splits.
    pub splits: PathBuf,
    /// What can be taken from it, sorted by ids.
    pub utterances: Vec<Spoken>,
}

/// An utterance as it should come out.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// Its id.
    pub id: String,
    /// Who speaks.
    pub subject: String,
    /// Numbers of its classes, in the order of the data set.
    pub classes: Vec<usize>,
    /// Mean rating.
    pub sentiment: Option<f32>,
    /// The words.
    pub text: String,
    /// Start in its recording, in seconds.
    pub start_s: f64,
    /// End in its recording, in seconds.
    pub end_s: f64,
    /// The split that the lists give it.
    pub split: &'static str,
}

impl Spoken {
    /// Length in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.end_s - self.start_s
    }
}

/// Of each ten utterances seven to learn from, one to choose by, two to judge by.
fn split_of(number: usize) -> &'static str {
    match number % 10 {
        3 => "valid",
        5 | 8 => "test",
        _ => "train",
    }
}

/// Writes the lists of splits as the authors published theirs.
fn write_splits(folder: &Path, utterances: &[Spoken]) -> Result<(), String> {
    for split in ["train", "valid", "test"] {
        let of_split = utterances.iter().filter(|u| u.split == split);
        let mut ids: Vec<&str> = of_split.map(|u| u.id.as_str()).collect();
        // The lists end with a line break.
        ids.push("");
        write(&folder.join(format!("{split}_split.txt")), ids.join("\n"))?;
    }
    Ok(())
}

/// Writes a file and the folders above it.
fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<(), String> {
    let wrong = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(wrong)?;
    }
    fs::write(path, contents).map_err(wrong)
}
