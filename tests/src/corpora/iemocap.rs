//! Three dialogues of IEMOCAP's form.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::media::{self, Look, PAUSE_S, RATE_HZ, face_filter, speech, write_wav};
use super::{Corpus, Spoken, split_of, write, write_splits};

/// The classes and what is said in each.
const SENTENCES: [(&str, [&str; 3]); 6] = [
    (
        "ang",
        [
            "I am furious about this.",
            "Do not lie to me again: ever!",
            "Get out of my house.",
        ],
    ),
    (
        "exc",
        [
            "We are going to be parents!",
            "I got the job, I got it!",
            "This is so amazing.",
        ],
    ),
    (
        "fru",
        [
            "This form is wrong again.",
            "I have been waiting for hours.",
            "Nothing ever works here.",
        ],
    ),
    (
        "hap",
        [
            "What a lovely afternoon.",
            "I am glad you came.",
            "That makes me smile.",
        ],
    ),
    (
        "neu",
        [
            "The bus leaves at ten.",
            "Your form is on the table.",
            "I live in the other street.",
        ],
    ),
    (
        "sad",
        [
            "She is gone and I miss her.",
            "I cried the whole night.",
            "It hurts to stay here.",
        ],
    ),
];
const DIALOGUES: [&str; 3] = ["Ses01F_impro01", "Ses02M_impro02", "Ses03F_script01_1b"];
/// What follows the label: valence, activation, dominance.
const DIMENSIONS: &str = "[2.5000, 2.5000, 2.5000]";

/// Makes `IEMOCAP_full_release` with 18 utterances of six actors and six classes, 3 without a class, and
/// `IEMOCAP_SPLIT`.
///
/// # Errors
/// When a program is missing or a file cannot be written.
pub fn iemocap(folder: &Path) -> Result<Corpus, String> {
    let release = folder.join("IEMOCAP_full_release");
    let mut utterances = Vec::new();
    for (number, dialogue) in DIALOGUES.into_iter().enumerate() {
        utterances.extend(make(&release, number, dialogue)?);
    }
    utterances.sort_by(|a, b| a.id.cmp(&b.id));
    for (number, utterance) in utterances.iter_mut().enumerate() {
        utterance.split = split_of(number);
    }
    let splits = folder.join("IEMOCAP_SPLIT");
    write_splits(&splits, &utterances)?;
    Ok(Corpus {
        folder: release,
        splits,
        utterances,
    })
}

fn make(release: &Path, number: usize, dialogue: &str) -> Result<Vec<Spoken>, String> {
    let dialog = release.join(format!("Session{}/dialog", number + 1));
    let wav = dialog.join(format!("wav/{dialogue}.wav"));
    let avi = dialog.join(format!("avi/DivX/{dialogue}.avi"));
    for path in [&wav, &avi] {
        write(path, "")?;
    }
    let scratch = dialog.join("scratch");
    fs::create_dir_all(&scratch).map_err(|e| e.to_string())?;
    let marked = dialogue.chars().nth(5).unwrap_or('F');
    let other = if marked == 'F' { 'M' } else { 'F' };
    // The channel and half of the marked actor are the first ones.
    let mut channels = [Vec::new(), Vec::new()];
    let mut looks = [Vec::new(), Vec::new()];
    let mut labels = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n".to_owned();
    let mut words = String::new();
    let mut spoken = Vec::new();
    let mut pause = vec![0; (PAUSE_S * f64::from(RATE_HZ)) as usize];
    for turn in 0..7 {
        let side = turn % 2;
        let letter = [marked, other][side];
        let class = (turn + 2 * number) % 6;
        let (label, text) = if turn == 6 {
            ("xxx", "Well, I do not know.")
        } else {
            (SENTENCES[class].0, SENTENCES[class].1[number])
        };
        let said = speech(&scratch, text, class)?;
        for channel in &mut channels {
            channel.append(&mut pause.clone());
        }
        let start = channels[side].len();
        channels[side].extend(&said);
        channels[1 - side].resize(start + said.len(), 0);
        // Four digits, as in the data.
        let seconds = |samples: usize| (samples as f64 / f64::from(RATE_HZ) * 1e4).round() / 1e4;
        let (start_s, end_s) = (seconds(start), seconds(start + said.len()));
        let id = format!("{dialogue}_{letter}{:03}", turn / 2);
        let _ = writeln!(
            labels,
            "[{start_s:.4} - {end_s:.4}]\t{id}\t{label}\t{DIMENSIONS}\nC-E2:\tNeutral;\t()\nA-E3:\tval 3; act 2; dom  2;\t()\n"
        );
        let _ = writeln!(words, "{id} [{start_s:08.4}-{end_s:08.4}]: {text}");
        looks[side].push(Look {
            start_s,
            end_s,
            class,
        });
        if turn < 6 {
            spoken.push(Spoken {
                subject: format!("{}{letter}", &dialogue[..5]),
                id,
                classes: vec![class],
                sentiment: None,
                text: text.to_owned(),
                start_s,
                end_s,
                split: "",
            });
        }
    }
    words += "M: What?\n";
    for channel in &mut channels {
        channel.append(&mut pause);
        pause = vec![0; 3200];
    }
    let length = channels[0].len().max(channels[1].len());
    for channel in &mut channels {
        channel.resize(length, 0);
    }
    write_wav(&wav, &[&channels[0], &channels[1]])?;
    let filter = format!(
        "[0:v]split[a][b];[a]{}[l];[b]{}[r];[l][r]hstack[v]",
        face_filter(false, &looks[0]),
        face_filter(true, &looks[1])
    );
    let seconds = length as f64 / f64::from(RATE_HZ);
    media::video(&avi, &filter, None, seconds, &["-vtag", "DIVX"])?;
    write(
        &dialog.join(format!("EmoEvaluation/{dialogue}.txt")),
        labels,
    )?;
    write(
        &dialog.join(format!("transcriptions/{dialogue}.txt")),
        words,
    )?;
    // What is left on disks of another system beside every file of the real release.
    write(
        &dialog.join(format!("EmoEvaluation/._{dialogue}.txt")),
        [0, 5, 22, 7],
    )?;
    fs::remove_dir_all(&scratch).map_err(|e| e.to_string())?;
    Ok(spoken)
}
