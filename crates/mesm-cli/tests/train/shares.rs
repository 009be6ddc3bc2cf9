//! A model of faces at every share of the attention mass: one file that serves all of them, and what each costs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::bench::{Bench, is_svg};

const SMALL_MESM: &str = r#"
[model]
widths = [2, 3, 4, 5]
flatten_dim = 6
trans_dim = 4
trans_layers = 1
trans_heads = 2
trans_feedforward = 7

[[phases]]
name = "faces"
modalities = "v"
epochs = 1
batch_size = 3
"#;

/// Twelve faces that are dark above or below, as a table and an archive.
fn faces(folder: &Path) {
    let mut table = "split,label,source,subject,path\n".to_owned();
    let mut archive = tar::Builder::new(fs::File::create(folder.join("faces.tar")).unwrap());
    for index in 0..12_u8 {
        let split = ["train", "train", "valid", "test"][usize::from(index) / 3];
        let happy = index % 2 == 0;
        let picture = image::GrayImage::from_fn(48, 48, |_, y| {
            image::Luma([if (y < 24) == happy { 30 } else { 200 } + index])
        });
        let mut png = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let png = png.into_inner();
        let name = format!("{index}.png");
        let label = if happy { "happy" } else { "sad" };
        writeln!(table, "{split},{label},drawn,unknown,{name}").unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(png.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, &name, png.as_slice())
            .unwrap();
    }
    archive.finish().unwrap();
    fs::write(folder.join("faces.csv"), table).unwrap();
}

/// A store `faces`, and a sparse and a dense model that have learnt from it.
fn two_models_of_faces() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("drawn")).unwrap();
    faces(&bench.path("drawn"));
    fs::write(bench.path("faces.toml"), SMALL_MESM).unwrap();
    bench.done("prepare manifest drawn --out faces --classes happy,sad");
    bench.done("train --data faces --config faces.toml --out sparse");
    bench.done("train --data faces --config faces.toml --out dense --model fe2e");
    bench
}

#[test]
fn one_file_serves_every_share() {
    let bench = two_models_of_faces();
    let export = |out: &str| {
        let shares = "--calibrate-top-p 0.25..1.0:0.25";
        format!("export sparse/faces.safetensors {shares} --out {out}")
    };
    // Measured on what?
    bench.refused(&export("all.safetensors"), "--data");
    for out in ["all.safetensors", "again.safetensors"] {
        bench.done(&format!("{} --data faces", export(out)));
    }
    let bytes = fs::read(bench.path("all.safetensors")).unwrap();
    assert!(bytes == fs::read(bench.path("again.safetensors")).unwrap());
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header = String::from_utf8_lossy(&bytes[8..8 + header]);
    let expected = r#"\"calibrated_at\":[0.25,0.5,0.75,1.0]"#;
    assert!(header.contains(expected), "{header}");

    bench.done("export sparse/faces.safetensors --out one.safetensors");
    let judged = |weights: &str, p: &str| {
        let how = format!("--weights {weights} --top-p {p} --json");
        bench.answer(&format!("eval --data faces --split train {how}"))["faces"].clone()
    };
    for p in ["0.25", "0.6", "1"] {
        let faces = judged("all.safetensors", p);
        assert!(faces["n"].as_u64().unwrap() > 0, "{p}: {faces}");
    }
    assert_eq!(
        judged("one.safetensors", "0.5"),
        judged("all.safetensors", "0.5"),
        "its own p"
    );
}

/// What was measured is no setting to begin with, and a model that selects nothing has nothing to measure.
#[test]
fn there_must_be_something_to_measure() {
    let bench = two_models_of_faces();
    bench.refused(
        "export dense/faces.safetensors --out x --calibrate-top-p 0.5 --data faces",
        "selects nothing",
    );
    let begun_with = SMALL_MESM.replace("[model]", "[model]\ncalibrated_at = [0.5, 1.0]");
    fs::write(bench.path("calibrated.toml"), begun_with).unwrap();
    bench.refused(
        "train --data faces --config calibrated.toml --out x",
        "--calibrate-top-p",
    );
}

#[test]
fn a_sweep_costs_more_with_every_p() {
    let bench = two_models_of_faces();
    let weights = "--weights sparse/faces.safetensors --weights dense/faces.safetensors";
    let told = bench.done(&format!(
        "sweep --data faces --out swept {weights} --top-p 0.2..1.0:0.4 --modalities v"
    ));
    assert_eq!(told.lines().count(), 4, "{told}");
    let table = fs::read_to_string(bench.path("swept/faces.csv")).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|row| row.split(',').collect())
        .collect();
    let p: Vec<&str> = rows.iter().map(|row| row[1]).collect();
    assert_eq!(p, ["0.2", "0.6", "1.0", ""], "{table}");
    let costs: Vec<f64> = rows.iter().map(|row| row[5].parse().unwrap()).collect();
    assert!(costs[0] < costs[1] && costs[1] < costs[2], "{table}");
    // At p = 1 all points are convolved, and the attention comes on top.
    assert!(costs[2] > costs[3] * 0.9, "{table}");
    assert!(is_svg(&bench.path("swept/faces.svg")));
    bench.refused(
        "sweep --data faces --out x --modalities t",
        "words have no points",
    );
}
