//! Folders of labelled media, made here.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Cursor;
use std::path::Path;

/// Labels of the default classes, in turn.
const LABELS: [&str; 3] = ["anger", "happy", "neutral"];

/// A JPEG picture of 48x48 grey pixels.
pub(crate) fn jpeg(seed: u32) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(48, 48, |x, y| image::Luma([(x * seed + y) as u8]));
    let mut bytes = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg)
        .unwrap();
    bytes
}

/// A mono sound of 16-bit samples at 16 kHz.
pub(crate) fn wav(samples: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for at in 0..samples {
        writer.write_sample((at * 37 % 2000) as i16).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// An archive of files.
pub(crate) fn pack(path: &Path, files: &[(String, Vec<u8>)]) {
    let mut tar = tar::Builder::new(File::create(path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, &bytes[..]).unwrap();
    }
    tar.finish().unwrap();
}

/// 100 faces, 6 voices and 80 sentences in the splits `train` and `odd-split`, and one row of each kind of table that
/// cannot be taken.
pub(crate) fn small(folder: &Path) {
    let split = |i: u32| {
        if i.is_multiple_of(5) {
            "odd-split"
        } else {
            "train"
        }
    };
    let label = |i: u32| LABELS[i as usize % 3];
    let mut faces = "split,label,source,subject,path,votes\n".to_owned();
    let mut files = Vec::new();
    for i in 0..100 {
        writeln!(
            faces,
            "{},{},drawn,unknown,faces/{i}.jpg,{}/10",
            split(i),
            label(i),
            5 + i % 6
        )
        .unwrap();
        files.push((format!("faces/{i}.jpg"), jpeg(i)));
    }
    faces += "train,happy,drawn,unknown,faces/absent.jpg,5/10\n";
    files.reverse();
    fs::write(folder.join("faces.csv"), faces).unwrap();
    pack(&folder.join("faces.tar"), &files);
    let mut audio = "split,label,source,subject,path,lang,text,seconds\n".to_owned();
    let mut files = Vec::new();
    for i in 0..6 {
        writeln!(
            audio,
            "{},{},sung,s{i},voice {i}.wav,de,\"Ja, Nr. {i}\",0.1",
            split(i),
            label(i)
        )
        .unwrap();
        files.push((format!("voice {i}.wav"), wav(1600 + i)));
    }
    audio += "train,bored,sung,s9,voice 1.wav,de,x,0.1\n";
    fs::write(folder.join("audio.csv"), audio).unwrap();
    pack(&folder.join("audio.tar"), &files);
    let mut text = "split,label,source,subject,text\n".to_owned();
    for i in 0..80 {
        writeln!(
            text,
            "{},{},said,x,\"\"\"Well\"\", said\nnumber {i} 😀\"",
            split(i),
            label(i)
        )
        .unwrap();
    }
    text += "train,happy,said,x\n";
    fs::write(folder.join("text.csv"), text).unwrap();
}

/// 240 voices of 200 kB: 48 shards of a megabyte.
pub(crate) fn large(folder: &Path) {
    let mut table = "split,label,path\n".to_owned();
    let mut files = Vec::new();
    for i in 0..240 {
        writeln!(table, "train,{},{i}.wav", LABELS[i as usize % 3]).unwrap();
        files.push((format!("{i}.wav"), wav(100_000 + i)));
    }
    fs::write(folder.join("audio.csv"), table).unwrap();
    pack(&folder.join("audio.tar"), &files);
}
