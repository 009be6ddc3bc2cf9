//! Clips in which something is missing: it is left out, and said so.

use crate::clips;
use crate::program::{json, keys, notes, says};

#[test]
fn no_sound_track() {
    let answer = json(clips::mute(), &["--text", "so it is"]);
    assert!(says(&answer, "no audio track"));
    assert_eq!(keys(&answer["shares"]), ["t", "v"]);
    assert_eq!(
        (answer["chunks"].as_u64(), answer["faces_found"].as_u64()),
        (Some(0), Some(8))
    );
}

#[test]
fn a_silent_sound_track() {
    let answer = json(clips::silent(), &["--text", "so it is"]);
    assert!(says(&answer, "the audio track is silent"));
    assert_eq!(keys(&answer["shares"]), ["t", "v"]);
    assert_eq!(answer["chunks"], 0);
}

#[test]
fn no_face() {
    let answer = json(clips::faceless(), &["--text", "so it is"]);
    assert!(says(&answer, "no face found: the faces are left out"));
    assert_eq!(keys(&answer["shares"]), ["a", "t"]);
    assert_eq!(
        (answer["frames"].as_u64(), answer["faces_found"].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(keys(&answer["active_points"]), ["a"]);
}

#[test]
fn a_face_that_leaves() {
    let answer = json(clips::leaving(), &[]);
    assert!(says(&answer, "no face found in some frames"));
    assert_eq!(
        (answer["frames"].as_u64(), answer["faces_found"].as_u64()),
        (Some(8), Some(4))
    );
    let found: Vec<bool> = answer["faces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|face| face["found"].as_bool().unwrap())
        .collect();
    assert_eq!(found, [true, true, true, true, false, false, false, false]);
}

#[test]
fn no_words() {
    let answer = json(clips::talking(), &[]);
    assert!(says(
        &answer,
        "no words were given: the empty sentence chose the points"
    ));
    assert_eq!(keys(&answer["shares"]), ["a", "t", "v"]);
    let blank = json(clips::talking(), &["--text", "  "]);
    assert_eq!(answer["logits"], blank["logits"]);
    assert_eq!(notes(&answer), notes(&blank));
}

#[test]
fn more_words_than_the_encoder_reads() {
    let answer = json(clips::mute(), &["--text", &"happy ".repeat(600)]);
    assert!(says(
        &answer,
        "the words were cut: the text encoder reads 512 tokens"
    ));
}

#[test]
fn a_voice_alone() {
    let answer = json(clips::voice(), &["--text", "so it is"]);
    assert!(says(&answer, "no video track"));
    assert_eq!(keys(&answer["shares"]), ["a", "t"]);
    assert_eq!(answer["frames"], 0);
}

#[test]
fn what_is_not_asked_for_is_not_looked_at() {
    let answer = json(clips::talking(), &["--modalities", "tv", "--text", "sad"]);
    assert_eq!(keys(&answer["shares"]), ["t", "v"]);
    assert!(answer["timings_ms"]["mel"].as_f64().unwrap() < 1.0);
    assert!(!says(&answer, "no audio"), "it was not asked for");
    let answer = json(
        clips::talking(),
        &["--model", "fe2e", "--modalities", "a", "--text", "sad"],
    );
    assert_eq!(keys(&answer["shares"]), ["a"]);
    assert!(says(&answer, "the words are not used"));
}

#[test]
fn nothing_but_words() {
    let answer = json(clips::mute(), &["--modalities", "ta", "--text", "sad"]);
    assert_eq!(keys(&answer["shares"]), ["t"]);
    assert!(says(&answer, "no audio track"));
}
