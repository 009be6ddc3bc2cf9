//! The authors' folders of utterances already cut, made of the small data sets.

use std::fs;
use std::path::Path;

use super::media::{ffmpeg, text};
use super::pickle::{Item, pickle};
use super::{Corpus, Spoken, iemocap, mosei, write};

const LABELS: [&str; 6] = ["ang", "exc", "fru", "hap", "neu", "sad"];

/// Makes `IEMOCAP_RAW_PROCESSED` and `MOSEI_RAW_PROCESSED` with the lists of their splits beside them, as in the authors'
/// `data` folder.
///
/// # Errors
/// When a program is missing or a file cannot be written.
pub fn processed(folder: &Path) -> Result<[Corpus; 2], String> {
    let (first, second) = (iemocap(folder)?, mosei(folder)?);
    let main = folder.join("IEMOCAP_RAW_PROCESSED");
    let mut entries = Vec::new();
    for spoken in &first.utterances {
        entries.push((spoken.id.clone(), two_people(&first.folder, &main, spoken)?));
    }
    write(&main.join("meta.pkl"), pickle(&Item::Dict(entries)))?;
    let first = Corpus {
        folder: main,
        ..first
    };
    let main = folder.join("MOSEI_RAW_PROCESSED");
    let mut entries = Vec::new();
    // Of the last video there are only parts.
    let whole = |spoken: &&Spoken| {
        let mp4 = format!("Raw/Videos/Full/Combined/{}.mp4", spoken.subject);
        second.folder.join(mp4).is_file()
    };
    let utterances: Vec<Spoken> = second.utterances.iter().filter(whole).cloned().collect();
    for spoken in &utterances {
        entries.push((
            spoken.id.clone(),
            one_person(&second.folder, &main, spoken)?,
        ));
    }
    write(&main.join("meta.pkl"), pickle(&Item::Dict(entries)))?;
    super::write_splits(&second.splits, &utterances)?;
    let second = Corpus {
        folder: main,
        splits: second.splits,
        utterances,
    };
    Ok([first, second])
}

/// 30 pictures a second of each side, and three sounds.
fn two_people(release: &Path, main: &Path, spoken: &Spoken) -> Result<Item, String> {
    let dialogue = spoken
        .id
        .rsplit_once('_')
        .map_or("", |(dialogue, _)| dialogue);
    let session = &dialogue[4..5];
    let dialog = release.join(format!("Session{session}/dialog"));
    let folder = main.join(dialogue).join(&spoken.id);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let avi = dialog.join(format!("avi/DivX/{dialogue}.avi"));
    let wav = dialog.join(format!("wav/{dialogue}.wav"));
    for (side, x) in [("L", "0"), ("R", "iw/2")] {
        let filter = format!("fps=30,crop=iw/2:ih:{x}:0");
        let pictures = folder.join(format!("image_{side}_%d.jpg"));
        cut(
            &avi,
            spoken,
            &["-vf", &filter, "-start_number", "0", "-q:v", "3"],
            &pictures,
        )?;
    }
    for (name, pan) in [
        ("audio.wav", "pan=stereo|c0=c0|c1=c1"),
        ("audio_L.wav", "pan=mono|c0=c0"),
        ("audio_R.wav", "pan=mono|c0=c1"),
    ] {
        cut(&wav, spoken, &["-af", pan], &folder.join(name))?;
    }
    let label = LABELS[spoken.classes[0]];
    Ok(Item::Dict(vec![
        ("start_time".to_owned(), Item::Float(spoken.start_s)),
        ("end_time".to_owned(), Item::Float(spoken.end_s)),
        ("label".to_owned(), Item::Text(label.to_owned())),
        ("text".to_owned(), Item::Text(spoken.text.clone())),
        ("sr".to_owned(), Item::Int(16_000)),
        ("fps".to_owned(), Item::Float(30.0)),
    ]))
}

/// 2 pictures a second, as the authors' later notebook keeps them, and the sound.
fn one_person(corpus: &Path, main: &Path, spoken: &Spoken) -> Result<Item, String> {
    let mp4 = format!("Raw/Videos/Full/Combined/{}.mp4", spoken.subject);
    let mp4 = corpus.join(mp4);
    let folder = main.join(&spoken.id);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let options = ["-vf", "fps=2:round=up", "-start_number", "0", "-q:v", "3"];
    cut(&mp4, spoken, &options, &folder.join("image_%d.jpg"))?;
    cut(&mp4, spoken, &["-vn"], &folder.join("audio.wav"))?;
    let label = (0..6).map(|class| Item::Int(i32::from(spoken.classes.contains(&class))));
    Ok(Item::Dict(vec![
        ("text".to_owned(), Item::Text(spoken.text.clone())),
        ("label".to_owned(), Item::List(label.collect())),
    ]))
}

fn cut(from: &Path, spoken: &Spoken, options: &[&str], to: &Path) -> Result<(), String> {
    let (start, length) = (spoken.start_s.to_string(), spoken.seconds().to_string());
    let input = ["-ss", &start, "-t", &length, "-i", text(from)?];
    ffmpeg(&[&input[..], options, &[text(to)?]].concat())
}
