//! Whole folders, made here: a few pictures, sounds and sentences, and everything that can be wrong with them.

use std::fmt::Write;
use std::fs;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{FaceFinder, ManifestError, Options, Outcome, prepare};
use crate::clip::Frame;

mod refused;
mod taken;

pub(super) fn jpeg(shade: u8) -> Vec<u8> {
    let picture = image::GrayImage::from_fn(48, 48, |x, y| image::Luma([shade ^ (x * y) as u8]));
    let mut bytes = Vec::new();
    picture
        .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg)
        .unwrap();
    bytes
}

pub(super) fn wav(samples: usize) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for at in 0..samples {
        writer.write_sample((at % 100) as i16).unwrap();
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

pub(super) fn pack(path: &Path, files: &[(&str, &[u8])]) {
    let mut tar = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Set by hand: the builder itself refuses names that lead upwards.
        if name.contains("..") {
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, *bytes).unwrap();
        } else {
            tar.append_data(&mut header, name, *bytes).unwrap();
        }
    }
    tar.finish().unwrap();
}

/// Six faces in two splits, two voices, three sentences; nothing wrong. The archive's order is not the table's.
pub(super) fn good(folder: &Path) {
    let faces: Vec<(String, Vec<u8>)> = (0..6)
        .rev()
        .map(|i| (format!("faces/{i}.jpg"), jpeg(i * 40)))
        .collect();
    let files: Vec<(&str, &[u8])> = faces.iter().map(|(n, b)| (n.as_str(), &b[..])).collect();
    pack(&folder.join("faces.tar"), &files);
    let mut table = "split,label,source,subject,path,votes\n".to_owned();
    for i in 0..6 {
        let (split, label) = (["train", "second corpus"][i / 4], ["joy", "calm"][i % 2]);
        let votes = 4 + i;
        table.extend([split, ",", label, ",drawn,unknown"]);
        writeln!(table, ",faces/{i}.jpg,{votes}/10").unwrap();
    }
    fs::write(folder.join("faces.csv"), table).unwrap();
    pack(
        &folder.join("audio.tar"),
        &[("./a/one.wav", &wav(800)), ("a/two.wav", &wav(900))],
    );
    fs::write(
        folder.join("audio.csv"),
        "split,label,source,subject,path,lang,text,seconds\n\
         train,joy,sung,s1,a/two.wav,de,\"Ja, genau\",0.05\n\
         train,calm,sung,s2,a/one.wav,en,,0.05\n",
    )
    .unwrap();
    fs::write(
        folder.join("text.csv"),
        "split,label,source,subject,text\n\
         train,joy,said,x,\"He said \"\"now\"\",\nand went\"\n\
         train,calm,said,x,plain\n\
         second corpus,calm,said,x,  ünïcode  \n",
    )
    .unwrap();
}

pub(super) fn options(shard_bytes: u64) -> Options {
    Options {
        classes: vec!["calm".to_owned(), "joy".to_owned()],
        splits: Vec::new(),
        shard_bytes,
    }
}

pub(super) fn run(folder: &Path, out: &Path, shard_bytes: u64) -> Result<Outcome, ManifestError> {
    ask(folder, out, &options(shard_bytes))
}

pub(super) fn ask(folder: &Path, out: &Path, options: &Options) -> Result<Outcome, ManifestError> {
    prepare(folder, out, options, &mut NoVideos, &mut |_| {
        ControlFlow::Continue(())
    })
}

/// There are no videos in these folders that decode: programs that are started here hold, for a moment, copies of the
/// locks of stores that other tests are making.
pub(super) struct NoVideos;

impl FaceFinder for NoVideos {
    fn begin(&mut self) {}

    fn face(&mut self, _frame: &Frame) -> Result<Option<Vec<u8>>, String> {
        Err("a frame".to_owned())
    }
}

/// Every file of a folder with its bytes.
pub(super) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found.sort();
    found
}

pub(super) fn same(a: &Path, b: &Path) {
    let within = |folder: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        contents(folder)
            .into_iter()
            .map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes))
            .collect()
    };
    let (a, b) = (within(a), within(b));
    let names = |files: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        files.iter().map(|(name, _)| name.clone()).collect()
    };
    assert_eq!(names(&a), names(&b));
    for ((name, a), (_, b)) in a.iter().zip(&b) {
        assert!(a == b, "{}", name.display());
    }
}
