//! `mesm infer` with the real face detector and the real text encoder: against the golden portrait, against the same
//! numbers computed from the crates by hand, and on real clips where there are any.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use mesm::text::{TextConfig, TextEncoder, TokenBatch};
use mesm::weights::{CONFIG, Limits, MEL, SafetensorsSource, load_params};
use mesm::{Batch, ModelConfig};
use mesm_cli::arguments::Command;
use mesm_cli::{arguments, infer};
use mesm_features::crop::extract_face;
use mesm_features::face::{Mtcnn, MtcnnConfig};
use mesm_features::mel::{MelConfig, mel_pieces};
use mesm_features::picture::Picture;
use mesm_features::tokens::WordPiece;
use mesm_tests::golden::{self, GoldenSet};
use serde_json::{Value, json};

const WORDS: &str = "We choose to go to the Moon.";

/// The JSON object of `mesm infer CLIP MORE --json`.
fn answer(clip: &Path, more: &[&str]) -> Value {
    let line = ["mesm", "infer", clip.to_str().unwrap(), "--json"]
        .into_iter()
        .chain(more.iter().copied());
    let parsed = arguments::parse(line).expect("a sound command line");
    let Command::Infer(parsed) = parsed.command else {
        panic!("the command line says infer");
    };
    let mut stdout = Vec::new();
    infer::run(&parsed, &mut stdout).unwrap_or_else(|error| panic!("{}: {error}", clip.display()));
    let stdout = String::from_utf8(stdout).unwrap();
    serde_json::from_str(stdout.lines().last().expect("a line")).expect("an object")
}

/// Two tones that swell, as a voice would be loud and soft: a second and a half at 16 kHz.
fn tones() -> Vec<f32> {
    let tone = |t: f64, hz: f64| (std::f64::consts::TAU * hz * t).sin();
    let sample = |i: u32| {
        let t = f64::from(i) / 16_000.0;
        ((0.3 * tone(t, 220.0) + 0.2 * tone(t, 1800.0)) * (0.6 + 0.4 * tone(t, 3.0))) as f32
    };
    (0..24_000).map(sample).collect()
}

/// A window folder with the golden portrait and the tones.
fn window(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("portrait.png"), golden::bytes("astronaut.png")).unwrap();
    std::fs::write(folder.join("audio.wav"), wave_file(&tones())).unwrap();
    let frames = json!([{"file": "portrait.png", "t_s": 0.0}]);
    let manifest = json!({"text": WORDS, "sample_rate_hz": 16_000, "frames": frames});
    std::fs::write(folder.join("window.json"), manifest.to_string()).unwrap();
    folder
}

/// Mono 32-bit float samples at 16 kHz as a WAV file.
fn wave_file(samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let size = u32::try_from(data.len()).unwrap();
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // Float samples, one channel.
    file.extend([3_u16, 1].map(u16::to_le_bytes).concat());
    file.extend([16_000_u32, 64_000].map(u32::to_le_bytes).concat());
    file.extend([4_u16, 32].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    file
}

#[test]
fn the_face_is_where_the_reference_finds_it() {
    let set = GoldenSet::load("g7_mtcnn.json");
    let detection = set.json["detection"].as_array().unwrap();
    let full = detection
        .iter()
        .find(|d| d["name"] == "full_512")
        .expect("the whole portrait");
    let answer = answer(&window("infer-face"), &["--modalities", "tv"]);
    assert_eq!(answer["faces_found"], 1);
    for edge in 0..4 {
        let [found, expected] =
            [&answer["faces"][0]["box"], &full["boxes"][0]].map(|b| b[edge].as_f64().unwrap());
        assert!(
            (found - expected).abs() <= 0.05,
            "edge {edge}: {found}, expected {expected}"
        );
    }
}

#[test]
fn the_program_and_the_crates_say_the_same() {
    let device = Device::flex();
    let read = |name: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../static/weights");
        std::fs::read(folder.join(name)).unwrap()
    };
    let text_config = TextConfig::from_json(&read("text/config.json")).unwrap();
    let encoder = TextEncoder::from_safetensors(
        &text_config,
        &read("text/model.safetensors"),
        Limits::default(),
        &device,
    )
    .unwrap();
    let tokens = WordPiece::from_bytes(&read("text/tokenizer.json"))
        .unwrap()
        .encode(WORDS, 512)
        .unwrap();
    let tokens = TokenBatch::new(&[tokens.ids], &encoder, &device).unwrap();

    let portrait = image::load_from_memory(&golden::bytes("astronaut.png"))
        .unwrap()
        .into_rgb8();
    let picture = Picture::new(
        portrait.width() as usize,
        portrait.height() as usize,
        portrait.as_raw(),
    )
    .unwrap();
    let weights = include_bytes!("../../static/mtcnn.safetensors");
    let detector = Mtcnn::from_safetensors(weights, MtcnnConfig::default(), &device).unwrap();
    let faces = pollster::block_on(detector.detect(&picture)).unwrap();
    let crop = extract_face(&picture, &faces[0].bounding_box()).unwrap();
    let weights = read("mesm-web.safetensors");
    let mut source = SafetensorsSource::new(&weights, Limits::default()).unwrap();
    let config: ModelConfig = serde_json::from_str(&source.metadata()[CONFIG]).unwrap();
    let mel: MelConfig = serde_json::from_str(&source.metadata()[MEL]).unwrap();
    let pieces = mel_pieces(&tones(), &mel).unwrap();

    let config = ModelConfig {
        top_p: 0.6,
        ..config
    };
    let model = load_params(config.init(&device).unwrap(), &mut source).unwrap();
    let batch = Batch {
        spoken: Vec::new(),
        text: Some(TextEncoder::cls(encoder.encode(&tokens))),
        faces: Some(Tensor::from_data(
            TensorData::new(crop, [1, 3, 48, 48]),
            &device,
        )),
        face_lens: vec![1],
        mels: Some(Tensor::from_data(
            TensorData::new(pieces.values, [pieces.count, 1, 128, 32]),
            &device,
        )),
        mel_lens: vec![pieces.count],
    };
    let expected = pollster::block_on(model.forward(&batch).unwrap().into_host()).unwrap();

    let answer = answer(&window("infer-crates"), &["--top-p", "0.6"]);
    assert_eq!(answer["chunks"], pieces.count);
    for (class, expected) in config.classes.iter().zip(&expected.logits[0]) {
        let found = answer["logits"][class].as_f64().unwrap();
        assert!(
            (found - f64::from(*expected)).abs() < 1e-3,
            "{class}: {found}, expected {expected}"
        );
    }
}

#[test]
fn a_window_says_the_same_every_time() {
    let [first, second] = [(); 2].map(|()| answer(&window("infer-twice"), &[]));
    assert_eq!(first["logits"], second["logits"]);
    assert_eq!(first["active_points"], second["active_points"]);
}

/// Real clips lie outside the project and may not be there.
fn real_clip(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/clips");
    if !folder.is_dir() {
        eprintln!("no real clips on this machine: {name} is not judged");
        return None;
    }
    Some(folder.join(name))
}

fn found(answer: &Value) -> Vec<bool> {
    let faces = answer["faces"].as_array().unwrap();
    faces
        .iter()
        .map(|face| face["found"].as_bool().unwrap())
        .collect()
}

#[test]
fn a_talking_head_is_followed() {
    let Some(clip) = real_clip("talking_head_a.mp4") else {
        return;
    };
    let answer = answer(&clip, &["--text", "so it is"]);
    assert_eq!(
        (answer["frames"].as_u64(), answer["faces_found"].as_u64()),
        (Some(16), Some(16))
    );
    assert_eq!(answer["chunks"], 21);
    assert_eq!(answer["notes"], json!([]), "nothing is absent");
}

#[test]
fn a_face_is_found_and_lost() {
    let Some(clip) = real_clip("face_then_no_face.mov") else {
        return;
    };
    let answer = answer(&clip, &[]);
    let found = found(&answer);
    assert!(found[0] && !found[found.len() - 1], "{found:?}");
    assert!(
        answer["notes"]
            .to_string()
            .contains("no face found in some frames")
    );
}

#[test]
fn of_several_faces_one_is_followed_and_silence_is_no_voice() {
    let Some(clip) = real_clip("several_faces_silent.mp4") else {
        return;
    };
    let answer = answer(&clip, &[]);
    assert!(found(&answer).iter().filter(|f| **f).count() * 10 >= found(&answer).len() * 9);
    assert!(answer["shares"].get("a").is_none());
    assert!(
        answer["notes"]
            .to_string()
            .contains("the audio track is silent")
    );
}

#[test]
fn recorded_sentences() {
    for name in [
        "grid_bbaf2n.mpg",
        "grid_lrwp9a.mpg",
        "ravdess_neutral_kids-are-talking-by-the-door.mp4",
    ] {
        let Some(clip) = real_clip(name) else { return };
        let answer = answer(&clip, &["--text", "kids are talking by the door"]);
        assert_eq!(answer["frames"], answer["faces_found"], "{name}");
        assert!(answer["chunks"].as_u64().unwrap() >= 8, "{name}");
    }
}
