//! The report as files.

use std::path::{Path, PathBuf};

use mesm_data::store::{Store, write_atomically};
use mesm_train::figures::{self, FigureError};
use mesm_train::tables::{MaskMeans, Page};

use crate::error::CliError;

/// What goes before figures of utterances that nobody spoke.
const COMPOSED: &str = "The utterances are composed: faces, voices and sentences of different people were put together by \
    their label, so the modalities are independent given the label and all figures are optimistic.";

/// Fewer rows to judge than this tell nothing.
const FEW: usize = 100;

/// Where a report is written.
pub(super) struct Document<'a> {
    pub(super) folder: &'a Path,
    pub(super) store: &'a Store,
    /// Whether rows of one modality were put together.
    pub(super) composed: bool,
    /// Whether tables about sentiment were left out for want of ratings.
    pub(super) left_out: bool,
}

impl Document<'_> {
    /// Writes all files; returns their paths, the report itself first.
    pub(super) fn write(&self, pages: &[Page]) -> Result<Vec<PathBuf>, CliError> {
        std::fs::create_dir_all(self.folder)
            .map_err(|source| CliError::unwritable(self.folder, source))?;
        let mut files = Files {
            folder: self.folder,
            written: Vec::new(),
        };
        let mut text = self.beginning();
        for page in pages {
            match page {
                Page::Table(table) => {
                    text += &table.markdown();
                    let name = format!("{}.tex", file_name(&table.title));
                    text += &["\n[LaTeX](", &name, ")\n\n"].concat();
                    files.write(&name, &table.latex())?;
                }
                Page::TopP(sweep) => {
                    text += "## Quality and cost over p\n\n";
                    let drawn = figures::sweep("MESM over p, FE2E as a level", sweep);
                    text += &files.figure("top-p", "Quality and cost over p", drawn)?;
                    let csv = sweep
                        .csv()
                        .map_err(|e| CliError::Arguments(e.to_string()))?;
                    files.write("top-p.csv", &csv)?;
                    text += "\n[Table](top-p.csv)\n\n";
                }
                Page::Masks(title, all) => {
                    text += &["## ", title, "\n\n"].concat();
                    for means in all {
                        text += &masks(&mut files, means)?;
                    }
                }
            }
        }
        let text = format!("{}\n", text.trim_end());
        let report = files.write("report.md", &text)?;
        files.written.retain(|path| *path != report);
        files.written.insert(0, report);
        Ok(files.written)
    }

    fn beginning(&self) -> String {
        let splits: Vec<String> = self
            .store
            .splits()
            .iter()
            .map(|split| format!("{split} {}", self.store.rows(split).len()))
            .collect();
        let mut text = format!(
            "# Emotion recognition on {}\n\nRows: {}. Classes: {}. Everything was trained on `train`, chosen on `valid` \
             and judged on `test`; several seeds give mean ± standard deviation. Bold is the best of our means.\n\n",
            self.store.sources().join(", "),
            splits.join(", "),
            self.store.classes().join(", ")
        );
        if self.composed {
            text += COMPOSED;
            text += "\n\n";
        }
        let judged = self.store.rows("test").len();
        if judged < FEW {
            text += &[
                "The split `test` has ",
                &judged.to_string(),
                " rows: what follows shows that everything works; the figures mean nothing.\n\n",
            ]
            .concat();
        }
        if self.left_out {
            text += "Tables about sentiment are left out: the data have no ratings of it.\n\n";
        }
        text
    }
}

fn masks(files: &mut Files<'_>, means: &MaskMeans) -> Result<String, CliError> {
    let what = match means.modality.as_str() {
        "t" => "words",
        "v" => "faces",
        _ => "voices",
    };
    let drawn = figures::masks(&format!("Mean mask of each feature: {what}"), means);
    files.figure(&format!("masks-{what}"), &format!("Masks of {what}"), drawn)
}

/// Files of a folder, written one after the other.
struct Files<'a> {
    folder: &'a Path,
    written: Vec<PathBuf>,
}

impl Files<'_> {
    fn write(&mut self, name: &str, text: &str) -> Result<PathBuf, CliError> {
        let path = self.folder.join(name);
        write_atomically(&path, text.as_bytes())?;
        self.written.push(path.clone());
        Ok(path)
    }

    /// Writes a figure; returns the Markdown that shows it, or says that there is nothing to show.
    fn figure(
        &mut self,
        name: &str,
        what: &str,
        drawn: Result<String, FigureError>,
    ) -> Result<String, CliError> {
        match drawn {
            Ok(svg) => {
                let name = format!("{name}.svg");
                self.write(&name, &svg)?;
                Ok(format!("![{what}]({name})\n"))
            }
            Err(FigureError::Empty { .. }) => Ok("There is nothing to draw.\n".to_owned()),
            Err(error) => Err(CliError::Arguments(error.to_string())),
        }
    }
}

/// `All models by class` as `all-models-by-class`.
fn file_name(title: &str) -> String {
    let letters = title.to_lowercase();
    let words: Vec<&str> = letters
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-")
}
