//! Spectrograms, filter banks and pieces.

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use mesm_features::mel::{
    FilterBank, MELS, MelConfig, MelError, MelPlan, MelStyle, PIECE_FRAMES, Spectrogram,
};
use mesm_tests::golden::{GoldenSet, Tolerance, bytes, list, number, sizes, text};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::material::{assert_all_close, numbers, size, stored};

fn waveform(set: &GoldenSet, case: &Value) -> Vec<f32> {
    let rate = number(&case["sample_rate"]);
    let count = size(&case["samples"]);
    let duration = count as f64 / rate;
    let kind = text(&case["waveform"], "waveform");
    if kind == "noise" {
        let name = format!("g7.noise.{}.noise", case["sample_rate"]);
        let formula = set.formula("");
        return (0..count as u64)
            .map(|i| 0.5 * formula.signed(&name, i))
            .collect();
    }
    (0..count)
        .map(|i| {
            let t = i as f64 / rate;
            let value = match kind {
                "sine" => 0.5 * (TAU * 440.0 * t).sin(),
                "chirp" => {
                    0.5 * (TAU * (100.0 * t + (4000.0 - 100.0) / (2.0 * duration) * t * t)).sin()
                }
                "two_tone" => 0.3 * (TAU * 220.0 * t).sin() + 0.2 * (TAU * 3000.0 * t).sin(),
                other => panic!("unknown waveform {other}"),
            };
            value as f32
        })
        .collect()
}

fn mel_style(name: &str) -> MelStyle {
    match name {
        "iemocap" => MelStyle::Iemocap,
        "mosei" => MelStyle::Mosei,
        other => panic!("unknown style {other}"),
    }
}

fn mel_config(sample_rate: &Value, style: MelStyle) -> MelConfig {
    let sample_rate_hz = u32::try_from(sample_rate.as_u64().expect("rate")).expect("rate");
    MelConfig {
        sample_rate_hz,
        style,
        ..MelConfig::default()
    }
}

#[test]
fn mel_spectrograms() {
    let set = GoldenSet::load("g7_audio.json");
    let file = bytes("g7_mel.safetensors");
    let maps = SafeTensors::deserialize(&file).expect("g7_mel.safetensors");
    let mut seen = BTreeSet::new();
    for case in set
        .list("cases")
        .iter()
        .filter(|case| case["waveform"].is_string())
    {
        let name = text(&case["name"], "case");
        let style = text(&case["style"], name);
        let config = mel_config(&case["sample_rate"], mel_style(style));
        assert_eq!(config.window(), size(&case["win_length"]), "{name}: window");
        assert_eq!(config.n_fft(), size(&case["n_fft"]), "{name}: transform");
        assert_eq!(config.hop(), size(&case["hop_length"]), "{name}: hop");

        let plan = MelPlan::new(&config).unwrap();
        let spectrogram = plan.spectrogram(&waveform(&set, case)).unwrap();
        let shape = sizes(&case["mel_shape"]);
        assert_eq!([1, 1, MELS, spectrogram.frames], shape[..], "{name}: shape");
        let tensor = text(&case["tensor"], name);
        let expected = stored(&maps, tensor);
        let largest = expected.iter().copied().fold(0.0, f32::max);
        assert!(largest > 0.0, "{name}: the recorded map is empty");
        assert_all_close(name, &spectrogram.values, &expected, 1e-3 * largest);
        let tolerance = Tolerance {
            abs: 1e-3 * f64::from(largest),
            rel: 0.0,
        };
        set.assert_close(name, &spectrogram.values, &case["mel"], tolerance);

        let pieces = plan.cut(&spectrogram);
        assert_eq!(pieces.count, size(&case["pieces"]), "{name}: pieces");
        assert_eq!(
            sizes(&case["piece_shape"]),
            [1, 1, MELS, PIECE_FRAMES],
            "{name}: piece"
        );
        let last = &pieces.values[(pieces.count - 1) * MELS * PIECE_FRAMES..];
        set.assert_close(name, last, &case["last_piece"], tolerance);
        assert!(seen.insert((
            style.to_owned(),
            text(&case["waveform"], name).to_owned(),
            tensor
        )));
    }
    for style in ["iemocap", "mosei"] {
        for wave in ["sine", "chirp", "noise", "two_tone"] {
            assert!(
                seen.iter().any(|(s, w, _)| s == style && w == wave),
                "no case {style} {wave}"
            );
        }
    }
    let compared: BTreeSet<&str> = seen.iter().map(|(_, _, tensor)| *tensor).collect();
    assert_eq!(
        compared,
        maps.names().into_iter().collect(),
        "every recorded map is compared"
    );
}

#[test]
fn mel_filter_banks() {
    let set = GoldenSet::load("g7_audio.json");
    let mut rates = BTreeSet::new();
    for case in set
        .list("cases")
        .iter()
        .filter(|case| case["fb"].is_object())
    {
        let name = text(&case["name"], "case");
        let rate: u32 = name
            .rsplit('.')
            .next()
            .unwrap()
            .parse()
            .expect("rate in the name");
        assert_eq!(size(&case["n_mels"]), MELS, "{name}");
        let bank = FilterBank::new(rate, size(&case["n_freqs"]));
        let empty: Vec<usize> = list(&case["empty_filters"], name)
            .iter()
            .map(size)
            .collect();
        assert_eq!(bank.empty_filters(), empty, "{name}: empty filters");
        let dense = bank.dense();
        set.assert_close(
            name,
            &dense,
            &case["fb"],
            Tolerance {
                abs: 2e-5,
                rel: 1e-4,
            },
        );
        let sums: Vec<f32> = (0..MELS)
            .map(|band| dense.iter().skip(band).step_by(MELS).sum())
            .collect();
        assert_all_close(name, &sums, &numbers(&case["column_sums"]), 1e-3);
        rates.insert(rate);
    }
    assert_eq!(
        rates.len(),
        2,
        "two filter banks are recorded, found {rates:?}"
    );
}

#[test]
fn iemocap_style_refuses_44100_hz() {
    let set = GoldenSet::load("g7_audio.json");
    let error = list(&set.json["iemocap_style_at_44100_error"], "error");
    assert_eq!(error[0], "RuntimeError", "the reference raises");
    assert_eq!(
        MelPlan::new(&mel_config(&json!(44_100), MelStyle::Iemocap)).unwrap_err(),
        MelError::WindowTooLong {
            sample_rate_hz: 44_100,
            window: 1102,
            n_fft: 400
        }
    );
}

#[test]
fn cutting_into_pieces() {
    let set = GoldenSet::load("g7_audio.json");
    let plan = MelPlan::new(&MelConfig::default()).unwrap();
    for case in set.list("cutting") {
        let frames = size(&case["frames"]);
        let values = (0..MELS)
            .flat_map(|band| (0..frames).map(move |frame| (1 + band * frames + frame) as f32))
            .collect();
        let pieces = plan.cut(&Spectrogram { frames, values });
        assert_eq!(pieces.count, size(&case["pieces"]), "{frames} frames");
        let last = &pieces.values[(pieces.count - 1) * MELS * PIECE_FRAMES..];
        for (band, row) in last.chunks_exact(PIECE_FRAMES).enumerate() {
            let filled = row.iter().take_while(|value| **value > 0.0).count();
            assert_eq!(
                filled,
                size(&case["filled_in_last"]),
                "{frames} frames, band {band}"
            );
            assert!(row[filled..].iter().all(|value| *value == 0.0));
            let first = 1 + band * frames + (pieces.count - 1) * PIECE_FRAMES;
            assert_all_close("row", &row[..1], &[first as f32], 0.0);
        }
    }
}
