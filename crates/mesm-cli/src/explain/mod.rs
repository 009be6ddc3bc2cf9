//! `mesm explain`: what the attention keeps of faces and voices (Figures 3, 4 and 6 of the NAACL paper), and whether it lies
//! where faces move with emotions (its section 6.2, in numbers).

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use image::RgbImage;
use mesm::Modalities;
use mesm_data::clip::WindowOptions;
use mesm_data::store::{HEAD_FILE, Store, write_atomically};

use crate::error::CliError;
use crate::input::Input;
use crate::{device, overlay};
use explainer::Explainer;
use findings::Findings;
use report::Report;

mod arguments;
mod clip;
mod exhibit;
mod explainer;
mod facs;
mod findings;
mod gallery;
mod landmarks;
mod letters;
mod page;
mod regions;
mod report;
mod rows;
mod sheet;

pub use arguments::ExplainArguments;

const SPLIT: &str = "test";
const FACES: &str = "faces.png";
const VOICES: &str = "voices.png";
const REGIONS: &str = "regions.png";
const TABLE: &str = "facs.csv";
const PAGE: &str = "explain.md";

/// What is explained.
enum Source {
    Store(Box<Store>, String),
    Clip(Box<Input>),
}

/// Carries `mesm explain` out; the score goes to `stdout`, everything else into the folder.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub fn run(arguments: &ExplainArguments, stdout: &mut impl Write) -> Result<(), CliError> {
    // The input first: most mistakes are there, and they should not wait for a model to load.
    let source = open(arguments)?;
    let explainer = Explainer::load(arguments, &device::open(arguments.device)?)?;
    let (weights, top_p) = (explainer.weights.clone(), explainer.config().top_p);
    let (findings, split) = match source {
        Source::Store(store, split) => {
            let findings = rows::explain(&store, &split, arguments, &explainer)?;
            (findings, Some(split))
        }
        Source::Clip(input) => (clip::explain(*input, arguments, explainer)?, None),
    };
    let mut report = Report {
        input: arguments.input.display().to_string(),
        split,
        weights,
        top_p,
        query: findings.query.clone(),
        faces: findings.facs.faces,
        points_found: findings.facs.found,
        facs: findings.facs.rows(),
        notes: findings.notes.clone(),
        files: Vec::new(),
        chosen: findings.chosen.clone(),
        highest: arguments.highest,
    };
    write(&arguments.out, &findings, &mut report)?;
    let told = if arguments.json {
        serde_json::to_string(&report).map_err(|e| CliError::Arguments(e.to_string()))? + "\n"
    } else {
        told(arguments, &report)
    };
    let written = stdout.write_all(told.as_bytes());
    written
        .and_then(|()| stdout.flush())
        .map_err(CliError::stdout)
}

/// Opens the store or the clip.
fn open(arguments: &ExplainArguments) -> Result<Source, CliError> {
    let path = arguments.input.as_path();
    if !path.join(HEAD_FILE).is_file() {
        if let Some(split) = &arguments.split {
            return Err(CliError::Arguments(format!(
                "--split {split}: {} is no store and has no splits",
                path.display()
            )));
        }
        let options = WindowOptions {
            max_side: arguments.max_side,
            ..WindowOptions::default()
        };
        let input = Input::open(path, Modalities::ALL, &options)?;
        return Ok(Source::Clip(Box::new(input)));
    }
    let store = Store::open(path)?;
    let split = arguments.split.as_deref().unwrap_or(SPLIT).to_owned();
    if store.splits().contains(&split) {
        return Ok(Source::Store(Box::new(store), split));
    }
    Err(CliError::Arguments(format!(
        "--split {split}: the data has the splits {}",
        store.splits().join(", ")
    )))
}

/// Writes pictures, table and page; the report learns their names.
fn write(folder: &Path, findings: &Findings, report: &mut Report) -> Result<(), CliError> {
    std::fs::create_dir_all(folder).map_err(|source| CliError::unwritable(folder, source))?;
    let pictures: [(&'static str, Option<RgbImage>); 3] = [
        (FACES, sheet::draw(&findings.faces, "face")),
        (VOICES, sheet::draw(&findings.voices, "voice")),
        (REGIONS, regions::draw(&findings.facs)),
    ];
    for (name, picture) in pictures {
        if let Some(picture) = picture {
            overlay::save(&folder.join(name), &picture)?;
            report.files.push(name);
        }
    }
    if !report.facs.is_empty() {
        write_atomically(&folder.join(TABLE), &report.csv()?)?;
        report.files.push(TABLE);
    }
    report.files.push(PAGE);
    write_atomically(&folder.join(PAGE), page::page(report).as_bytes())?;
    Ok(())
}

/// What is told without `--json`.
fn told(arguments: &ExplainArguments, report: &Report) -> String {
    let mut told = String::new();
    if !report.facs.is_empty() {
        told += &page::score(report);
        told += "\n";
    }
    for note in &report.notes {
        let _ = writeln!(told, "note: {note}");
    }
    let _ = writeln!(
        told,
        "{}: {}",
        arguments.out.display(),
        report.files.join(", ")
    );
    told
}
