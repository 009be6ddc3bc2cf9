//! Four videos of CMU-MOSEI's form.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::media::{self, Look, PAUSE_S, RATE_HZ, face_filter, speech, text, write_wav};
use super::{Corpus, Spoken, split_of, write, write_splits};

/// Names as the data have them: with `-` first, `_` last, and numbers alone.
const VIDEOS: [&str; 4] = ["-3g5yACwYnA", "0q7HVhnSYX_", "101787", "Vj1wYRQjB-o"];
/// What is said, the emotions in it (anger, disgust, fear, happy, sad, surprise) and the sentiment.
const SENTENCES: [(&str, &[usize], i8); 16] = [
    ("This makes me angry.", &[0], -2),
    ("It was disgusting and I hated it.", &[0, 1], -3),
    ("I was afraid of the dark.", &[2], -1),
    ("We loved this film.", &[3], 3),
    ("I lost my friend last year.", &[4], -2),
    ("Nobody expected that ending.", &[5], 1),
    ("The film has three parts.", &[], 0),
    ("A wonderful surprise for all of us.", &[3, 5], 2),
    ("They lied to us once more.", &[0], -2),
    ("The food was rotten.", &[1], -3),
    ("I fear for the children.", &[2, 4], -2),
    ("What a happy day.", &[3], 2),
    ("It is sad to see it close.", &[4], -1),
    ("Suddenly the lights went on.", &[5], 0),
    ("The report has ten pages.", &[], 0),
    ("I smiled all the way home.", &[3], 3),
];
const HEAD: &str = "HITId,HITTypeId,Title,WorkerId,AssignmentStatus,Input.VIDEO_ID,Input.CLIP,Answer.anger,\
                    Answer.disgust,Answer.fear,Answer.happiness,Answer.sadness,Answer.sentiment,Answer.surprise\n";
const ANSWERS: usize = 3;

/// Makes `CMU-MOSEI/Raw` with 16 utterances of four videos and `MOSEI_SPLIT`. The second video has no sound file of its
/// own, of the last one there are only its parts.
///
/// # Errors
/// When a program is missing or a file cannot be written.
pub fn mosei(folder: &Path) -> Result<Corpus, String> {
    let raw = folder.join("CMU-MOSEI/Raw");
    let mut utterances = Vec::new();
    let mut tables = [HEAD.to_owned(), HEAD.to_owned()];
    for (number, video) in VIDEOS.into_iter().enumerate() {
        let spoken = make(&raw, number, video)?;
        for (clip, utterance) in spoken.iter().enumerate() {
            answers(&mut tables[number % 2], video, clip, number * 4 + clip);
            utterances.push(utterance.clone());
        }
    }
    write(&raw.join("Labels/5000_batch_raw.csv"), &tables[0])?;
    let second = "Labels/Batch_2980374_batch_results.csv";
    write(&raw.join(second), &tables[1])?;
    utterances.sort_by(|a, b| a.id.cmp(&b.id));
    for (number, utterance) in utterances.iter_mut().enumerate() {
        utterance.split = split_of(number);
    }
    let splits = folder.join("MOSEI_SPLIT");
    write_splits(&splits, &utterances)?;
    Ok(Corpus {
        folder: folder.join("CMU-MOSEI"),
        splits,
        utterances,
    })
}

fn make(raw: &Path, number: usize, video: &str) -> Result<Vec<Spoken>, String> {
    let mp4 = raw.join(format!("Videos/Full/Combined/{video}.mp4"));
    let wav = raw.join(format!("Audio/Full/WAV_16000/{video}.wav"));
    for path in [&mp4, &wav] {
        write(path, "")?;
    }
    let scratch = raw.join("scratch");
    fs::create_dir_all(&scratch).map_err(|e| e.to_string())?;
    let mut sound: Vec<i16> = Vec::new();
    let mut looks = Vec::new();
    let mut lines = String::new();
    let mut spoken = Vec::new();
    for clip in 0..4 {
        let (words, classes, sentiment) = SENTENCES[number * 4 + clip];
        let class = classes.first().copied().unwrap_or(2);
        sound.resize(sound.len() + (PAUSE_S * f64::from(RATE_HZ)) as usize, 0);
        let start = sound.len();
        sound.extend(speech(&scratch, words, class)?);
        // Three digits, as in the data.
        let seconds = |samples: usize| (samples as f64 / f64::from(RATE_HZ) * 1e3).round() / 1e3;
        let (start_s, end_s) = (seconds(start), seconds(sound.len()));
        let _ = writeln!(lines, "{video}___{clip}___{start_s}___{end_s}___{words}");
        looks.push(Look {
            start_s,
            end_s,
            class,
        });
        spoken.push(Spoken {
            id: format!("{video}_{clip}"),
            subject: video.to_owned(),
            classes: classes.to_vec(),
            sentiment: Some(f32::from(sentiment)),
            text: words.to_owned(),
            start_s,
            end_s,
            split: "",
        });
    }
    sound.resize(sound.len() + 3200, 0);
    write_wav(&wav, &[&sound])?;
    let filter = format!("[0:v]{}[v]", face_filter(number % 2 == 1, &looks));
    let seconds = sound.len() as f64 / f64::from(RATE_HZ);
    media::video(
        &mp4,
        &filter,
        Some(&wav),
        seconds,
        &["-c:a", "aac", "-g", "15"],
    )?;
    let transcript = format!("Transcript/Segmented/Combined/{video}.txt");
    write(&raw.join(transcript), lines)?;
    if number == 1 {
        fs::remove_file(&wav).map_err(|e| e.to_string())?;
    }
    if number == 3 {
        for utterance in &spoken {
            segment(raw, &mp4, utterance)?;
        }
        fs::remove_file(&mp4).map_err(|e| e.to_string())?;
    }
    fs::remove_dir_all(&scratch).map_err(|e| e.to_string())?;
    Ok(spoken)
}

/// Cuts one part out of a video.
fn segment(raw: &Path, mp4: &Path, utterance: &Spoken) -> Result<(), String> {
    let part = raw.join(format!("Videos/Segmented/Combined/{}.mp4", utterance.id));
    write(&part, "")?;
    let (start, length) = (
        utterance.start_s.to_string(),
        utterance.seconds().to_string(),
    );
    let more = ["-c:v", "mpeg4", "-q:v", "3", "-c:a", "aac"];
    let arguments = ["-ss", &start, "-t", &length, "-i", text(mp4)?];
    media::ffmpeg(&[&arguments[..], &more, &[text(&part)?]].concat())
}

/// What three annotators say of a clip: the first one sees every emotion of it, the others some.
fn answers(table: &mut String, video: &str, clip: usize, sentence: usize) {
    let (_, classes, sentiment) = SENTENCES[sentence];
    for annotator in 0..ANSWERS {
        let rated = |class: usize| match annotator {
            0 => u8::from(classes.contains(&class)),
            1 => 2 * u8::from(classes.first() == Some(&class)),
            _ => 0,
        };
        // The mean of the three stays the sentence's.
        let off = [0, 1, -1][annotator] * i8::from(sentiment.abs() < 3);
        let _ = writeln!(
            table,
            "3XH7ZM,3HIT,\"Emotions, and sentiment\",W{annotator},Approved,{video},{clip},{},{},{},{},{},{},{}",
            rated(0),
            rated(1),
            rated(2),
            rated(3),
            rated(4),
            sentiment + off,
            rated(5)
        );
    }
}
