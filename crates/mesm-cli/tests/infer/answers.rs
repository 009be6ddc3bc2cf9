//! Clips with a face, a voice and words.

use std::path::Path;

use mesm_data::clip::{ClipInfo, WindowOptions, WindowReader};
use serde_json::json;

use crate::clips;
use crate::program::{by_class, infer, json, keys, says};

#[test]
fn the_object_holds_what_was_seen() {
    let answer = json(clips::talking(), &["--text", "kids are talking"]);
    assert_eq!(answer["classes"].as_array().unwrap().len(), 7);
    assert_eq!(
        (answer["frames"].as_u64(), answer["faces_found"].as_u64()),
        (Some(8), Some(8))
    );
    // 4 s at 80 spectrogram frames a second, and one more: 321 = 10 * 32 + 1.
    assert_eq!(answer["chunks"], 11);
    assert_eq!(
        (answer["windows"].as_u64(), answer["device"].as_str()),
        (Some(1), Some("cpu"))
    );
    assert_eq!(keys(&answer["shares"]), ["a", "t", "v"]);
    assert_eq!(answer["weights"], "mesm-web.safetensors");
    assert!(!says(&answer, "no words"));
    for step in ["decode", "faces", "load", "mel", "model", "text", "total"] {
        assert!(answer["timings_ms"][step].as_f64().unwrap() > 0.0, "{step}");
    }
    // The portrait's face moves between the left and the right third of the picture.
    for face in answer["faces"].as_array().unwrap() {
        let [x1, y1, x2, y2] = [0, 1, 2, 3].map(|n| face["box"][n].as_f64().unwrap());
        assert!(x1 > 60.0 && x2 < 240.0 && y1 > 20.0 && y2 < 200.0, "{face}");
        assert!((50.0..140.0).contains(&(x2 - x1)), "{face}");
    }
}

#[test]
fn shares_add_up_to_logits_and_logits_give_probabilities() {
    let answer = json(clips::talking(), &["--text", "so it is"]);
    let logits = by_class(&answer, &answer["logits"]);
    let shares = ["t", "v", "a"].map(|modality| by_class(&answer, &answer["shares"][modality]));
    // The built-in model was taught one class of all.
    let all: f64 = logits.iter().map(|logit| logit.exp()).sum();
    for (class, probability) in by_class(&answer, &answer["probabilities"])
        .into_iter()
        .enumerate()
    {
        let sum: f64 = shares.iter().map(|share| share[class]).sum();
        assert!((sum - logits[class]).abs() < 1e-5);
        assert!((logits[class].exp() / all - probability).abs() < 1e-6);
    }
}

#[test]
fn a_smaller_p_keeps_fewer_points_and_costs_less() {
    let [little, much] = ["0.2", "0.9"].map(|p| json(clips::mute(), &["--top-p", p]));
    for layer in 0..3 {
        let points =
            |answer: &serde_json::Value| answer["active_points"]["v"][layer].as_u64().unwrap();
        assert!(points(&little) < points(&much), "layer {layer}");
        assert!(points(&little) > 0);
    }
    for counting in ["pairs", "sites"] {
        let macs = |answer: &serde_json::Value| answer["macs"]["total"][counting].as_u64().unwrap();
        assert!(macs(&little) < macs(&much));
    }
    assert_eq!(little["macs"]["v"]["dense"], much["macs"]["v"]["dense"]);
    // Per face frame 61.2 M multiply-accumulates for the dense twin: the built-in model's widths.
    let dense = little["macs"]["v"]["dense"].as_f64().unwrap() / 8.0 / 61.2e6;
    assert!((dense - 1.0).abs() < 0.01, "{dense}");
}

#[test]
fn the_same_run_gives_the_same_numbers() {
    let [first, second] = [1, 2].map(|_| json(clips::talking(), &["--text", "happy"]));
    for entry in ["logits", "shares", "faces", "active_points", "macs"] {
        assert_eq!(first[entry], second[entry], "{entry}");
    }
    let other = json(clips::talking(), &["--text", "sad"]);
    assert_ne!(first["logits"], other["logits"], "words matter");
}

#[test]
fn the_dense_twin_needs_no_words_and_has_no_points() {
    let answer = json(clips::talking(), &["--model", "fe2e"]);
    assert_eq!(keys(&answer["shares"]), ["a", "v"]);
    assert!(says(&answer, "no words were given: the text is left out"));
    assert_eq!(answer["weights"], "mesm-web.safetensors");
    assert_eq!(answer["active_points"], json!({}));
    assert_eq!(
        answer["macs"]["total"]["pairs"],
        answer["macs"]["total"]["dense"]
    );
    let [twin, whole] = [["--model", "fe2e"], ["--top-p", "1"]].map(|more| {
        let mut all = vec!["--text", "happy"];
        all.extend(more);
        json(clips::talking(), &all)
    });
    for (class, logit) in twin["logits"].as_object().unwrap() {
        let (twin, whole) = (
            logit.as_f64().unwrap(),
            whole["logits"][class].as_f64().unwrap(),
        );
        assert!((twin - whole).abs() < 1e-4, "{class}: {twin} {whole}");
    }
}

#[test]
fn an_exported_window_gives_the_numbers_of_the_clip() {
    let clip = json(clips::talking(), &["--text", "kids are happy"]);
    let folder = clips::folder().join("window");
    export(clips::talking(), "kids are happy", &folder);
    let window = json(&folder, &[]);
    for entry in [
        "logits",
        "probabilities",
        "shares",
        "faces_found",
        "chunks",
        "active_points",
        "macs",
    ] {
        assert_eq!(clip[entry], window[entry], "{entry}");
    }
    let other = json(&folder, &["--text", "sad"]);
    assert_ne!(
        window["logits"], other["logits"],
        "typed words win over exported ones"
    );
}

/// Writes the frames and samples that the program would take as a window folder.
fn export(clip: &Path, text: &str, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let info = ClipInfo::probe(clip).unwrap();
    let window = WindowReader::open(&info, &WindowOptions::default())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let mut frames = Vec::new();
    for (n, frame) in window.frames.iter().enumerate() {
        let file = format!("frame_{n:03}.png");
        image::save_buffer(
            folder.join(&file),
            &frame.rgb,
            frame.width,
            frame.height,
            image::ColorType::Rgb8,
        )
        .unwrap();
        frames.push(json!({"file": file, "t_s": frame.t_ms as f64 / 1000.0}));
    }
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut wav = hound::WavWriter::create(folder.join("audio.wav"), spec).unwrap();
    for sample in window.samples.unwrap() {
        wav.write_sample(sample).unwrap();
    }
    wav.finalize().unwrap();
    let manifest = json!({"text": text, "frames": frames, "sample_rate_hz": 16_000});
    std::fs::write(folder.join("window.json"), manifest.to_string()).unwrap();
}

#[test]
fn people_get_a_table() {
    let run = infer([
        clips::talking().as_os_str(),
        "--text".as_ref(),
        "so it is".as_ref(),
    ]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for words in [
        "probability",
        "anger",
        "█",
        "active points   faces",
        "active points   voice",
        "cost",
        "mesm-web.safetensors",
    ] {
        assert!(
            run.stdout.contains(words),
            "{words} is missing:\n{}",
            run.stdout
        );
    }
}

#[test]
fn overlays_are_whole_pictures() {
    let folder = clips::folder().join("seen");
    let answer = json(clips::talking(), &["--overlay", folder.to_str().unwrap()]);
    let window = folder.join("window_0000");
    let expected = answer["frames"].as_u64().unwrap() * 2 + answer["chunks"].as_u64().unwrap();
    let files: Vec<_> = std::fs::read_dir(&window)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(files.len() as u64, expected);
    for file in &files {
        assert_eq!(file.extension().unwrap(), "png");
        image::open(file).unwrap();
    }
    // Crop and three layers side by side, kept points above soft weights.
    let face = image::open(window.join("face_000.png"))
        .unwrap()
        .into_rgb8();
    assert_eq!(face.dimensions(), (4 * 288 + 3 * 6, 2 * 288 + 6));
    let red = |x: u32| {
        let layer = (0..288).flat_map(|y| (0..288).map(move |dx| (x + dx, y)));
        layer
            .filter(|(x, y)| {
                let [r, g, b] = face.get_pixel(*x, *y).0;
                r > 120 && g < r / 2 && b < r / 2
            })
            .count()
    };
    assert!(red(294) > 1000, "kept points are red");
    let frame = image::open(window.join("frame_000.png"))
        .unwrap()
        .into_rgb8();
    assert_eq!(frame.dimensions(), (320, 320));
    assert!(
        frame.pixels().any(|p| p.0 == [40, 220, 80]),
        "the face is in a green box"
    );
}
