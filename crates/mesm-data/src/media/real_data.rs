//! The decoders on the real data, where there are any beside the repository.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{FACE_VALUES, VOICE_RATE_HZ, face, voice};

/// Files of each kind that are looked at.
const FILES: usize = 400;

fn data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "no data at {}: only data made by the tests were decoded",
        folder.display()
    );
    None
}

/// The first files of a tar archive.
fn files(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(File::open(archive).unwrap());
    let entries = archive.entries().unwrap().map(Result::unwrap);
    let mut files = Vec::new();
    for mut entry in entries
        .filter(|e| e.header().entry_type().is_file())
        .take(FILES)
    {
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.push((entry.path().unwrap().to_string_lossy().into_owned(), bytes));
    }
    files
}

#[test]
fn grey_faces_of_48_keep_their_size_and_colour() {
    let Some(folder) = data() else { return };
    let files = files(&folder.join("faces.tar"));
    assert!(!files.is_empty());
    for (path, bytes) in files {
        let planes = face(&bytes).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(planes.len(), FACE_VALUES);
        let (red, others) = planes.split_at(FACE_VALUES / 3);
        assert!(others.starts_with(red) && others.ends_with(red), "{path}");
        assert!(
            red.iter().all(|v| v.fract() == 0.0),
            "{path}: no value is resized"
        );
        let mean = red.iter().sum::<f32>() / red.len() as f32;
        assert!((5.0..250.0).contains(&mean), "{path}: mean {mean}");
    }
}

#[test]
fn voices_last_as_long_as_their_table_says() {
    let Some(folder) = data() else { return };
    let mut table = csv::Reader::from_path(folder.join("audio.csv")).unwrap();
    let seconds: HashMap<String, f64> = table
        .deserialize::<HashMap<String, String>>()
        .map(|row| {
            let mut row = row.unwrap();
            let seconds = row["seconds"].parse().unwrap();
            (row.remove("path").unwrap(), seconds)
        })
        .collect();
    let files = files(&folder.join("audio.tar"));
    assert!(!files.is_empty());
    for (path, bytes) in files {
        let samples = voice(&bytes).unwrap_or_else(|e| panic!("{path}: {e}"));
        let found = samples.len() as f64 / f64::from(VOICE_RATE_HZ);
        // The table has two decimals.
        assert!((found - seconds[&path]).abs() < 0.02, "{path}: {found} s");
        // Whispered ones reach a hundredth of full scale.
        assert!(samples.iter().any(|s| s.abs() > 0.001), "{path}: silence");
    }
}
