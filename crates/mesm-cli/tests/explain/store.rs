//! A small store of faces and tones, and one of words.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use image::{ImageFormat, RgbImage, imageops};

use crate::program::run;

/// Public-domain portrait (NASA): one face.
const PORTRAIT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/golden/astronaut.png"
);

/// A folder that lives as long as the tests run.
pub(crate) fn folder() -> &'static Path {
    crate::clips::folder()
}

/// Of three classes three faces each, the third a wall, and a tone; the split is `test`.
pub(crate) fn made() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    CELL.get_or_init(|| {
        let data = folder().join("faces and tones");
        fs::create_dir_all(&data).unwrap();
        let portrait = image::open(PORTRAIT).unwrap().into_rgb8();
        let (mut faces, mut voices) = (Vec::new(), Vec::new());
        for (number, class) in (0..).zip(["happy", "sad", "neutral"]) {
            for take in 0..3 {
                let picture = match take {
                    2 => RgbImage::from_pixel(48, 48, image::Rgb([90 + number as u8; 3])),
                    _ => face(&portrait, number * 4 + take * 3),
                };
                let mut png = Cursor::new(Vec::new());
                picture.write_to(&mut png, ImageFormat::Png).unwrap();
                faces.push((class, format!("{number}-{take}.png"), png.into_inner()));
            }
            voices.push((
                class,
                format!("{number}.wav"),
                tone(300.0 + 200.0 * number as f32),
            ));
        }
        archive(&data, "faces", &faces);
        archive(&data, "audio", &voices);
        prepare(&data, "store", &[])
    })
}

/// A store of sentences.
pub(crate) fn words() -> &'static Path {
    static CELL: OnceLock<PathBuf> = OnceLock::new();
    CELL.get_or_init(|| {
        let data = folder().join("sentences");
        fs::create_dir_all(&data).unwrap();
        fs::write(
            data.join("text.csv"),
            "split,label,text\ntest,happy,so it is\n",
        )
        .unwrap();
        prepare(&data, "sentences store", &[])
    })
}

/// The faces of [`made`] with two classes only.
pub(crate) fn of_two_classes() -> PathBuf {
    let data = folder().join("sentences");
    words();
    prepare(&data, "two classes", &["--classes", "happy,sad"])
}

fn prepare(data: &Path, name: &str, more: &[&str]) -> PathBuf {
    let store = folder().join(name);
    let made = run(|command| {
        command.args(["prepare", "manifest"]).arg(data);
        command.arg("--out").arg(&store).args(more);
    });
    assert_eq!(made.code, 0, "{}", made.stderr);
    store
}

/// The portrait's face, moved by some pixels, at 48x48.
fn face(portrait: &RgbImage, moved: u32) -> RgbImage {
    let square = imageops::crop_imm(portrait, 150 + moved, 50 + moved / 2, 144, 144).to_image();
    imageops::resize(&square, 48, 48, imageops::FilterType::Triangle)
}

/// A second of a tone with overtones.
fn tone(hertz: f32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for i in 0..16_000_u16 {
        let t = f32::from(i) / 16_000.0 * std::f32::consts::TAU * hertz;
        let value = t.sin() * 0.4 + (3.0 * t).sin() * 0.2;
        writer.write_sample((value * 20_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn archive(data: &Path, name: &str, items: &[(&str, String, Vec<u8>)]) {
    let mut table = "split,label,source,subject,path\n".to_owned();
    let mut archive = tar::Builder::new(File::create(data.join(format!("{name}.tar"))).unwrap());
    for (class, path, bytes) in items {
        writeln!(table, "test,{class},made,unknown,{path}").unwrap();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    archive.finish().unwrap();
    fs::write(data.join(format!("{name}.csv")), table).unwrap();
}
